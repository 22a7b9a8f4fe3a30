"""Run the experiments of a suite one after another and compare them with the suite's baseline.

In: ablations.yaml and a clean commit. Out: DVC experiments named SUITE-ENTRY; a table for each benchmark with paired
differences, their intervals and p-values corrected for the number of comparisons; experiments/SUITE.json. A second call
after an interruption runs only what is missing. Does not define suites: wizardcoder/experiments/suites.py does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rich.table import Table

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, read_yaml, validate
from wizardcoder.experiments.comparison import ExperimentComparison, publish_comparison
from wizardcoder.experiments.experiment import (
    Experiment,
    current_commit,
    finished_experiments,
    refuse_other_settings,
    require_clean_commit,
)
from wizardcoder.experiments.experiment_plan import plan_experiments, print_plan, refuse_cost
from wizardcoder.experiments.results import read_result
from wizardcoder.experiments.runs import exclusive_run, queue_experiment, run_if_missing
from wizardcoder.experiments.suites import FILE, Suite, read_suites, refuse_placeholders, suite_experiments


def suites_table(suites: Mapping[str, Suite]) -> Table:
    """Return a table of the suites: name, number of experiments, description."""
    table = Table("suite", "experiments", "what it compares")
    for name, suite in suites.items():
        table.add_row(name, str(len(suite.entries)), suite.description)
    return table


def entries_table(name: str) -> Table:
    """Return a table of a suite's experiments, with the commit of each that is finished at HEAD.

    Raises:
        StageError: ablations.yaml has no such suite.
    """
    commits = finished_experiments(current_commit())
    table = Table("experiment", "commit", "values")
    for experiment in suite_experiments(name, select_suite(name)):
        table.add_row(experiment.name, commits.get(experiment.name, "-")[:7], "\n".join(experiment.arguments()))
    return table


def select_suite(name: str) -> Suite:
    """Return a suite of ablations.yaml by its name.

    Raises:
        StageError: ablations.yaml has no such suite.
    """
    suites = read_suites()
    if name not in suites:
        raise StageError(f"{FILE}: found {name!r}, accepted: {', '.join(suites)}")
    return suites[name]


def run_suite(name: str, *, dry_run: bool = False, queue_only: bool = False, pay: bool = False) -> None:
    """Run the experiments of a suite that are not finished at HEAD, then compare all of them.

    Args:
        name: of a suite in ablations.yaml.
        dry_run: only print the commands, the stages that would rerun and the teacher's cost.
        queue_only: only put the experiments into DVC's queue.
        pay: run also where a teacher with a price may be asked.

    Raises:
        StageError: the suite, params.yaml, a value or the workspace is not as needed, answers would cost money and
            `pay` is not set, or an experiment failed.
    """
    suite = select_suite(name)
    validate()
    wanted = suite_experiments(name, suite)
    refuse_placeholders(wanted)
    start = current_commit() if dry_run else require_clean_commit()
    commits = _finished(wanted, start)
    missing = [experiment for experiment in wanted if experiment.name not in commits]
    console.say(
        f"ablate: {name}: {len(wanted)} experiments, {len(wanted) - len(missing)} finished at {start[:7]}, "
        f"{len(missing)} to run"
    )
    planned = plan_experiments(missing) if missing else []
    if planned:
        print_plan(planned)
    if dry_run:
        return
    if not pay:
        refuse_cost(planned)
    if queue_only:
        _queue(missing)
    else:
        failed = _run(wanted, start) if missing else {}
        _compare(name, suite, wanted, start, failed)


def _finished(wanted: Sequence[Experiment], start: str) -> dict[str, str]:
    """Return the commits of finished experiments, after a check of every key and of settings under the same name."""
    commits = finished_experiments(start)
    for experiment in wanted:
        source = f"{FILE}: {experiment.name}"
        experiment.params(source)
        if experiment.name in commits:
            refuse_other_settings(experiment, commits[experiment.name], source)
    return commits


def _queue(missing: Sequence[Experiment]) -> None:
    for experiment in missing:
        queue_experiment(experiment)
    console.say(f"ablate: {len(missing)} queued; run `dvc queue start`, and this command again when the queue is empty")


def _run(wanted: Sequence[Experiment], start: str) -> dict[str, str]:
    """Run the experiments that are not finished; return the reason of each failure by name."""
    failed: dict[str, str] = {}
    began, ran = time.monotonic(), 0
    with exclusive_run():
        for number, experiment in enumerate(wanted, start=1):
            label = f"ablate: {number} of {len(wanted)}: {experiment.name}"
            ran += experiment.name not in finished_experiments(start)
            try:
                run_if_missing(experiment, start, label)
            except StageError as exc:
                failed[experiment.name] = str(exc)
                console.say(f"{label}: failed: {exc}")
            if ran and number < len(wanted):
                elapsed_s = time.monotonic() - began
                left = len([e for e in wanted[number:] if e.name not in finished_experiments(start)])
                console.say(f"ablate: {elapsed_s:.0f} s so far, {left} left: about {left * elapsed_s / ran:.0f} s")
    return failed


def _compare(name: str, suite: Suite, wanted: Sequence[Experiment], start: str, failed: Mapping[str, str]) -> None:
    """Print and write the comparison of all finished experiments, then raise if any failed."""
    commits = finished_experiments(start)
    results = [read_result(e.name, commits[e.name]) for e in wanted if e.name in commits]
    baseline = f"{name}-{suite.baseline}"
    if baseline in commits and len(results) > 1:
        dev = str(read_yaml(PARAMS_FILE)["evaluate"]["dev"])
        publish_comparison(ExperimentComparison(name, suite.description, baseline, start, dev, wanted, results, failed))
    if failed:
        reasons = "; ".join(failed.values())
        raise StageError(
            f"{len(failed)} of {len(wanted)} experiments failed: {reasons}; the same command runs them again"
        )

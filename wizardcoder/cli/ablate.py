"""Ablations: the experiments of a suite, one after another, and their differences from its baseline.

In: ablations.yaml, a clean commit. Out: DVC experiments named SUITE-ENTRY; a table of every benchmark with paired
differences, their intervals and p-values, corrected for their number; experiments/SUITE.json. Not a stage: nothing
depends on it. Called again after an interruption, it goes on where it was.

    python -m wizardcoder.cli.ablate                      the suites
    python -m wizardcoder.cli.ablate SUITE                runs what was not made at this commit, then compares
    python -m wizardcoder.cli.ablate SUITE --list         its entries, and which were made
    python -m wizardcoder.cli.ablate SUITE --dry-run      the commands, the stages that would rerun, the teacher's cost
    python -m wizardcoder.cli.ablate SUITE --queue        only puts them in DVC's queue
"""

from __future__ import annotations

import argparse
import time

from rich.table import Table

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, read_yaml
from wizardcoder.experiments.comparison import Comparison, publish
from wizardcoder.experiments.rerun_plan import plan, refuse_cost, tell
from wizardcoder.experiments.results import read_result
from wizardcoder.experiments.runs import (
    Experiment,
    clean_head,
    ensure,
    head,
    made,
    one_at_a_time,
    queue,
    refuse_other_settings,
)
from wizardcoder.experiments.suites import FILE, Suite, experiments, read_suites, refuse_placeholders


def main() -> None:
    """List suites, or run one and compare."""
    options = _parser().parse_args()
    suites = read_suites()
    if options.suite is None:
        console.show(_suites(suites))
        return
    if options.suite not in suites:
        raise StageError(f"{FILE}: found {options.suite!r}, accepted: {', '.join(suites)}")
    suite = suites[options.suite]
    wanted = experiments(options.suite, suite)
    if options.list:
        console.show(_entries(wanted, made(head())))
        return
    refuse_placeholders(wanted)
    start = head() if options.dry_run else clean_head()
    present = _checked(wanted, start)
    missing = [experiment for experiment in wanted if experiment.name not in present]
    console.say(
        f"ablate: {options.suite}: {len(wanted)} experiments, {len(wanted) - len(missing)} made at {start[:7]}, "
        f"{len(missing)} to run"
    )
    planned = plan(missing) if missing else []
    if planned:
        tell(planned)
    if options.dry_run:
        return
    if not options.pay:
        refuse_cost(planned)
    if options.queue:
        _queue(missing)
    else:
        failed = _run(wanted, start) if missing else {}
        _compare(options.suite, suite, wanted, start, failed)


def _checked(wanted: list[Experiment], start: str) -> dict[str, str]:
    """Give what was made at this commit, once every value is known to params.yaml and no name stands for others."""
    present = made(start)
    for experiment in wanted:
        source = f"{FILE}: {experiment.name}"
        experiment.params(source)
        if experiment.name in present:
            refuse_other_settings(experiment, present[experiment.name], source)
    return present


def _queue(missing: list[Experiment]) -> None:
    for experiment in missing:
        queue(experiment)
    console.say(f"ablate: {len(missing)} queued; `dvc queue start`, and when all is done this command again")


def _run(wanted: list[Experiment], start: str) -> dict[str, str]:
    """Run what is missing; gives the reason of each that failed."""
    failed: dict[str, str] = {}
    began, ran = time.monotonic(), 0
    with one_at_a_time():
        for number, experiment in enumerate(wanted, start=1):
            label = f"ablate: {number} of {len(wanted)}: {experiment.name}"
            ran += experiment.name not in made(start)
            try:
                ensure(experiment, start, label)
            except StageError as exc:
                failed[experiment.name] = str(exc)
                console.say(f"{label}: failed: {exc}")
            if ran and number < len(wanted):
                elapsed_s = time.monotonic() - began
                left = len([e for e in wanted[number:] if e.name not in made(start)])
                console.say(f"ablate: {elapsed_s:.0f} s so far, {left} left: about {left * elapsed_s / ran:.0f} s")
    return failed


def _compare(name: str, suite: Suite, wanted: list[Experiment], start: str, failed: dict[str, str]) -> None:
    """Show and write what was made; a suite with failures ends in an error after that."""
    present = made(start)
    found = [read_result(e.name, present[e.name]) for e in wanted if e.name in present]
    baseline = f"{name}-{suite.baseline}"
    if baseline in present and len(found) > 1:
        dev = str(read_yaml(PARAMS_FILE)["evaluate"]["dev"])
        publish(Comparison(name, suite.description, baseline, start, dev, wanted, found, failed))
    if failed:
        told = "; ".join(failed.values())
        raise StageError(f"{len(failed)} of {len(wanted)} experiments failed: {told}; the same command runs them again")


def _suites(suites: dict[str, Suite]) -> Table:
    table = Table("suite", "experiments", "what it asks")
    for name, suite in suites.items():
        table.add_row(name, str(len(suite.entries)), suite.description)
    return table


def _entries(wanted: list[Experiment], present: dict[str, str]) -> Table:
    table = Table("experiment", "made", "values")
    for experiment in wanted:
        table.add_row(experiment.name, present.get(experiment.name, "-")[:7], "\n".join(experiment.arguments()))
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m wizardcoder.cli.ablate", description="Run a suite of experiments.")
    parser.add_argument("suite", nargs="?", help=f"one of {FILE}; without it: which there are")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="only show its entries, and which were made at this commit")
    what.add_argument("--dry-run", action="store_true", help="only show what would run, and what it may cost")
    what.add_argument("--queue", action="store_true", help="only queue them, for `dvc queue start`")
    parser.add_argument("--pay", action="store_true", help="run also where a teacher with a price is asked")
    return parser


if __name__ == "__main__":
    console.entry(main)

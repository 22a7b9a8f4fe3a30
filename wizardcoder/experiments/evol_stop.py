"""Find the round after which further evolution no longer helps, as in section 3.3 of the paper ("Evol Stop").

In: a clean commit; the `evol_stop` section of params.yaml. Out: a DVC experiment for each round, named evol-stop-N; the
curve of scores; `merge.rounds` of params.yaml up to the best round. Each step evolves, merges, trains and scores one
round more, until the score on the development benchmark drops. Rounds that are not reached are switched off in every
experiment, so the teacher is not asked for them; only the development benchmark is scored, so no test set takes part in
the choice. Experiments run in temporary folders (wizardcoder/experiments/runs.py): the workspace changes once, at the
end. A second call after an interruption runs only what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic.dataclasses import dataclass as params_dataclass
from rich.table import Table

from wizardcoder.core import console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, STRICT, load
from wizardcoder.core.params_file import applied, nested
from wizardcoder.core.records import replacing
from wizardcoder.decontamination.settings import DecontaminateParams
from wizardcoder.evaluation.results import compare_counts
from wizardcoder.evaluation.settings import EvaluateParams, check
from wizardcoder.experiments.comparison import ExperimentComparison, format_difference, format_score, publish_comparison
from wizardcoder.experiments.experiment import (
    Experiment,
    current_commit,
    finished_experiments,
    refuse_other_settings,
    require_clean_commit,
)
from wizardcoder.experiments.experiment_plan import plan_experiments, print_plan, refuse_cost
from wizardcoder.experiments.results import BenchmarkScores, ExperimentResult, Measure, read_result
from wizardcoder.experiments.runs import exclusive_run, run_if_missing
from wizardcoder.experiments.settings import EvolStopParams, StopRule
from wizardcoder.statistics.intervals import Interval
from wizardcoder.statistics.paired_tests import PairedDifference, compare_means

NAME = "evol-stop"
SEED = 0  # of the bootstrap
Decision = Literal["first", "best", "not better", "stop"]


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that Evol Stop reads."""

    decontaminate: DecontaminateParams
    evaluate: EvaluateParams
    evol_stop: EvolStopParams


@dataclass(frozen=True, slots=True)
class RoundDecision:
    """A round compared with the best one before it: the gain, its interval and p-value, and what follows from it."""

    number: int
    best_before: int | None
    gain: float
    interval: Interval
    p_value: float
    decision: Decision


def find_best_round(*, dry_run: bool = False, pay: bool = False) -> None:
    """Run round after round until the stopping rule applies, then write the best rounds into params.yaml.

    Args:
        dry_run: only print the commands, the stages that would rerun and the teacher's cost.
        pay: run also where a teacher with a price may be asked.

    Raises:
        StageError: the settings choose by a test set, answers would cost money and `pay` is not set, an experiment
            failed, or no round solved a problem.
    """
    params = load(Params)
    _check(params)
    start = current_commit() if dry_run else require_clean_commit()
    experiments = [experiment(number, params) for number in range(params.evol_stop.max_round + 1)]
    commits = finished_experiments(start)
    for each in experiments:
        if each.name in commits:
            refuse_other_settings(each, commits[each.name], NAME)
    missing = [each for each in experiments if each.name not in commits]
    planned = plan_experiments(missing) if missing else []
    if planned:
        print_plan(planned, cumulative=True)
    if dry_run:
        return
    if not pay:
        refuse_cost(planned)
    with exclusive_run():
        steps, results = _run_rounds(experiments, start, params)
    apply_best_round(steps, results, experiments, start, params)


def experiment(number: int, params: Params) -> Experiment:
    """Return the experiment of all rounds up to this one, scored only on the development benchmark."""
    others = [name for name in params.evaluate.wanted() if name != params.evaluate.dev]
    values: dict[str, object] = {"merge.rounds": list(range(number + 1)), "evaluate.held_out": 0}
    values |= round_switches(number)
    values |= {f"evaluate.problems.{name}": 0 for name in others}
    return Experiment(f"{NAME}-{number}", values)


def round_switches(last: int) -> dict[str, bool]:
    """Return the switches of all rounds: on up to and including `last`."""
    return {f"evolve.enabled.r{n}": n <= last for n in paths.EVOLVED_ROUNDS}


def decide(curve: Sequence[BenchmarkScores], measure: Measure, rule: StopRule) -> RoundDecision:
    """Compare the last round of a curve with the best one before it, and decide whether to stop.

    A tie keeps the earlier round, which is cheaper. By `interval` a drop counts if it is significant and the whole
    interval of the paired difference is below 0; by `any_drop` every drop counts.
    """
    number, best = len(curve) - 1, best_round(curve[:-1], measure)
    if best is None:
        return RoundDecision(number, None, 0.0, Interval(0.0, 0.0), 1.0, "first")
    gain = _gain(curve[best], curve[-1], measure)
    beyond_chance = gain.significant and gain.interval.high < 0
    dropped = beyond_chance if rule == "interval" else gain.difference < 0
    decision: Decision = "best" if gain.difference > 0 else "stop" if dropped else "not better"
    return RoundDecision(number, best, gain.difference, gain.interval, gain.p_value, decision)


def best_round(curve: Sequence[BenchmarkScores], measure: Measure) -> int | None:
    """Return the first of the best rounds; None for an empty curve."""
    sign = -1 if measure == "nll" else 1
    values = [sign * scores.means[measure].value for scores in curve]
    return values.index(max(values)) if values else None


def _gain(before: BenchmarkScores, after: BenchmarkScores, measure: Measure) -> PairedDifference:
    """Return the gain from `before` to `after`; positive is better, for both measures."""
    if measure == "pass_at_1":
        return compare_counts(before.counts, after.counts, SEED)
    return compare_means(after.nlls, before.nlls, SEED)


def _check(params: Params) -> None:
    """Refuse a development benchmark that is a test set or is not scored."""
    check(params.evaluate, params.decontaminate.benchmarks)
    if params.evaluate.dev not in params.evaluate.wanted():
        raise StageError(
            f"params.yaml: evaluate.problems.{params.evaluate.dev}: found 0, accepted: null or a number of problems, "
            "since evaluate.dev decides when to stop"
        )


def _run_rounds(
    experiments: list[Experiment], start: str, params: Params
) -> tuple[list[RoundDecision], list[ExperimentResult]]:
    """Run round after round until one decides to stop."""
    dev, measure = params.evaluate.dev, params.evol_stop.measure
    steps: list[RoundDecision] = []
    results: list[ExperimentResult] = []
    for number, each in enumerate(experiments):
        commit = run_if_missing(
            each, start, f"evol_stop: round {number} of at most {len(experiments) - 1}: {each.name}"
        )
        results.append(read_result(each.name, commit))
        if dev not in results[-1].scores or measure not in results[-1].scores[dev].means:
            raise StageError(
                f"{each.name}: {dev} has no {measure}, accepted: another evol_stop.measure or evaluate.dev"
            )
        steps.append(decide([result.scores[dev] for result in results], measure, params.evol_stop.rule))
        score = format_score(results[-1].scores[dev].means[measure])
        console.say(f"evol_stop: round {number}: {dev} {measure} {score}: {steps[-1].decision}")
        if steps[-1].decision == "stop":
            break
    return steps, results


def apply_best_round(
    steps: list[RoundDecision],
    results: list[ExperimentResult],
    experiments: list[Experiment],
    start: str,
    params: Params,
) -> None:
    """Print the curve, write it to experiments/, and write the best rounds into params.yaml."""
    dev, measure = params.evaluate.dev, params.evol_stop.measure
    curve = [result.scores[dev] for result in results]
    best = best_round(curve, measure)
    assert best is not None
    console.show(_table(steps, curve, measure, dev))
    name = experiments[best].name
    description = f"Evol Stop by {measure} of {dev}, rule {params.evol_stop.rule}"
    publish_comparison(ExperimentComparison(NAME, description, name, start, dev, experiments, results, {}))
    if measure == "pass_at_1" and not any(scores.means[measure].value for scores in curve):
        raise StageError(
            f"{dev}: no round solved a problem, so nothing was measured; params.yaml is unchanged, "
            "accepted: evol_stop.measure nll, or an easier evaluate.dev"
        )
    values = {"merge.rounds": list(range(best + 1)), **round_switches(best)}
    text = applied(PARAMS_FILE.read_text(encoding="utf-8"), nested(values), NAME)
    with replacing(PARAMS_FILE) as file:
        file.write(text)
    ended = "stopped by round" if steps[-1].decision == "stop" else "not stopped; last round"
    console.say(f"evol_stop: {ended} {steps[-1].number}, best is {best}: merge.rounds is {values['merge.rounds']}")
    console.say("`dvc repro` restores it from the cache and scores the other benchmarks; then commit")


def _table(steps: Sequence[RoundDecision], curve: Sequence[BenchmarkScores], measure: Measure, dev: str) -> Table:
    table = Table("rounds", f"{dev} {measure}", "better than", "by", "p", "decision")
    for step, scores in zip(steps, curve, strict=True):
        rounds = "0" if step.number == 0 else f"0 to {step.number}"
        cells = (f"round {step.best_before}", format_difference(step.gain, step.interval), f"{step.p_value:.4f}")
        by = ("", "", "") if step.best_before is None else cells
        table.add_row(rounds, format_score(scores.means[measure]), *by, step.decision)
    return table

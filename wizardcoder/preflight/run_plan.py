"""What `dvc repro` would do for the present edits: stages, reasons, money, hours. The command `wizardcoder plan`.

In: the workspace, dvc.lock, params.yaml; data, models and DVC's cache may be absent, as in a fresh clone. Out: tables.
The stages are an upper bound: one whose inputs come out unchanged is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.table import Table

from wizardcoder.core import console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.estimates.estimate import estimate_costs
from wizardcoder.estimates.table import print_estimate
from wizardcoder.experiments.rerun_plan import StageRerun, plan_reruns
from wizardcoder.preflight.params import AllParams
from wizardcoder.training.planning.plan import plan_training, show_plan

ASKING = ("evolve_", "screen", "analyze", "decontaminate", "evaluate")
"""The stages that may ask a teacher or an endpoint."""
MAX_REASONS = 4


def show_run_plan(hardware: str | None = None, base: Path = paths.BASE_MODEL) -> None:
    """Print the stages that would run and why, then the cost of new answers, then memory and hours of the training.

    Args:
        hardware: such as `8xH100`; the training plan is then printed even if training is up to date.
        base: the base model's folder; its config.json is enough.

    Raises:
        StageError: this is not a project's folder, params.yaml is invalid, the base model is missing, or the training
            cannot fit.
    """
    params = load(AllParams)
    if hardware is not None and not (base / "config.json").is_file():
        raise StageError(f"{base}: no config.json; --on works after `dvc repro base`, or with --base DIR")
    reruns = plan_reruns()
    if not reruns:
        console.say("up to date: no stage would run")
    else:
        console.show(rerun_table(reruns))
        console.say(describe_reruns(reruns))
        _show_costs(reruns)
    if hardware is not None or any(rerun.name == "train" for rerun in reruns):
        asked = hardware is not None or base != paths.BASE_MODEL
        _show_part(
            "training plan", lambda: show_plan(plan_training(params.train, base, hardware)), asked or base.is_dir()
        )


def rerun_table(reruns: Sequence[StageRerun]) -> Table:
    """Return a row per stage: what happens, why, and how long it last took."""
    table = Table("stage", "what happens", "why", "last time")
    for rerun in reruns:
        seconds = "-" if rerun.last_seconds is None else _duration(rerun.last_seconds)
        table.add_row(rerun.name, _action(rerun), _why(rerun), seconds)
    return table


def describe_reruns(reruns: Sequence[StageRerun]) -> str:
    """Return one line: how many stages run for sure, how many depend on new outputs, and their last time together."""
    certain = [rerun for rerun in reruns if _action(rerun) == "runs"]
    possible = [rerun for rerun in reruns if _action(rerun) == "may run"]
    seconds = [rerun.last_seconds for rerun in (*certain, *possible) if rerun.last_seconds is not None]
    took = f"; last time these took {_duration(sum(seconds))}" if seconds else ""
    will = f"{len(certain)} stage{'s' * (len(certain) != 1)} will run"
    may = f"; {len(possible)} more only if their inputs change" if possible else ""
    return f"{will}{may}{took}"


def _action(rerun: StageRerun) -> str:
    if rerun.pull_suffices:
        return "pulled or restored"
    if rerun.cached:
        return "restored from cache"
    return "may run" if rerun.only_downstream else "runs"


def _why(rerun: StageRerun) -> str:
    if rerun.only_downstream:
        return f"reads {', '.join(rerun.after)}"
    lines = [str(reason) for reason in rerun.reasons[:MAX_REASONS]]
    more = len(rerun.reasons) - MAX_REASONS
    return "\n".join(lines + [f"and {more} more"] * (more > 0))


def _show_costs(reruns: Sequence[StageRerun]) -> None:
    if not any(rerun.name.startswith(ASKING) and not rerun.pull_suffices for rerun in reruns):
        console.say("money: no stage that asks a model is affected")
        return
    _show_part("estimate", lambda: print_estimate(estimate_costs()), required=False)


def _show_part(what: str, show: Callable[[], None], required: bool) -> None:
    """Show a part of the plan; if it is not required, print why it cannot be shown yet instead of failing."""
    try:
        show()
    except StageError as exc:
        if required:
            raise
        console.say(f"no {what} yet: {exc}")


def _duration(seconds: float) -> str:
    """Format seconds as a person would say them: 8 s, 4 min, 1.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"

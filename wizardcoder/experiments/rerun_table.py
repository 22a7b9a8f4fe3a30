"""Print which stages the present edits affect, why, and what they cost in time and money.

In: the affected stages, an estimate. Out: a table on the terminal and remarks below it. Sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.estimates.estimate import CostEstimate, estimate_costs
from wizardcoder.experiments.rerun_plan import StageRerun, plan_reruns

REASONS_SHOWN = 3
ASKING = ("evolve_", "screen", "analyze", "decontaminate", "evaluate")  # prefixes of stages that may ask an endpoint


def print_rerun_plan() -> None:
    """Print what `dvc repro` would run in this folder.

    Raises:
        StageError: this is not a project of DVC, or another DVC process holds it.
    """
    reruns = plan_reruns()
    shown = [rerun for rerun in reruns if not rerun.pull_suffices]
    missing = [rerun.name for rerun in reruns if rerun.pull_suffices]
    estimate, remark = _estimate(shown)
    if shown:
        console.show(rerun_table(shown, estimate))
        console.say(_sum(shown, estimate))
    else:
        console.say("plan: no edit affects a stage")
    if remark:
        console.say(remark)
    if missing:
        console.say(
            f"data is missing here, but nothing changed: {', '.join(missing)}; `dvc pull` gets it where it was pushed, "
            "plain `dvc repro` makes it again"
        )


def rerun_table(reruns: Sequence[StageRerun], estimate: CostEstimate | None) -> Table:
    """Return a row for each stage: why it runs, how long it last took, what it may cost."""
    table = Table("stage", "why", "last run", "cost", "at most")
    for rerun in reruns:
        asked = estimate.total(rerun.name) if estimate and _asks(rerun) else None
        money = (f"{asked.cost:.4f}", f"{asked.most:.4f}") if asked else ("", "")
        table.add_row(rerun.name, explain(rerun), duration(rerun.last_seconds), *money)
    return table


def explain(rerun: StageRerun) -> str:
    """Return why a stage is affected, in at most a few lines."""
    lines = [str(reason) for reason in rerun.reasons[:REASONS_SHOWN]]
    if len(rerun.reasons) > REASONS_SHOWN:
        lines.append(f"and {len(rerun.reasons) - REASONS_SHOWN} more changes")
    if rerun.only_downstream:
        lines.append(f"only if the output of {' or '.join(rerun.after)} changes")
    if rerun.cached:
        lines.append("restored from DVC's cache, not run")
    return "\n".join(lines)


def duration(seconds: float | None) -> str:
    """Format a duration: 41 s, 12 min, 3.4 h; a question mark where it is unknown."""
    if seconds is None:
        return "?"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _asks(rerun: StageRerun) -> bool:
    return rerun.name.startswith(ASKING) and not rerun.cached


def _estimate(reruns: Sequence[StageRerun]) -> tuple[CostEstimate | None, str]:
    """Estimate the money where an affected stage may ask an endpoint; return a remark where that is not possible."""
    if not any(map(_asks, reruns)):
        return None, ""
    try:
        return estimate_costs(), ""
    except StageError as exc:
        return None, f"no estimate of money: {exc}"


def _sum(reruns: Sequence[StageRerun], estimate: CostEstimate | None) -> str:
    run = [rerun for rerun in reruns if not rerun.cached]
    measured = [rerun.last_seconds for rerun in run if rerun.last_seconds is not None]
    parts = [f"plan: at most {len(run)} stages run", f"{duration(sum(measured))} by their last runs"]
    if len(measured) < len(run):
        parts[1] += f", {len(run) - len(measured)} not measured"
    if estimate:
        totals = [estimate.total(rerun.name) for rerun in run if _asks(rerun)]
        cost, most = sum(total.cost for total in totals), sum(total.most for total in totals)
        parts.append(f"cost {cost:.4f}, at most {most:.4f}")
    return "; ".join(parts)

"""Follow a training sample through the stages after the rounds.

In: an accepted sample, a revision of the project. Out: what screen, merge, decontaminate and train did with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example
from wizardcoder.lineage.record_files import rows_with
from wizardcoder.lineage.revision import Revision

AFTER_THE_ROUNDS: tuple[tuple[str, Callable[[int], Path], Path], ...] = (
    ("screen", paths.screened_round, paths.SCREENED_OUT),
    ("merge", lambda _: paths.MERGED_EXAMPLES, paths.MERGED_REMOVED),
    ("decontaminate", lambda _: paths.TRAINING_EXAMPLES, paths.EXCLUDED),
)
_TRAINED: dict[str, tuple[str, dict[str, Any]]] = {
    "trained": ("kept", {}),
    "cut": ("kept", {"cut": "its end does not fit train.max_tokens"}),
    "held_out": ("held out", {}),
    "no_response": ("dropped", {"reason": "no_response"}),
    "too_long": ("dropped", {"reason": "too_long"}),
}
_SHOWN_ABOVE = {"id", "parent_id", "round", "heuristic", "instruction", "response"}


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """What a stage after the rounds did with a sample.

    `state`: kept, dropped, left out (the stage did not read it), not run, unavailable (the data is not here); of train
    also held out, and unknown where the run did not record outcomes.
    """

    stage: str
    state: str
    detail: dict[str, Any] = field(default_factory=dict)


def follow_sample(sample: Example, revision: Revision) -> Iterator[StageOutcome]:
    """Follow an accepted sample through the stages after the rounds, until one drops it or its data is unavailable."""
    stage = ""
    try:
        for stage, kept_in, dropped_in in AFTER_THE_ROUNDS:
            outcomes = list(_outcomes_of(stage, sample, kept_in(sample.round), dropped_in, revision))
            yield from outcomes
            if outcomes[-1].state in ("dropped", "left out"):
                return
        stage = "train"
        yield _trained(sample, revision)
    except StageError as exc:
        yield StageOutcome(stage, "unavailable", {"reason": str(exc)})


def _trained(sample: Example, revision: Revision) -> StageOutcome:
    row = next(rows_with(paths.TRAIN_OUTCOMES, "id", sample.id, revision), None)
    if row is not None:
        return StageOutcome("train", *_TRAINED[row["outcome"]])
    if revision.has(paths.TRAIN_OUTCOMES.as_posix()):
        return StageOutcome("train", "left out")
    return StageOutcome("train", "unknown" if "train" in revision.stages else "not run")


def _outcomes_of(
    stage: str, sample: Example, kept_in: Path, dropped_in: Path, revision: Revision
) -> Iterator[StageOutcome]:
    """Yield what one stage did with a sample: several outcomes where several test samples exclude it."""
    kept = next(rows_with(kept_in, "id", sample.id, revision), None)
    if kept is not None:
        yield StageOutcome(
            stage, "kept", {key: kept[key] for key in ("language", "verdict", "flags") if stage == "screen"}
        )
        return
    dropped = list(rows_with(dropped_in, "id", sample.id, revision))
    for row in dropped:
        yield StageOutcome(stage, "dropped", {key: value for key, value in row.items() if key not in _SHOWN_ABOVE})
    if not dropped:
        yield StageOutcome(stage, "left out" if revision.has(kept_in.as_posix()) else "not run")

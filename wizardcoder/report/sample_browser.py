"""Every attempted record with its outcome, grouped into lineages and packed for the page.

In: the files of the rounds, of screen, merge, decontaminate and train. Out: lineages, each a seed and its evolutions by
round, every attempt with its outcome and reason; an index, and pieces of texts that a browser unpacks one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.draws import draw_key
from wizardcoder.core.records import Example, Rejected, read_records
from wizardcoder.report.pages.payload import pack
from wizardcoder.training.outcomes import TrainOutcome, TrainOutcomeKind

PIECE_CHARS = 400_000  # ours: such a piece unpacks in about ten milliseconds and holds dozens of lineages
_COLUMNS = ("heuristic", "outcome", "reason", "verdict", "language")
_VERDICT = "verdict."  # screen's reasons are verdict.<verdict> and flag.<rule>
Outcome = Literal["trained", "not_merged", "rejected", "screened_out", "removed", "excluded", "held_out", "too_long"]
OUTCOMES: dict[Outcome, str] = {
    "trained": "in the training set",
    "not_merged": "round not merged",
    "rejected": "rejected",
    "screened_out": "removed by screen",
    "removed": "removed by merge",
    "excluded": "excluded: too close to a test",
    "held_out": "held out from training",
    "too_long": "removed by train: too long",
}
CUT = "its end is cut to fit train.max_tokens"


@checked(frozen=True, slots=True, config=ConfigDict(extra="ignore", strict=True))
class Exclusion:
    """What is shown of a line of decontaminate's excluded.jsonl."""

    id: str
    benchmark: str
    task_id: str
    judgement: str = ""


@dataclass(frozen=True, slots=True)
class AttemptedRecord:
    """One attempted record; `reason` is why it is not in the training set, "" if it is."""

    id: str
    parent_id: str | None
    round: int
    heuristic: str
    instruction: str
    response: str
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    verdict: str = ""
    language: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleLineage:
    """A seed and its evolutions, by round."""

    id: str
    attempts: tuple[AttemptedRecord, ...]


def read_lineages() -> list[SampleLineage]:
    """Read all attempts of all rounds; lineages are in the order of their seeds.

    Raises:
        StageError: a file is missing or broken, or an attempt has no parent.
    """
    return group_attempts(_read_attempts())


def group_attempts(attempts: Iterable[AttemptedRecord]) -> list[SampleLineage]:
    """Group attempts, given by round, by their first ancestor.

    Raises:
        StageError: an attempt's parent is not in an earlier round.
    """
    roots: dict[str, str] = {}
    found: dict[str, list[AttemptedRecord]] = {}
    for attempt in attempts:
        if attempt.parent_id is None:
            root = attempt.id
        elif attempt.parent_id in roots:
            root = roots[attempt.parent_id]
        else:
            place = f"{paths.round_folder(attempt.round)}: {attempt.id}"
            raise StageError(f"{place}: its parent {attempt.parent_id!r} is in no earlier round")
        roots[attempt.id] = root
        found.setdefault(root, []).append(attempt)
    return [SampleLineage(root, tuple(of_one)) for root, of_one in found.items()]


def draw_lineages(lineages: list[SampleLineage], most: int, seed: int) -> list[SampleLineage]:
    """Draw whole lineages with at most `most` attempts together; those whose seed was rejected only fill the rest."""

    def key(lineage: SampleLineage) -> tuple[bool, bytes]:
        return lineage.attempts[0].outcome == "rejected", draw_key(seed, lineage.id)

    chosen: set[str] = set()
    left = most
    for lineage in sorted(lineages, key=key):
        if len(lineage.attempts) > left:
            break
        chosen.add(lineage.id)
        left -= len(lineage.attempts)
    return [lineage for lineage in lineages if lineage.id in chosen]


def count_attempts(lineages: Iterable[SampleLineage]) -> int:
    """Count the attempts of all lineages."""
    return sum(len(lineage.attempts) for lineage in lineages)


def pack_lineages(lineages: Sequence[SampleLineage]) -> tuple[str, list[str]]:
    """Return the index, which suffices for the filters, and the pieces with the texts.

    The index has a list per column with an entry per attempt (texts as numbers into `words`), the number of attempts of
    each lineage, and the number of lineages in each piece. A piece is a list of lineages, a lineage a list of attempts,
    an attempt [id, parent_id, instruction, response, detail, flags].
    """
    attempts = [attempt for lineage in lineages for attempt in lineage.attempts]
    words = {name: sorted({getattr(attempt, name) for attempt in attempts}) for name in _COLUMNS}
    words["outcome"] = [outcome for outcome in OUTCOMES if outcome in words["outcome"]]
    places = {name: {word: n for n, word in enumerate(known)} for name, known in words.items()}
    pieces = list(_pieces(lineages))
    index = {
        "words": words,
        "outcomes": OUTCOMES,
        "round": [attempt.round for attempt in attempts],
        **{name: [places[name][getattr(attempt, name)] for attempt in attempts] for name in _COLUMNS},
        "attempts": [len(lineage.attempts) for lineage in lineages],
        "pieces": [len(piece) for piece in pieces],
    }
    return pack(index), [pack(piece) for piece in pieces]


def _read_attempts() -> Iterator[AttemptedRecord]:
    dropped = {item.id: item for item in read_records(paths.SCREENED_OUT, Rejected)}
    removed = {item.id: item for item in read_records(paths.MERGED_REMOVED, Rejected)}
    excluded = {item.id: item for item in read_records(paths.EXCLUDED, Exclusion)}
    trained = {item.id: item.outcome for item in read_records(paths.TRAIN_OUTCOMES, TrainOutcome)}
    for number in paths.ROUND_NUMBERS:
        screened = {item.id: item for item in read_records(paths.screened_round(number), Example)}
        for example in read_records(paths.round_folder(number) / "examples.jsonl", Example):
            yield _accepted(screened.get(example.id, example), dropped, removed, excluded, trained)
        for item in read_records(paths.round_folder(number) / "rejected.jsonl", Rejected):
            yield _attempt(item, "rejected", item.reason, item.detail)


def _accepted(
    example: Example,
    dropped: dict[str, Rejected],
    removed: dict[str, Rejected],
    excluded: dict[str, Exclusion],
    trained: dict[str, TrainOutcomeKind],
) -> AttemptedRecord:
    if (drop := dropped.get(example.id)) is not None:
        return _attempt(example, "screened_out", drop.reason, drop.detail)
    if (twin := removed.get(example.id)) is not None:
        return _attempt(example, "removed", twin.reason, twin.detail)
    if (test := excluded.get(example.id)) is not None:
        return _attempt(example, "excluded", f"{test.benchmark}: {test.task_id}", test.judgement)
    outcome = trained.get(example.id)
    if outcome is None:
        return _attempt(example, "not_merged")
    if outcome in ("trained", "cut"):
        return _attempt(example, "trained", detail=CUT if outcome == "cut" else "")
    return _attempt(example, "held_out") if outcome == "held_out" else _attempt(example, "too_long", outcome)


def _attempt(item: Example | Rejected, outcome: Outcome, reason: str = "", detail: str = "") -> AttemptedRecord:
    verdict = item.verdict if isinstance(item, Example) else None
    if verdict is None and reason.startswith(_VERDICT):
        verdict = reason.removeprefix(_VERDICT)
    return AttemptedRecord(
        id=item.id,
        parent_id=item.parent_id,
        round=item.round,
        heuristic=item.heuristic or "",
        instruction=item.instruction,
        response=item.response,
        outcome=outcome,
        reason=reason,
        detail=detail,
        verdict=verdict or "",
        language=(item.language or "") if isinstance(item, Example) else "",
        flags=item.flags if isinstance(item, Example) else (),
    )


def _pieces(lineages: Iterable[SampleLineage]) -> Iterable[list[list[list[object]]]]:
    piece: list[list[list[object]]] = []
    size = 0
    for lineage in lineages:
        if piece and size > PIECE_CHARS:
            yield piece
            piece, size = [], 0
        piece.append([_texts(attempt) for attempt in lineage.attempts])
        size += sum(len(attempt.instruction) + len(attempt.response) for attempt in lineage.attempts)
    if piece:
        yield piece


def _texts(attempt: AttemptedRecord) -> list[object]:
    flags = list(attempt.flags)
    return [attempt.id, attempt.parent_id, attempt.instruction, attempt.response, attempt.detail, flags]

"""Every attempt of the data stages with what became of it, put back together as lineages, and packed for the page.

In: the files of the rounds, of screen, merge, decontaminate and train. Out: lineages, each a seed and its evolutions in
order, every step with its fate and reason; an index and pieces of texts that a browser opens one by one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example, Rejected, read_jsonl
from wizardcoder.report.pages.payload import pack
from wizardcoder.training.fates import FATES as TRAIN_FATES
from wizardcoder.training.fates import Given, TrainFate

ROUNDS = Path("data/rounds")
SCREENED = Path("data/screened")
REMOVED = Path("data/merged/removed.jsonl")
DECONTAMINATED = Path("data/decontaminated")
LAST_ROUND = 4
PIECE_CHARS = 400_000  # ours: a piece of this size opens in some ten milliseconds, and holds dozens of lineages
_COLUMNS = ("heuristic", "fate", "reason", "verdict", "language")
VERDICT = "verdict."  # screen's reasons: verdict.<verdict>, flag.<rule>
Fate = Literal["trained", "not_merged", "rejected", "screened_out", "removed", "excluded", "held_out", "too_long"]
FATES: dict[Fate, str] = {
    "trained": "in the training set",
    "not_merged": "round not merged",
    "rejected": "rejected",
    "screened_out": "dropped by screen",
    "removed": "removed by merge",
    "excluded": "excluded: too close to a test",
    "held_out": "held out from training",
    "too_long": "dropped by train: too long",
}
CUT = "its end was cut to fit train.max_tokens"


@checked(frozen=True, slots=True, config=ConfigDict(extra="ignore", strict=True))
class Exclusion:
    """Of decontaminate's excluded.jsonl what is shown."""

    id: str
    benchmark: str
    task_id: str
    judgement: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt; `reason` says why it is not in the training set, "" where it is."""

    id: str
    parent_id: str | None
    round: int
    heuristic: str
    instruction: str
    response: str
    fate: Fate
    reason: str = ""
    detail: str = ""
    verdict: str = ""
    language: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lineage:
    """A seed and what it became, by round."""

    id: str
    steps: tuple[Step, ...]


def read_lineages() -> list[Lineage]:
    """Read all attempts of all rounds, lineages in the seed's order.

    Raises:
        StageError: a file is missing or broken, or an attempt's parent is nowhere.
    """
    return grouped(_steps())


def grouped(steps: Iterable[Step]) -> list[Lineage]:
    """Put steps, given by round, together by their first ancestor.

    Raises:
        StageError: a step's parent did not come before it.
    """
    roots: dict[str, str] = {}
    found: dict[str, list[Step]] = {}
    for step in steps:
        if step.parent_id is None:
            root = step.id
        elif step.parent_id in roots:
            root = roots[step.parent_id]
        else:
            raise StageError(f"{ROUNDS}/r{step.round}: {step.id}: its parent {step.parent_id!r} is in no earlier round")
        roots[step.id] = root
        found.setdefault(root, []).append(step)
    return [Lineage(root, tuple(of_one)) for root, of_one in found.items()]


def choose(lineages: list[Lineage], most: int, seed: int) -> list[Lineage]:
    """Give whole lineages with at most `most` steps together, drawn by the seed; those that began come first.

    A seed that was rejected at the door evolves into nothing: such lineages fill what the others leave.
    """

    def drawn(lineage: Lineage) -> tuple[bool, bytes]:
        lot = hashlib.blake2b(f"{seed}:{lineage.id}".encode(), digest_size=8).digest()
        return lineage.steps[0].fate == "rejected", lot

    chosen: set[str] = set()
    left = most
    for lineage in sorted(lineages, key=drawn):
        if len(lineage.steps) > left:
            break
        chosen.add(lineage.id)
        left -= len(lineage.steps)
    return [lineage for lineage in lineages if lineage.id in chosen]


def pack_lineages(lineages: Sequence[Lineage]) -> tuple[str, list[str]]:
    """Give the index, which is enough to filter by, and the pieces with the texts.

    The index holds a list per column with an entry per step (texts as numbers into `words`), the number of steps of
    each lineage, and the number of lineages in each piece. A piece is a list of lineages, a lineage a list of steps, a
    step [id, parent_id, instruction, response, detail, flags].
    """
    steps = [step for lineage in lineages for step in lineage.steps]
    words = {name: sorted({getattr(step, name) for step in steps}) for name in _COLUMNS}
    words["fate"] = [fate for fate in FATES if fate in words["fate"]]
    places = {name: {word: n for n, word in enumerate(known)} for name, known in words.items()}
    pieces = list(_pieces(lineages))
    index = {
        "words": words,
        "fates": FATES,
        "round": [step.round for step in steps],
        **{name: [places[name][getattr(step, name)] for step in steps] for name in _COLUMNS},
        "steps": [len(lineage.steps) for lineage in lineages],
        "pieces": [len(piece) for piece in pieces],
    }
    return pack(index), [pack(piece) for piece in pieces]


def _steps() -> Iterator[Step]:
    dropped = {item.id: item for item in read_jsonl(SCREENED / "dropped.jsonl", Rejected)}
    removed = {item.id: item for item in read_jsonl(REMOVED, Rejected)}
    excluded = {item.id: item for item in read_jsonl(DECONTAMINATED / "excluded.jsonl", Exclusion)}
    trained = {item.id: item.fate for item in read_jsonl(TRAIN_FATES, TrainFate)}
    for number in range(LAST_ROUND + 1):
        screened = {item.id: item for item in read_jsonl(SCREENED / f"r{number}.jsonl", Example)}
        for example in read_jsonl(ROUNDS / f"r{number}" / "examples.jsonl", Example):
            yield _accepted(screened.get(example.id, example), dropped, removed, excluded, trained)
        for item in read_jsonl(ROUNDS / f"r{number}" / "rejected.jsonl", Rejected):
            yield _step(item, "rejected", item.reason, item.detail)


def _accepted(
    example: Example,
    dropped: dict[str, Rejected],
    removed: dict[str, Rejected],
    excluded: dict[str, Exclusion],
    trained: dict[str, Given],
) -> Step:
    if (drop := dropped.get(example.id)) is not None:
        return _step(example, "screened_out", drop.reason, drop.detail)
    if (twin := removed.get(example.id)) is not None:
        return _step(example, "removed", twin.reason, twin.detail)
    if (test := excluded.get(example.id)) is not None:
        return _step(example, "excluded", f"{test.benchmark}: {test.task_id}", test.judgement)
    fate = trained.get(example.id)
    if fate is None:
        return _step(example, "not_merged")
    if fate in ("trained", "cut"):
        return _step(example, "trained", detail=CUT if fate == "cut" else "")
    return _step(example, "held_out") if fate == "held_out" else _step(example, "too_long", fate)


def _step(item: Example | Rejected, fate: Fate, reason: str = "", detail: str = "") -> Step:
    verdict = item.verdict if isinstance(item, Example) else None
    if verdict is None and reason.startswith(VERDICT):
        verdict = reason.removeprefix(VERDICT)
    return Step(
        id=item.id,
        parent_id=item.parent_id,
        round=item.round,
        heuristic=item.heuristic or "",
        instruction=item.instruction,
        response=item.response,
        fate=fate,
        reason=reason,
        detail=detail,
        verdict=verdict or "",
        language=(item.language or "") if isinstance(item, Example) else "",
        flags=item.flags if isinstance(item, Example) else (),
    )


def _pieces(lineages: Iterable[Lineage]) -> Iterable[list[list[list[object]]]]:
    piece: list[list[list[object]]] = []
    size = 0
    for lineage in lineages:
        if piece and size > PIECE_CHARS:
            yield piece
            piece, size = [], 0
        piece.append([_texts(step) for step in lineage.steps])
        size += sum(len(step.instruction) + len(step.response) for step in lineage.steps)
    if piece:
        yield piece


def _texts(step: Step) -> list[object]:
    return [step.id, step.parent_id, step.instruction, step.response, step.detail, list(step.flags)]

"""A blind comparison of two models' answers, and the votes that people cast on it.

In: pairs of answers. Out: a comparison, which a page carries; votes, checked against the page on which they were cast.
An item's `a` and `b` are always the same two models: the page shuffles sides by the rater's name. Does not render the
page and does not count votes (tally.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT
from wizardcoder.core.records import read_records
from wizardcoder.core.validation import describe
from wizardcoder.report.pages.payload import read_payload

PAYLOAD = "comparison"
RATER = "[A-Za-z0-9][A-Za-z0-9_-]{0,39}"  # also the name of a file
Choice = Literal["a", "b", "tie", "both_bad"]
RecordedChoice = Literal["a", "b", "tie", "both_bad", "undone"]


@dataclass(frozen=True, slots=True, config=STRICT)
class AnswerPair:
    """What a rater judges: an instruction and the answers of both models."""

    id: str
    instruction: str
    a: str
    b: str


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class BlindComparison:
    """Two models by name, the pairs of different answers, and how many pairs were left out because they are equal.

    `digest` identifies the comparison: every vote carries it.
    """

    a: str
    b: str
    items: list[AnswerPair]
    equal: int
    digest: str


@dataclass(frozen=True, slots=True, config=STRICT)
class Vote:
    """A line of a votes file; `choice` names a model, not a side; `undone` withdraws the rater's vote on the item."""

    rater: Annotated[str, Field(pattern=f"^{RATER}$")]
    comparison: str
    item: str
    choice: RecordedChoice


def make_comparison(a: str, b: str, items: list[AnswerPair], equal: int) -> BlindComparison:
    """Build a comparison; its digest covers everything that a rater sees."""
    content = json.dumps([a, b, *([item.id, item.instruction, item.a, item.b] for item in items)])
    return BlindComparison(a, b, items, equal, hashlib.blake2b(content.encode(), digest_size=6).hexdigest())


def to_json(comparison: BlindComparison) -> Any:  # noqa: ANN401 - any JSON
    """Return the comparison as the page carries it."""
    return TypeAdapter(BlindComparison).dump_python(comparison, mode="json")


def read_comparison(page: Path) -> BlindComparison:
    """Read the comparison that a page carries.

    Raises:
        StageError: the file is not such a page.
    """
    try:
        return TypeAdapter(BlindComparison).validate_json(json.dumps(read_payload(page, PAYLOAD)))
    except ValidationError as exc:
        raise StageError(f"{page}: {PAYLOAD}: {describe(exc)}") from exc


def read_votes(paths: Sequence[Path], comparison: BlindComparison) -> dict[str, dict[str, Choice]]:
    """Read votes files: the choice on each item by rater, without withdrawn votes.

    Raises:
        StageError: a line is truncated or not a vote, belongs to another comparison, names an unknown item, or is a
            second vote of a rater on an item; names file and line.
    """
    known = {item.id for item in comparison.items}
    votes: dict[str, dict[str, Choice]] = {}
    places: dict[tuple[str, str], str] = {}
    for path in paths:
        for line, vote in enumerate(read_records(path, Vote), start=1):
            place, key = f"{path}:{line}", (vote.rater, vote.item)
            _refuse_foreign(vote, place, comparison.digest, known)
            own = votes.setdefault(vote.rater, {})
            if vote.choice == "undone":
                if own.pop(vote.item, None) is None:
                    raise StageError(f"{place}: item: {vote.rater} withdraws a vote on {vote.item!r}, but has none")
            elif vote.item in own:
                raise StageError(
                    f"{place}: item: {vote.rater} votes on {vote.item!r} again (first: {places[key]}), accepted: once"
                )
            else:
                own[vote.item], places[key] = vote.choice, place
    if not any(votes.values()):
        raise StageError(f"{', '.join(map(str, paths))}: no votes")
    return votes


def _refuse_foreign(vote: Vote, place: str, digest: str, known: Collection[str]) -> None:
    if vote.comparison != digest:
        raise StageError(
            f"{place}: comparison: found {vote.comparison[:80]!r}, accepted: {digest!r}, the page's; "
            "its answers may have changed since the vote"
        )
    if vote.item not in known:
        raise StageError(f"{place}: item: found {vote.item[:80]!r}, accepted: an item of the page")

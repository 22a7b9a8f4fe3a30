"""A blind comparison of two models' answers, and the votes on it.

In: items that hold what a rater sees. Out: a comparison that a page carries; votes, checked against the page on which
they were cast. An item's `a` and `b` are always the same two models: the page shuffles sides by the rater's name.
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
from wizardcoder.core.records import read_jsonl
from wizardcoder.report.pages.payload import read_payload

PAGE = "report/compare.html"  # a text: who only names it does not depend on it
PAYLOAD = "comparison"
RATER = "[A-Za-z0-9][A-Za-z0-9_-]{0,39}"  # also the name of a file
Choice = Literal["a", "b", "tie", "both_bad"]
Written = Literal["a", "b", "tie", "both_bad", "undone"]


@dataclass(frozen=True, slots=True, config=STRICT)
class Item:
    """What a rater judges: an instruction and two answers."""

    id: str
    instruction: str
    a: str
    b: str


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Comparison:
    """Two models by name, the items on which they differ, and how many were left out for equal answers.

    `digest` tells one comparison from another: votes carry it.
    """

    a: str
    b: str
    items: list[Item]
    equal: int
    digest: str


@dataclass(frozen=True, slots=True, config=STRICT)
class Vote:
    """A line of a votes file; `choice` names a model, not a side; `undone` takes the rater's vote on the item back."""

    rater: Annotated[str, Field(pattern=f"^{RATER}$")]
    comparison: str
    item: str
    choice: Written


def make_comparison(a: str, b: str, items: list[Item], equal: int) -> Comparison:
    """Make a comparison; its digest follows from everything that a rater sees."""
    told = json.dumps([a, b, *([item.id, item.instruction, item.a, item.b] for item in items)])
    return Comparison(a, b, items, equal, hashlib.blake2b(told.encode(), digest_size=6).hexdigest())


def as_json(comparison: Comparison) -> Any:  # noqa: ANN401 - any JSON
    """Give what the page carries."""
    return TypeAdapter(Comparison).dump_python(comparison, mode="json")


def read_comparison(page: Path) -> Comparison:
    """Read the comparison that a page carries.

    Raises:
        StageError: it is no such page.
    """
    try:
        return TypeAdapter(Comparison).validate_json(json.dumps(read_payload(page, PAYLOAD)))
    except ValidationError as exc:
        raise StageError(f"{page}: {PAYLOAD}: {exc.errors(include_url=False)[0]['msg']}") from exc


def read_votes(paths: Sequence[Path], comparison: Comparison) -> dict[str, dict[str, Choice]]:
    """Read votes files: for each rater the choice on each item, votes that were taken back left out.

    Raises:
        StageError: a line is cut short or no vote, was cast on another comparison, names an unknown item, or is a
            second vote of a rater on an item; names file and line.
    """
    known = {item.id for item in comparison.items}
    votes: dict[str, dict[str, Choice]] = {}
    places: dict[tuple[str, str], str] = {}
    for path in paths:
        for line, vote in enumerate(read_jsonl(path, Vote), start=1):
            place, key = f"{path}:{line}", (vote.rater, vote.item)
            _refuse_stray(vote, place, comparison.digest, known)
            own = votes.setdefault(vote.rater, {})
            if vote.choice == "undone":
                if own.pop(vote.item, None) is None:
                    raise StageError(f"{place}: item: {vote.rater} takes back {vote.item!r}, but has no vote on it")
            elif vote.item in own:
                raise StageError(
                    f"{place}: item: {vote.rater} votes on {vote.item!r} again (first: {places[key]}), accepted: once"
                )
            else:
                own[vote.item], places[key] = vote.choice, place
    if not any(votes.values()):
        raise StageError(f"{', '.join(map(str, paths))}: no vote")
    return votes


def _refuse_stray(vote: Vote, place: str, digest: str, known: Collection[str]) -> None:
    if vote.comparison != digest:
        raise StageError(
            f"{place}: comparison: found {vote.comparison[:80]!r}, accepted: {digest!r}, as the page has it; "
            "were its answers made anew since?"
        )
    if vote.item not in known:
        raise StageError(f"{place}: item: found {vote.item[:80]!r}, accepted: an item of the page")

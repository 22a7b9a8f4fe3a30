"""Which records of the wanted rounds are kept, and why the others are not.

In: the rounds' records in their order, and the `merge` section. Out: what is left, by round, and each removed record's
reason. In this order: records that a heuristic left out has touched, exact duplicates, near-duplicates, and at last the
match, so that the rounds are equal in what is trained on; a twin that is named may thus itself be left out by the
match. Only ids, counts and what finds duplicates are held.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.draws import draw_order
from wizardcoder.core.params import STRICT, AtLeastOne, Text
from wizardcoder.core.records import Example
from wizardcoder.merging.near_duplicates import NearDuplicates, NearDuplicatesParams
from wizardcoder.text.words import split_tokens

REASONS = ("heuristic", "duplicate", "near_duplicate", "match")


@params_dataclass(frozen=True, slots=True, config=STRICT)
class MergeParams:
    """The rounds to join (0 is the seed), what is left out of them, and whether they are made equal."""

    rounds: list[int]
    heuristics: list[Text] | None
    match: Literal["none", "samples", "tokens"]
    target: AtLeastOne | None
    near_duplicates: NearDuplicatesParams


class Removal(NamedTuple):
    """Why a record is not kept: one of REASONS, and what it was in this case."""

    reason: str
    detail: str


class Origin(NamedTuple):
    """Where a record came from; both are None of a seed."""

    parent_id: str | None
    heuristic: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """What is left of each round, as tokens by id, and what was removed, by id."""

    left: dict[int, dict[str, int]]
    removed: dict[str, Removal]


def select(
    params: MergeParams,
    seed: int,
    rounds: Iterable[tuple[int, Iterable[Example]]],
    left_out: Callable[[Example], str | None],
) -> Selection:
    """Apply every filter to the records of the rounds, in their order; of records too alike the first stays.

    `left_out` says which heuristic forbids a record, if one does.

    Raises:
        StageError: a record stands twice, or in the file of another round.
    """
    selection = Selection({}, {})
    texts: dict[bytes, str] = {}
    near = _near_duplicates(params.near_duplicates, seed)
    seen: set[str] = set()
    for number, examples in rounds:
        left = selection.left[number] = {}
        for example in examples:
            if example.round != number:
                raise StageError(f"round {number}: {example.id}: found a record of round {example.round}")
            if example.id in seen:
                raise StageError(f"round {number}: {example.id}: found twice, accepted: each record once")
            seen.add(example.id)
            found = split_tokens(f"{example.instruction}\n{example.response}".lower())
            removal = _removal(example, found, left_out, texts, near)
            if removal is None:
                left[example.id] = len(found)
            else:
                selection.removed[example.id] = removal
    return selection


def forbidding(allowed: Collection[str], origins: Mapping[str, Origin], example: Example) -> str | None:
    """Say which heuristic that is not allowed made this record or one of its ancestors, whose text lives on in it.

    Raises:
        StageError: an ancestor is not known.
    """
    key, origin = example.id, Origin(example.parent_id, example.heuristic)
    while True:
        if origin.heuristic is not None and origin.heuristic not in allowed:
            return origin.heuristic if key == example.id else f"{origin.heuristic}, which made its ancestor {key}"
        if origin.parent_id is None:
            return None
        key = origin.parent_id
        if key not in origins:
            raise StageError(f"round {example.round}: {example.id}: its ancestor {key} is in no round")
        origin = origins[key]


def sizes(selection: Selection, params: MergeParams) -> dict[int, int]:
    """Give each round's size as `merge.match` counts it: tokens, or else records."""
    by_tokens = params.match == "tokens"
    return {number: sum(left.values()) if by_tokens else len(left) for number, left in selection.left.items()}


def target_size(params: MergeParams, wanted: Mapping[int, int], others: Mapping[int, int]) -> tuple[int, str]:
    """Give the size at which the wanted rounds are made equal and where it comes from: a round, or `merge.target`.

    Without `merge.target` it is the size of the smallest round. That is sought among `others` as well, the rounds that
    are not wanted, each alone: so the merges of one round each, that are to be compared, are equal without a figure.

    Raises:
        StageError: a round is smaller than the target, or empty.
    """
    smallest = min(wanted.values())
    told = ", ".join(f"r{number} {size}" for number, size in wanted.items())
    if smallest == 0:
        raise StageError(f"params.yaml: merge.match: a round has nothing left ({params.match}: {told}); leave it out")
    if params.target is None:
        size, number = min((size, number) for number, size in (*wanted.items(), *others.items()) if size)
        return size, f"all of round {number}"
    if params.target > smallest:
        raise StageError(
            f"params.yaml: merge.target: found {params.target}, accepted: at most {smallest}, what the smallest round "
            f"has ({params.match}: {told})"
        )
    return params.target, "merge.target"


def match(selection: Selection, params: MergeParams, target: int, seed: int) -> Selection:
    """Make the rounds equal: of each, records are drawn until `target` is reached.

    Equal tokens are equal but for the last record drawn, which may go beyond the target.
    """
    left, removed = {}, dict(selection.removed)
    by_tokens = params.match == "tokens"
    for number, tokens in selection.left.items():
        weights = tokens if by_tokens else dict.fromkeys(tokens, 1)
        kept = drawn(weights, target, seed)
        left[number] = {key: size for key, size in tokens.items() if key in kept}
        detail = f"not drawn: {target} of {sum(weights.values())} {params.match}"
        removed |= {key: Removal("match", detail) for key in tokens if key not in kept}
    return Selection(left, removed)


def drawn(sizes: Mapping[str, int], target: int, seed: int) -> set[str]:
    """Draw ids until their sizes reach `target`, in an order that the seed and each id alone decide.

    Whatever order the ids come in, and whatever others there are, one id goes before another or not.
    """
    kept: set[str] = set()
    total = 0
    for key in draw_order(sizes, seed):
        if total >= target:
            break
        kept.add(key)
        total += sizes[key]
    return kept


def _near_duplicates(params: NearDuplicatesParams, seed: int) -> NearDuplicates | None:
    if params.threshold is None:
        return None
    return NearDuplicates(params.threshold, params.num_perm, params.shingle_words, seed)


def _removal(
    example: Example,
    found: list[str],
    left_out: Callable[[Example], str | None],
    texts: dict[bytes, str],
    near: NearDuplicates | None,
) -> Removal | None:
    heuristic = left_out(example)
    if heuristic is not None:
        return Removal("heuristic", f"left out: {heuristic}")
    text = f"{example.instruction}\0{example.response}"
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    if digest in texts:
        return Removal("duplicate", f"same text as {texts[digest]}")
    twin = near.add(example.id, found) if near else None
    if twin:
        return Removal("near_duplicate", f"Jaccard {twin.similarity:.3f} with {twin.id}")
    texts[digest] = example.id
    return None

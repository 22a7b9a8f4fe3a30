"""Select the records of the merged rounds: excluded heuristics, exact duplicates and near-duplicates are removed.

In: the rounds' records in order, and the `merge` section. Out: what is left of each round, and the reason of each
removal. The filters apply in that order; matching.py then makes the rounds equal, so a duplicate's original may itself
be left out. Holds ids, counts and what finds duplicates in memory, no records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example
from wizardcoder.merging.near_duplicates import NearDuplicateIndex
from wizardcoder.merging.settings import MergeParams, NearDuplicatesParams
from wizardcoder.text.words import split_tokens

REASONS = ("heuristic", "duplicate", "near_duplicate", "match")


class Removal(NamedTuple):
    """Why a record is removed: one of REASONS, and a detail."""

    reason: str
    detail: str


class RecordOrigin(NamedTuple):
    """A record's parent and heuristic; both are None for a seed."""

    parent_id: str | None
    heuristic: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """The kept records of each round, as tokens by id, and the removed ones by id."""

    left: dict[int, dict[str, int]]
    removed: dict[str, Removal]

    def count_reasons(self) -> dict[str, int]:
        """Count the removed records by reason."""
        found = [removal.reason for removal in self.removed.values()]
        return {reason: found.count(reason) for reason in REASONS}


def select_records(
    params: MergeParams,
    seed: int,
    rounds: Iterable[tuple[int, Iterable[Example]]],
    excluded_heuristic: Callable[[Example], str | None],
) -> Selection:
    """Apply every filter to the records of the rounds in order; of duplicates the first is kept.

    Args:
        params: the `merge` section.
        seed: of the MinHash permutations.
        rounds: (number, records) of each round.
        excluded_heuristic: returns the heuristic for which a record is removed, if any.

    Raises:
        StageError: a record occurs twice, or in the file of another round.
    """
    selection = Selection({}, {})
    seen_texts: dict[bytes, str] = {}
    index = _open_index(params.near_duplicates, seed)
    seen: set[str] = set()
    for number, examples in rounds:
        left = selection.left[number] = {}
        for example in examples:
            if example.round != number:
                raise StageError(f"round {number}: {example.id}: found a record of round {example.round}")
            if example.id in seen:
                raise StageError(f"round {number}: {example.id}: found twice, accepted: each record once")
            seen.add(example.id)
            tokens = split_tokens(f"{example.instruction}\n{example.response}".lower())
            removal = _find_removal(example, tokens, excluded_heuristic, seen_texts, index)
            if removal is None:
                left[example.id] = len(tokens)
            else:
                selection.removed[example.id] = removal
    return selection


def find_excluded_heuristic(
    left_out: Collection[str], origins: Mapping[str, RecordOrigin], example: Example
) -> str | None:
    """Return the heuristic, among those left out, that made this record or an ancestor, whose text it contains.

    Raises:
        StageError: an ancestor is unknown.
    """
    key, origin = example.id, RecordOrigin(example.parent_id, example.heuristic)
    while True:
        if origin.heuristic is not None and origin.heuristic in left_out:
            return origin.heuristic if key == example.id else f"{origin.heuristic}, which made its ancestor {key}"
        if origin.parent_id is None:
            return None
        key = origin.parent_id
        if key not in origins:
            raise StageError(f"round {example.round}: {example.id}: its ancestor {key} is in no round")
        origin = origins[key]


def _open_index(params: NearDuplicatesParams, seed: int) -> NearDuplicateIndex | None:
    if params.threshold is None:
        return None
    return NearDuplicateIndex(params.threshold, params.num_perm, params.shingle_words, seed)


def _find_removal(
    example: Example,
    tokens: list[str],
    excluded_heuristic: Callable[[Example], str | None],
    seen_texts: dict[bytes, str],
    index: NearDuplicateIndex | None,
) -> Removal | None:
    heuristic = excluded_heuristic(example)
    if heuristic is not None:
        return Removal("heuristic", f"left out: {heuristic}")
    text = f"{example.instruction}\0{example.response}"
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    if digest in seen_texts:
        return Removal("duplicate", f"same text as {seen_texts[digest]}")
    original = index.add(example.id, tokens) if index else None
    if original:
        return Removal("near_duplicate", f"Jaccard {original.similarity:.3f} with {original.id}")
    seen_texts[digest] = example.id
    return None

"""Records that say almost the same: MinHash finds candidates, their exact Jaccard similarity decides.

In: records as their words, one by one. Out: for each the earlier one that it is too much like, if any. A pair at the
threshold is missed with a probability below 1 %; a pair that is named is never below the threshold.

The library is rensa: words and shingles included it takes a sixth of the time of datasketch 2.0, alone a thirtieth
(bench/minhash.py). Both are kept up and have wheels; rensa depends on nothing. It is young and has changed its
hashes within the year; what it finds is verified here, so such a change decides only which of the rare pairs are
missed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass as params_dataclass
from rensa import RMinHash, RMinHashLSH

from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, AtLeastOne

RECALL = 0.99


@params_dataclass(frozen=True, slots=True, config=STRICT)
class NearDuplicatesParams:
    """Jaccard similarity of runs of words from which a record counts as a copy; None looks for none."""

    threshold: Annotated[float, Field(gt=0, le=1)] | None
    num_perm: AtLeastOne
    shingle_words: AtLeastOne


@dataclass(frozen=True, slots=True)
class Twin:
    """An earlier record and the exact Jaccard similarity with it."""

    id: str
    similarity: float


class NearDuplicates:
    """The records kept so far, to hold the next one against.

    Of each it holds the words (about the size of its text), 4 bytes a permutation and a few a band.
    """

    def __init__(self, threshold: float, num_perm: int, shingle_words: int, seed: int) -> None:
        self._threshold, self._num_perm, self._shingle_words = threshold, num_perm, shingle_words
        self._seed = seed % 2**64
        self._index = RMinHashLSH(threshold, num_perm, bands(threshold, num_perm))
        self._kept: list[tuple[str, str]] = []

    def add(self, key: str, words: list[str]) -> Twin | None:
        """Give the kept record that this one is most like, at the threshold or above; without one it is kept.

        Of several equally like it is the first kept.
        """
        found = shingles(words, self._shingle_words)
        sketch = RMinHash(self._num_perm, self._seed)
        sketch.update(found)
        candidates = self._index.query(sketch)
        if candidates and (twin := self._most_like(set(found), candidates)):
            return twin
        self._index.insert(len(self._kept), sketch)
        self._kept.append((key, " ".join(words)))
        return None

    def _most_like(self, wanted: set[str], candidates: list[int]) -> Twin | None:
        best = None
        for number in sorted(candidates):
            key, text = self._kept[number]
            similarity = jaccard(wanted, set(shingles(text.split(" "), self._shingle_words)))
            if similarity >= self._threshold and (best is None or similarity > best.similarity):
                best = Twin(key, similarity)
        return best


def shingles(words: list[str], size: int) -> list[str]:
    """Give each run of `size` words, repeats included; a shorter text is one run."""
    if len(words) <= size:
        return [" ".join(words)]
    return list(map(" ".join, zip(*(words[i:] for i in range(size)), strict=False)))


def jaccard(one: set[str], other: set[str]) -> float:
    """Give the share (0 to 1) of all elements that both sets hold."""
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def bands(threshold: float, num_perm: int) -> int:
    """Give the fewest bands of equal size that find a pair at the threshold with a probability of 99 %.

    b bands of r rows find a pair of similarity s with probability 1 - (1 - s^r)^b.

    Raises:
        StageError: not even bands of one row do.
    """
    for count in range(1, num_perm + 1):
        if num_perm % count == 0 and 1 - (1 - threshold ** (num_perm // count)) ** count >= RECALL:
            return count
    least = math.ceil(math.log(1 - RECALL) / math.log(1 - threshold))
    raise StageError(
        f"params.yaml: merge.near_duplicates.num_perm: found {num_perm}, accepted: at least {least}, to find "
        f"{RECALL:.0%} of the pairs at the threshold {threshold}"
    )

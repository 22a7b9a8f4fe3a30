"""Near-duplicates: MinHash finds candidates, and their exact Jaccard similarity decides.

In: records as lists of words, one by one. Out: the earlier record of which each is a near-duplicate, if any. A pair at
the threshold is missed with a probability below 1 %; a reported pair is never below the threshold.

The library is rensa: with words and shingles it takes a sixth of the time of datasketch 2.0, alone a thirtieth
(bench/minhash.py). Both are maintained and have wheels; rensa has no dependencies. It is young and has changed its
hashes within the year. Candidates are verified here, so such a change only affects which of the rare pairs are missed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rensa import RMinHash, RMinHashLSH

from wizardcoder.core.console import StageError

RECALL = 0.99


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """An earlier record, and its exact Jaccard similarity."""

    id: str
    similarity: float


class NearDuplicateIndex:
    """The records kept so far, with which the next one is compared.

    Memory per record: its words (about the size of its text), 4 bytes per permutation and a few per band.
    """

    def __init__(self, threshold: float, num_perm: int, shingle_words: int, seed: int) -> None:
        self._threshold, self._num_perm, self._shingle_words = threshold, num_perm, shingle_words
        self._seed = seed % 2**64
        self._index = RMinHashLSH(threshold, num_perm, choose_bands(threshold, num_perm))
        self._kept: list[tuple[str, str]] = []

    def add(self, key: str, words: list[str]) -> NearDuplicate | None:
        """Return the most similar kept record at or above the threshold; if there is none, keep this one.

        Of several equally similar records the first one is returned.
        """
        found = make_shingles(words, self._shingle_words)
        sketch = RMinHash(self._num_perm, self._seed)
        sketch.update(found)
        candidates = self._index.query(sketch)
        if candidates and (original := self._most_similar(set(found), candidates)):
            return original
        self._index.insert(len(self._kept), sketch)
        self._kept.append((key, " ".join(words)))
        return None

    def _most_similar(self, wanted: set[str], candidates: list[int]) -> NearDuplicate | None:
        best = None
        for number in sorted(candidates):
            key, text = self._kept[number]
            similarity = compute_jaccard(wanted, set(make_shingles(text.split(" "), self._shingle_words)))
            if similarity >= self._threshold and (best is None or similarity > best.similarity):
                best = NearDuplicate(key, similarity)
        return best


def make_shingles(words: list[str], size: int) -> list[str]:
    """Return each run of `size` words, including repeats; a shorter text is one run."""
    if len(words) <= size:
        return [" ".join(words)]
    return list(map(" ".join, zip(*(words[i:] for i in range(size)), strict=False)))


def compute_jaccard(one: set[str], other: set[str]) -> float:
    """Compute the Jaccard similarity (0 to 1): the share of all elements that both sets contain."""
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def choose_bands(threshold: float, num_perm: int) -> int:
    """Return the smallest number of equal bands that find a pair at the threshold with a probability of 99 %.

    b bands of r rows find a pair of similarity s with probability 1 - (1 - s^r)^b.

    Raises:
        StageError: even bands of one row do not.
    """
    for count in range(1, num_perm + 1):
        if num_perm % count == 0 and 1 - (1 - threshold ** (num_perm // count)) ** count >= RECALL:
            return count
    least = math.ceil(math.log(1 - RECALL) / math.log(1 - threshold))
    raise StageError(
        f"params.yaml: merge.near_duplicates.num_perm: found {num_perm}, accepted: at least {least}, to find "
        f"{RECALL:.0%} of the pairs at the threshold {threshold}"
    )

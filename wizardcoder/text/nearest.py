"""Similarity between texts: of pairs, of each text to its nearest in a set, of sets to each other.

In: texts. Out: cosine similarities (0 to 1) under TF-IDF over words and word pairs. The weights depend on all texts of
a call, so results of one call can be compared exactly and results of two calls only roughly.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from wizardcoder.text.tfidf import compute_tfidf_vectors, find_nearest_rows
from wizardcoder.text.words import has_words


def compare_pairs(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Return the similarity of the two texts of each pair."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    if not any(map(has_words, texts)):
        return [0.0] * len(pairs)
    index = {text: number for number, text in enumerate(texts)}
    _, vectors = compute_tfidf_vectors([], texts)
    first = vectors[[index[a] for a, _ in pairs]]
    second = vectors[[index[b] for _, b in pairs]]
    cosines = np.asarray(first.multiply(second).sum(axis=1)).ravel()
    return [float(value) for value in np.clip(cosines, 0.0, 1.0)]


def compare_sets(sets: Sequence[Sequence[str]]) -> list[tuple[list[float], list[float]]]:
    """Return for each set two similarities of each text: to the nearest other text of its set, and of the set before.

    All are computed under the same weights. For a set of fewer than two texts both lists are empty, and so is the
    second list of the set after it.
    """
    texts = [text for own in sets for text in own]
    if not any(map(has_words, texts)):
        return [([], []) for _ in sets]
    _, vectors = compute_tfidf_vectors([], texts)
    ends = list(accumulate(len(own) for own in sets))
    parts = [vectors[end - len(own) : end] for own, end in zip(sets, ends, strict=True)]
    found = []
    for number, own in enumerate(parts):
        before = parts[number - 1] if number else own[:0]
        enough = own.shape[0] > 1
        within = [_nearest_other(row, two) for row, two in enumerate(find_nearest_rows(own, own, 2))] if enough else []
        if enough and before.shape[0] > 1:
            between = [_clip(best[0][1]) for best in find_nearest_rows(own, before, 1)]
        else:
            between = []
        found.append((within, between))
    return found


def find_nearest(texts: Sequence[str], corpus: Sequence[str]) -> list[float]:
    """Return the similarity of each text to the nearest one of the corpus; empty if either is empty."""
    if not texts or not corpus or not any(map(has_words, [*texts, *corpus])):
        return []
    return [_clip(best[0][1]) for best in find_nearest_rows(*compute_tfidf_vectors(texts, corpus), 1)]


def _nearest_other(row: int, two: Sequence[tuple[int, float]]) -> float:
    return next((_clip(value) for index, value in two if index != row), 0.0)


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)

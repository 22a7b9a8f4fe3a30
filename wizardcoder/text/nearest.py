"""How near texts are to their neighbours: to each other, to another set, each to its partner.

In: texts. Out: cosine similarities (0 to 1) under TF-IDF over words and word pairs. Weights follow from the texts of
one call, so that figures of one call can be compared with each other, and those of two calls only roughly.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from wizardcoder.text.tfidf import nearest, tfidf_vectors
from wizardcoder.text.words import has_words


def pair_similarities(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Give how alike the two texts of each pair are."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    if not _have_words(texts):
        return [0.0] * len(pairs)
    place = {text: number for number, text in enumerate(texts)}
    _, vectors = tfidf_vectors([], texts)
    first = vectors[[place[a] for a, _ in pairs]]
    second = vectors[[place[b] for _, b in pairs]]
    cosines = np.asarray(first.multiply(second).sum(axis=1)).ravel()
    return [float(value) for value in np.clip(cosines, 0.0, 1.0)]


def nearest_by_set(sets: Sequence[Sequence[str]]) -> list[tuple[list[float], list[float]]]:
    """Give for each set how alike the nearest other text of the set is to each text, and the nearest of the set before.

    All under the same weights. A set of fewer than two texts has no figures, and none follow from it.
    """
    texts = [text for own in sets for text in own]
    if not _have_words(texts):
        return [([], []) for _ in sets]
    _, vectors = tfidf_vectors([], texts)
    ends = list(accumulate(len(own) for own in sets))
    parts = [vectors[end - len(own) : end] for own, end in zip(sets, ends, strict=True)]
    found = []
    for number, own in enumerate(parts):
        before = parts[number - 1] if number else own[:0]
        enough = own.shape[0] > 1
        within = [_nearest_other(place, two) for place, two in enumerate(nearest(own, own, 2))] if enough else []
        between = [_clipped(best[0][1]) for best in nearest(own, before, 1)] if enough and before.shape[0] > 1 else []
        found.append((within, between))
    return found


def nearest_in(texts: Sequence[str], corpus: Sequence[str]) -> list[float]:
    """Give for each text how alike its nearest one of the corpus is; nothing where one of the two is empty."""
    if not texts or not corpus or not _have_words([*texts, *corpus]):
        return []
    return [_clipped(best[0][1]) for best in nearest(*tfidf_vectors(texts, corpus), 1)]


def _nearest_other(place: int, two: Sequence[tuple[int, float]]) -> float:
    return next((_clipped(value) for index, value in two if index != place), 0.0)


def _have_words(texts: Sequence[str]) -> bool:
    return any(map(has_words, texts))


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0)

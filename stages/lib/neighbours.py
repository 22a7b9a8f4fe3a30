"""How near texts are to their neighbours: to each other, to another set, each to its partner.

In: texts. Out: cosine similarities (0 to 1) under TF-IDF over words and word pairs. Weights follow from the texts of
one call, so that figures of one call can be compared with each other, and those of two calls only roughly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from stages.lib.similarity import WORD, nearest, tfidf_vectors


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


def nearest_others(texts: Sequence[str]) -> list[float]:
    """Give for each text how alike its nearest other one is; nothing for fewer than two texts."""
    if len(texts) < 2 or not _have_words(texts):
        return []
    found = nearest(*tfidf_vectors(texts, texts), 2)
    return [next((_clipped(value) for index, value in two if index != own), 0.0) for own, two in enumerate(found)]


def nearest_in(texts: Sequence[str], corpus: Sequence[str]) -> list[float]:
    """Give for each text how alike its nearest one of the corpus is; nothing where one of the two is empty."""
    if not texts or not corpus or not _have_words([*texts, *corpus]):
        return []
    return [_clipped(best[0][1]) for best in nearest(*tfidf_vectors(texts, corpus), 1)]


def _have_words(texts: Sequence[str]) -> bool:
    return any(re.search(WORD, text) for text in texts)


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0)

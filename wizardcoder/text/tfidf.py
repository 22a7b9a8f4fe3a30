"""TF-IDF vectors of texts, and the nearest of any vectors by cosine.

In: texts, or their vectors. Out: for each query the most similar rows of a corpus. Vectors by a model: embeddings.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from wizardcoder.text.words import WORD_PATTERN

BLOCK = 256  # queries per step: memory holds (256, len(corpus)) similarities
Vectors = Any  # rows of length 1: a float32 array, or scipy's CSR


def compute_tfidf_vectors(queries: Sequence[str], corpus: Sequence[str]) -> tuple[Vectors, Vectors]:
    """Return both as (n, terms) over words and word pairs, with weights fitted on both; a text without words is 0."""
    vectorizer = TfidfVectorizer(token_pattern=WORD_PATTERN, ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)
    both = vectorizer.fit_transform([*corpus, *queries])
    return both[len(corpus) :], both[: len(corpus)]


def find_nearest_rows(queries: Vectors, corpus: Vectors, top_k: int) -> Iterator[list[tuple[int, float]]]:
    """Yield for each query its `top_k` nearest rows of the corpus as (row, cosine), best first.

    Exact; works in blocks of queries. Equal similarities keep the corpus order.
    """
    other = corpus.T if isinstance(corpus, np.ndarray) else corpus.T.tocsr()
    top_k = min(top_k, corpus.shape[0])
    for start in range(0, queries.shape[0], BLOCK):
        block = queries[start : start + BLOCK] @ other
        for row in block if isinstance(block, np.ndarray) else block.toarray():
            yield [(int(i), float(row[i])) for i in _best(row, top_k)]


def _best(row: np.ndarray, top_k: int) -> np.ndarray:
    """Return the indices of the `top_k` largest values in order; ties at the end go to the first ones."""
    least = np.partition(row, len(row) - top_k)[len(row) - top_k]
    above = np.flatnonzero(row > least)
    equal = np.flatnonzero(row == least)[: top_k - len(above)]
    return np.concatenate([above[np.argsort(-row[above], kind="stable")], equal])

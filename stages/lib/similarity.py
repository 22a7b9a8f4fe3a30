"""How alike texts are: TF-IDF neighbours and n-gram overlap.

In: texts. Out: for each query the most similar texts of a corpus; the share of a text's n-grams that another holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

BLOCK = 64
WORD = r"\w+"


def nearest(queries: Sequence[str], corpus: Sequence[str], top_k: int) -> Iterator[list[tuple[int, float]]]:
    """Yield for each query its `top_k` most similar corpus texts as (index, cosine similarity), best first.

    Weights are TF-IDF over words and word pairs, fitted on the corpus and the queries. Exact; works in blocks of
    queries, so that memory holds (64, len(corpus)) similarities at once. Equal similarities keep the corpus order.
    """
    vectorizer = TfidfVectorizer(token_pattern=WORD, ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)
    vectorizer.fit([*corpus, *queries])
    corpus_vectors = vectorizer.transform(corpus).T.tocsr()
    top_k = min(top_k, len(corpus))
    for start in range(0, len(queries), BLOCK):
        block = vectorizer.transform(queries[start : start + BLOCK]) @ corpus_vectors
        for row in block.toarray():
            best = np.argsort(-row, kind="stable")[:top_k]
            yield [(int(i), float(row[i])) for i in best]


def ngram_overlap(text: str, other: str, n: int) -> float:
    """Give the share (0 to 1) of `text`'s word n-grams that `other` holds too; a shorter text counts as one n-gram."""
    wanted = _ngrams(text, n)
    if not wanted:
        return 0.0
    size = len(next(iter(wanted)))
    return len(wanted & _ngrams(other, size)) / len(wanted)


def _ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    words = re.findall(WORD, text.lower())
    size = min(n, len(words))
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)} if size else set()

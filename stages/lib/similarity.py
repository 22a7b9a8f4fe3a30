"""Which texts mean much the same: vectors of texts, and the nearest by cosine.

In: texts, and an embedder: `tfidf`, or a sentence-transformers model (embedding_models.py). Out: for each query the
most similar texts of a corpus. A model's vectors are kept in the cache, so that a text is embedded once.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from stages.lib import console
from stages.lib.console import StageError
from stages.lib.embedding_models import EmbeddingModel, open_model

TFIDF = "tfidf"
WORD = r"\w+"
CACHE_NAME = "embeddings.sqlite"
BLOCK = 256  # queries compared at once: memory holds (256, len(corpus)) similarities
CHUNK = 1024  # texts embedded between two writes to the cache
Vectors = Any  # rows of length 1: a float32 array, or scipy's CSR


def embed(embedder: str, queries: Sequence[str], corpus: Sequence[str], cache: Path) -> tuple[Vectors, Vectors]:
    """Give the vectors of queries and corpus, (n, dims) each, with rows of length 1 (0 for a text without words).

    TF-IDF is over words and word pairs, its weights fitted on both. Any other embedder is a sentence-transformers
    model: `embedded`, a directory, or a hub id with `@revision`.

    Raises:
        StageError: there is no such model, or it cannot be loaded.
    """
    if embedder == TFIDF:
        both = tfidf([*corpus, *queries])
        return both[len(corpus) :], both[: len(corpus)]
    model = open_model(embedder)
    with _Cache(cache / CACHE_NAME) as kept:
        return _model_vectors(model, queries, kept), _model_vectors(model, corpus, kept)


def tfidf(texts: Sequence[str]) -> Vectors:
    """Give a TF-IDF vector of each text over words and word pairs, its weights fitted on all of them."""
    vectorizer = TfidfVectorizer(token_pattern=WORD, ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)
    return vectorizer.fit_transform(texts)


def nearest(queries: Vectors, corpus: Vectors, top_k: int) -> Iterator[list[tuple[int, float]]]:
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
    """Give the places of the `top_k` largest, ordered; of those equal to the last of them the first ones."""
    least = np.partition(row, len(row) - top_k)[len(row) - top_k]
    above = np.flatnonzero(row > least)
    equal = np.flatnonzero(row == least)[: top_k - len(above)]
    return np.concatenate([above[np.argsort(-row[above], kind="stable")], equal])


class _Cache:
    """Vectors by a hash of model and text, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        try:
            self._db = sqlite3.connect(path, timeout=60)
            self._db.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
        except sqlite3.Error as exc:
            raise StageError(f"{path}: not a usable cache: {exc}; it can be deleted") from exc

    def __enter__(self) -> _Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def get(self, key: bytes) -> np.ndarray | None:
        """Give the vector under a key, if it is there."""
        row = self._db.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        return None if row is None else np.frombuffer(row[0], dtype=np.float32)

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Keep vectors."""
        rows = ((key, vector.tobytes()) for key, vector in zip(keys, vectors, strict=True))
        try:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        except sqlite3.Error as exc:
            raise StageError(f"{self._path}: cannot be written: {exc}") from exc


def _model_vectors(model: EmbeddingModel, texts: Sequence[str], kept: _Cache) -> np.ndarray:
    keys = [hashlib.sha256(f"{model.fingerprint}\0{text}".encode()).digest() for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if kept.get(key) is None}
    if missing:
        with console.track("decontaminate: embedding", len(missing)) as bar:
            ordered = sorted(missing, key=lambda key: len(missing[key]))  # texts of a batch are padded to its longest
            for start in range(0, len(ordered), CHUNK):
                chunk = ordered[start : start + CHUNK]
                kept.put(chunk, model.embed([missing[key] for key in chunk]))
                bar.advance(len(chunk))
    vectors = [kept.get(key) for key in keys]
    return np.stack([v for v in vectors if v is not None])

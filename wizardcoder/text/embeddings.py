"""Vectors of texts by the embedder in params.yaml. Vectors of a model are cached, so a text is embedded once.

In: texts, and an embedder. Out: vectors, for tfidf.find_nearest_rows. Models: embedding_models.py.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wizardcoder.core import console
from wizardcoder.core.cache import create_cache_folder
from wizardcoder.core.console import StageError
from wizardcoder.text.embedding_models import EmbeddingModel, open_model
from wizardcoder.text.tfidf import Vectors, compute_tfidf_vectors

TFIDF = "tfidf"
CACHE_NAME = "embeddings.sqlite"
CHUNK = 1024  # texts embedded between two writes to the cache


def embed(embedder: str, queries: Sequence[str], corpus: Sequence[str], cache: Path) -> tuple[Vectors, Vectors]:
    """Return the vectors of queries and corpus, (n, dims) each.

    An embedder is `tfidf`, or a sentence-transformers model: `embedded`, a directory, or a hub id with `@revision`.

    Raises:
        StageError: there is no such model, or it cannot be loaded.
    """
    if embedder == TFIDF:
        return compute_tfidf_vectors(queries, corpus)
    model = open_model(embedder)
    with _Cache(cache / CACHE_NAME) as kept:
        return _model_vectors(model, queries, kept), _model_vectors(model, corpus, kept)


class _Cache:
    """Vectors by a hash of model and text, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        create_cache_folder(path.parent)
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
        """Return the vector of a key, None if it is not cached."""
        row = self._db.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        return None if row is None else np.frombuffer(row[0], dtype=np.float32)

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Store vectors."""
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
    return np.stack([_present(kept.get(key)) for key in keys])


def _present(vector: np.ndarray | None) -> np.ndarray:
    assert vector is not None, "every missing text was embedded; leaving one out would shift all later rows"
    return vector

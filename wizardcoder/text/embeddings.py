"""Vectors of texts by the embedder in params.yaml. Vectors of a model are cached, so a text is embedded once.

In: texts, and an embedder. Out: vectors, for tfidf.find_nearest_rows. Models: embedding_models.py.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wizardcoder.core import console
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.text.embedding_models import EmbeddingModel, open_model
from wizardcoder.text.tfidf import Vectors, compute_tfidf_vectors

TFIDF = "tfidf"
CACHE_NAME = "vectors.sqlite"
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
    with AnswerStore(cache / CACHE_NAME) as store:
        return _model_vectors(model, queries, store), _model_vectors(model, corpus, store)


def _model_vectors(model: EmbeddingModel, texts: Sequence[str], store: AnswerStore) -> np.ndarray:
    keys = [Key.of({"embedder": model.fingerprint, "text": text}) for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if store.get(key) is None}
    if missing:
        with console.track("decontaminate: embedding", len(missing)) as bar:
            ordered = sorted(missing, key=lambda key: len(missing[key]))  # texts of a batch are padded to its longest
            for start in range(0, len(ordered), CHUNK):
                chunk = ordered[start : start + CHUNK]
                for key, vector in zip(chunk, model.embed([missing[key] for key in chunk]), strict=True):
                    store.put(key, {"vector": base64.b64encode(vector.astype(np.float32).tobytes()).decode()})
                bar.advance(len(chunk))
    return np.stack([_vector(store, key) for key in keys])


def _vector(store: AnswerStore, key: Key) -> np.ndarray:
    answer = store.get(key)
    assert answer is not None, "every missing text was embedded; leaving one out would shift all later rows"
    return np.frombuffer(base64.b64decode(answer["vector"]), dtype=np.float32)

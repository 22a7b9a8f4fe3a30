"""A sentence-transformers model by name: its files, their hash, and the vectors that it computes.

In: `embedded` (all-MiniLM-L6-v2 from its wheel), a directory, or a hub id with `@revision`. Out: vectors of length 1.
The model is loaded with the first text: a run whose vectors are all cached needs only the hash of its files.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from wizardcoder.core import bundled_wheels
from wizardcoder.core.console import StageError
from wizardcoder.core.hub_revision import is_pinned, warn_unpinned

EMBEDDED = "embedded"
_ACCEPTED = f"accepted: tfidf, {EMBEDDED}, a sentence-transformers directory, or a hub id (ID or ID@REVISION)"
_FILES = (".safetensors", ".bin", ".json", ".model", ".txt", ".py")  # weights, configs, tokenizers, code
_UNUSED = ["*.onnx*", "*.h5", "*.msgpack", "*.ot", "*.gguf", "openvino/*"]  # other libraries' copies of the weights


class EmbeddingModel:
    """A model in a directory; `embed` loads it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @cached_property
    def fingerprint(self) -> str:
        """Hash the names and contents of the model's files."""
        files = sorted(path for path in self._directory.rglob("*") if path.is_file() and path.suffix in _FILES)
        lines = [f"{path.relative_to(self._directory)} {bundled_wheels.sha256_of(path)}\n" for path in files]
        return sha256("".join(lines).encode()).hexdigest()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors as (len(texts), dims), float32; text beyond the model's length is cut off."""
        vectors = self._loaded.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    @cached_property
    def _loaded(self) -> Any:  # noqa: ANN401 - sentence-transformers' classes are untyped here
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(str(self._directory), local_files_only=True)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as exc:
            reason = " ".join(str(exc).split())[:200]
            raise StageError(
                f"decontaminate.embedder: {self._directory}: cannot be loaded: {reason}; {_ACCEPTED}"
            ) from exc


def open_model(name: str) -> EmbeddingModel:
    """Find a model's files, downloading those of a hub id.

    Raises:
        StageError: there is no such model.
    """
    directory = bundled_wheels.minilm_path() if name == EMBEDDED else Path(name)
    if not directory.is_dir():
        directory = _downloaded(name)
    if not (directory / "config.json").is_file():
        raise StageError(f"decontaminate.embedder: {directory}: no config.json, {_ACCEPTED}")
    return EmbeddingModel(directory)


def _downloaded(name: str) -> Path:
    import httpx2
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository, _, named = name.partition("@")
    revision = named or None
    try:
        # by name and not by commit, so that the hub's cache also maps the name, which an offline run needs
        # many hubs carry the weights twice; the older form is taken only where it is the only one
        for unused in ([*_UNUSED, "*.bin"], _UNUSED):
            found = Path(snapshot_download(repository, revision=revision, ignore_patterns=unused))
            if any(found.glob("*.safetensors")):
                break
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError, httpx2.HTTPError) as exc:
        raise StageError(
            f"decontaminate.embedder: found {name!r}: no such directory, and not on the hub: "
            f"{' '.join(str(exc).split())[:200]}; {_ACCEPTED}"
        ) from exc
    if not is_pinned(revision):
        warn_unpinned(repository, revision, found.name)  # the cache has a folder for each commit
    return found

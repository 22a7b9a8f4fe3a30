"""The identity of a model that we serve ourselves: the hash of its weights, or its name on a hub.

In: a model as the server's command gets it. Out: a text that is part of its answers' keys. Hashes are kept in the cache
folder, since hashing 60 GB takes minutes.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from wizardcoder.core import console
from wizardcoder.core.bundled_wheels import sha256_of
from wizardcoder.core.cache import cache_dir, create_cache_folder
from wizardcoder.core.console import StageError
from wizardcoder.core.disk import GB
from wizardcoder.core.model_files import SUFFIXES
from wizardcoder.core.records import replacing
from wizardcoder.teacher.serving import SERVED

HASHES = "weights.json"
SERVED_SUFFIXES = (*SUFFIXES, ".gguf", ".jinja")
WEIGHTS = (".safetensors", ".bin", ".gguf")


@cache
def served_identity(model: str) -> str:
    """Return `served:` with the hash of a local model's files, or with the name of any other model.

    Raises:
        StageError: the model is a path, but there is nothing, or no weights.
    """
    path = Path(model).expanduser()
    if not path.exists():
        if model.startswith(("/", "./", "../", "~")) or model.endswith(".gguf"):
            raise StageError(f"{model}: no such file or directory, accepted: a model's folder, a .gguf file, a hub id")
        return f"{SERVED}:{model}"
    files = [path] if path.is_file() else [file for file in sorted(path.glob("*")) if file.suffix in SERVED_SUFFIXES]
    if not any(file.suffix in WEIGHTS for file in files):
        raise StageError(f"{model}: no weights, accepted: a folder with .safetensors or .gguf files, or a hub id")
    hashes = _hashes_of([file.resolve() for file in files])
    content = {file.name: digest for file, digest in zip(files, hashes, strict=True)}
    return f"{SERVED}:{hashlib.sha256(json.dumps(content).encode()).hexdigest()}"


def _hashes_of(files: list[Path]) -> list[str]:
    """Return the sha256 of each file; one of the same size and time as before is not read again."""
    known_at = cache_dir() / HASHES
    known: dict[str, str] = json.loads(known_at.read_text(encoding="utf-8")) if known_at.is_file() else {}
    states = {file: f"{file}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in files}
    new = [file for file in files if states[file] not in known]
    size_gb = sum(file.stat().st_size for file in new) / GB
    if size_gb >= 1:
        console.say(f"{files[0].parent}: hashing {size_gb:.0f} GB, once: the weights are part of the answers' key")
    known |= {states[file]: sha256_of(file) for file in new}
    if new:
        create_cache_folder(known_at.parent)
        with replacing(known_at) as file:
            file.write(json.dumps(known, indent=1))
    return [known[states[file]] for file in files]

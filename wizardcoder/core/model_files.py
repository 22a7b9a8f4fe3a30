"""The files of a transformers directory that determine what the model computes.

Used as part of keys: a checkpoint belongs to its base model, and an answer to the model that gave it.
"""

from __future__ import annotations

from pathlib import Path

from wizardcoder.core.bundled_wheels import sha256_of

SUFFIXES = (".safetensors", ".bin", ".json", ".model", ".txt")  # weights, configurations, tokenizers


def hash_model_files(directory: Path) -> dict[str, str]:
    """Return the sha256 of each weight, configuration and tokenizer file, by name in order."""
    files = sorted(path for path in directory.glob("*") if path.is_file() and path.suffix in SUFFIXES)
    return {path.name: sha256_of(path) for path in files}

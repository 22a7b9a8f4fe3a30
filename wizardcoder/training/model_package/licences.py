"""Licences of what a model is made of, and the one that the hub may read of it.

In: the base model's directory, the source of the seeds. Out: identifiers as the hub writes them, or None where none is
stated. What a teacher's maker asks of its output is not covered.
"""

from __future__ import annotations

import re
from pathlib import Path

from wizardcoder.core.params import read_yaml

UNKNOWN = "unknown"  # the hub's word
OTHER = "other"
_SPDX = re.compile(r"^SPDX-License-Identifier:\s*(\S+)\s*$", re.MULTILINE)


def of_seeds(source: Path) -> str | None:
    """Give the licence that a source of seeds declares, lower-case as the hub writes it, or None.

    A .yaml of the hub has it under `license`; any other file in NAME.license beside it, in REUSE's form
    (`SPDX-License-Identifier: Apache-2.0`).
    """
    if source.suffix == ".yaml":
        named = read_yaml(source).get("license") if source.is_file() else None
        return named.lower() if isinstance(named, str) else None
    beside = source.with_name(f"{source.name}.license")
    found = _SPDX.search(beside.read_text(encoding="utf-8")) if beside.is_file() else None
    return found[1].lower() if found else None


def of_base(base: Path) -> str | None:
    """Give the licence that the base model's own card states, lower-case, or None."""
    from huggingface_hub import ModelCard

    path = base / "README.md"
    if not path.is_file():
        return None
    try:
        found = ModelCard.load(path, ignore_metadata_errors=True).data.license
    except (ValueError, OSError):
        return None
    return found.lower() if isinstance(found, str) else None


def together(base: str | None, seeds: str | None) -> tuple[str, str | None]:
    """Give a tuned model's `license` and `license_name` for the hub: that of both, else `other` and both their names.

    No single identifier stands for two licences: the base's alone might allow what the seeds' forbids.
    """
    names = [base or UNKNOWN, seeds or UNKNOWN]
    if names[0] == names[1] != OTHER:
        return names[0], None
    return OTHER, "-and-".join(names)

"""The licences of a model's base and seeds, and their combination for the hub.

Identifiers are those of the hub; None if none is stated. Does not cover the terms on a teacher's output.
"""

from __future__ import annotations

import re
from pathlib import Path

from wizardcoder.core.params import read_yaml

UNKNOWN = "unknown"  # as on the hub
OTHER = "other"
_SPDX = re.compile(r"^SPDX-License-Identifier:\s*(\S+)\s*$", re.MULTILINE)


def of_seeds(source: Path) -> str | None:
    """Return the licence that a source of seeds declares, in lower case as on the hub, or None.

    A .yaml file of a hub data set has it as `license`; any other file in NAME.license beside it, in REUSE's format
    (`SPDX-License-Identifier: Apache-2.0`).
    """
    if source.suffix == ".yaml":
        named = read_yaml(source).get("license") if source.is_file() else None
        return named.lower() if isinstance(named, str) else None
    beside = source.with_name(f"{source.name}.license")
    found = _SPDX.search(beside.read_text(encoding="utf-8")) if beside.is_file() else None
    return found[1].lower() if found else None


def of_base(base: Path) -> str | None:
    """Return the licence that the base model's card states, in lower case, or None."""
    from huggingface_hub import ModelCard

    path = base / "README.md"
    if not path.is_file():
        return None
    try:
        found = ModelCard.load(path, ignore_metadata_errors=True).data.license
    except (ValueError, OSError):
        return None
    return found.lower() if isinstance(found, str) else None


def combine(base: str | None, seeds: str | None) -> tuple[str, str | None]:
    """Return a tuned model's `license` and `license_name` for the hub.

    If the licences differ, these are `other` and both names: the base model's might allow what the seeds' forbids.
    """
    names = [base or UNKNOWN, seeds or UNKNOWN]
    if names[0] == names[1] != OTHER:
        return names[0], None
    return OTHER, "-and-".join(names)

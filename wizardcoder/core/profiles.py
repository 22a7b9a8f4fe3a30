"""Profiles: the few values that differ at full scale, written into params.yaml.

In: profiles/NAME.yaml, over profiles/default.yaml, which has every key that any profile sets: an earlier profile leaves
no value behind, and keys that no profile sets stay as they are. Out: params.yaml with these values and its comments, or
the same values as arguments for `dvc exp run`. Nothing is merged at run time, so DVC records what ran.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.core.params_file import applied, leaves, nested, overrides, round_trip
from wizardcoder.core.records import replacing

PROFILES = Path("profiles")
DEFAULT = "default"


def profile_names() -> list[str]:
    """Return the names of the profiles in the project's folder."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def read_profile(name: str) -> dict[str, Any]:
    """Return a value for every key that any profile sets: the profile's, else the default's.

    Raises:
        StageError: there is no such profile.
    """
    if name not in profile_names():
        found = ", ".join(profile_names()) or "none here; run this in the project's folder"
        raise StageError(f"profile: found {name!r}, accepted: {found}")
    values = {".".join(path): value for each in (DEFAULT, name) for path, value in leaves(_read(each))}
    return nested(values)


def apply_profile(name: str) -> None:
    """Write a profile's values into params.yaml; comments stay."""
    text = applied(PARAMS_FILE.read_text(encoding="utf-8"), read_profile(name))
    with replacing(PARAMS_FILE) as file:
        file.write(text)


def profile_overrides(name: str) -> list[str]:
    """Return a profile's values as `key=value` pairs for `dvc exp run -S`."""
    return overrides(read_profile(name))


def _read(name: str) -> dict[str, Any]:
    """Read a profile's file without its comments, which are about the profile."""
    profile: dict[str, Any] = round_trip().load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8"))
    _strip_comments(profile)
    return profile


def _strip_comments(node: Any) -> None:  # noqa: ANN401 - a tree of ruamel's mappings and lists
    if hasattr(node, "_yaml_comment"):
        del node._yaml_comment
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _strip_comments(child)

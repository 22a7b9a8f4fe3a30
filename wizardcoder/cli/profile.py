"""Profiles: the few values that differ at full scale, written into params.yaml.

In: profiles/NAME.yaml, over profiles/default.yaml, which has every key that any profile sets: so nothing of a profile
that was applied before stays, and keys that no profile sets are left as they are. Out: params.yaml with these values
and its comments kept, or the same as `-S` pairs for `dvc exp run`. Not a stage: nothing is merged at run time, so what
DVC records is what ran.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.core.params_file import applied, leaves, nested, overrides, round_trip
from wizardcoder.core.records import replacing

PROFILES = Path("profiles")
DEFAULT = "default"


def main() -> None:
    """Write a profile into params.yaml, or print it as arguments."""
    parser = argparse.ArgumentParser(description="Write a profile's values into params.yaml; `default` restores it.")
    parser.add_argument("name", help=f"one of: {', '.join(names())}")
    parser.add_argument("--args", action="store_true", help="print `-S` pairs for `dvc exp run` instead")
    options = parser.parse_args()
    if options.name not in names():
        raise StageError(f"profile: found {options.name!r}, accepted: {', '.join(names())}")
    profile = read_profile(options.name)
    if options.args:
        sys.stdout.write(" ".join(f"-S {shlex.quote(pair)}" for pair in overrides(profile)) + "\n")
        return
    text = applied(PARAMS_FILE.read_text(encoding="utf-8"), profile)
    with replacing(PARAMS_FILE) as file:
        file.write(text)
    console.say(f"params.yaml now holds the profile {options.name}")


def names() -> list[str]:
    """Give the profiles' names."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def read_profile(name: str) -> dict[str, Any]:
    """Give a value for every key that any profile sets: the profile's own, else the default's."""
    values = {".".join(path): value for each in (DEFAULT, name) for path, value in leaves(_read(each))}
    return nested(values)


def _read(name: str) -> dict[str, Any]:
    """Read a profile's file; its comments speak of the profile and stay there."""
    profile: dict[str, Any] = round_trip().load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8"))
    _strip_comments(profile)
    return profile


def _strip_comments(node: Any) -> None:  # noqa: ANN401 - a tree of ruamel's mappings and lists
    if hasattr(node, "_yaml_comment"):
        del node._yaml_comment
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _strip_comments(child)


if __name__ == "__main__":
    console.entry(main)

"""Profiles: the few values that differ at full scale, written into params.yaml.

In: profiles/NAME.yaml. Out: params.yaml with these values and its comments kept, or the same as `-S` pairs for
`dvc exp run`. Not a stage: nothing is merged at run time, so what DVC records is what ran.
"""

from __future__ import annotations

import argparse
import io
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages.lib import console
from stages.lib.console import StageError
from stages.lib.params import PARAMS_FILE
from stages.lib.records import replacing

PROFILES = Path("profiles")


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
    """Read a profile's values; its comments speak of the profile and stay there."""
    profile: dict[str, Any] = _yaml().load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8"))
    _strip_comments(profile)
    return profile


def applied(params: str, profile: dict[str, Any]) -> str:
    """Give the text of params.yaml with a profile's values; comments and layout stay.

    Raises:
        StageError: the profile sets a key that params.yaml does not have.
    """
    yaml = _yaml()
    data = yaml.load(params)
    for path, value in leaves(profile):
        parent = data
        for key in path[:-1]:
            parent = parent.get(key, {})
        if path[-1] not in parent and path[:-1] != ("evaluate", "problems"):
            raise StageError(f"profile: {'.'.join(path)}: params.yaml has no such key")
        parent[path[-1]] = value
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()


def overrides(profile: dict[str, Any]) -> list[str]:
    """Give a profile as `key=value` pairs in Hydra's grammar, which `dvc exp run -S` reads."""
    return [f"{'.'.join(path)}={_hydra(value)}" for path, value in leaves(profile)]


def leaves(tree: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (keys from the root, value) of everything that is not a mapping."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _strip_comments(node: Any) -> None:  # noqa: ANN401 - a tree of ruamel's mappings and lists
    if hasattr(node, "_yaml_comment"):
        del node._yaml_comment
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _strip_comments(child)


def _hydra(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, list):
        return "[" + ",".join(_hydra(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_hydra(item)}" for key, item in value.items()) + "}"
    return str(value)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 118
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


if __name__ == "__main__":
    console.entry(main)

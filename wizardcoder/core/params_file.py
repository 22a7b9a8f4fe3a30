"""The text of params.yaml with other values in it, and the same values as DVC's arguments.

In: the file's text and a tree of values. Out: the text with these values, its comments and layout kept; or `key=value`
pairs in Hydra's grammar. Reading params.yaml with its types is wizardcoder/core/params.py.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from wizardcoder.core.console import StageError


def applied(params: str, values: Mapping[str, Any], source: str = "profile") -> str:
    """Give the text of params.yaml with these values; comments and layout stay. `source` is who sets them.

    Raises:
        StageError: a key is set that params.yaml does not have.
    """
    yaml = round_trip()
    data = yaml.load(params)
    for path, value in leaves(values):
        parent = data
        for key in path[:-1]:
            parent = parent.get(key, {}) if isinstance(parent, dict) else {}
        if path[-1] not in parent and path[:-1] != ("evaluate", "problems"):
            raise StageError(f"{source}: {'.'.join(path)}: params.yaml has no such key")
        parent[path[-1]] = _laid_out_as(parent.get(path[-1]), value)
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()


def overrides(values: Mapping[str, Any]) -> list[str]:
    """Give values as `key=value` pairs in Hydra's grammar, which `dvc exp run -S` reads."""
    return [f"{'.'.join(path)}={_hydra(value)}" for path, value in leaves(values)]


def leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (keys from the root, value) of everything that is not a mapping."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the tree of values whose keys are dotted: {"a.b": 1} is {"a": {"b": 1}}."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *above, key = name.split(".")
        node = tree
        for part in above:
            node = node.setdefault(part, {})
        node[key] = value
    return tree


def round_trip() -> YAML:
    """Give a YAML that keeps comments, quotes and layout as params.yaml has them."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 118
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def _laid_out_as(old: object, value: object) -> object:
    """Give a plain list the old one's layout, so that a list in one line stays there, before its comment."""
    if type(value) is not list:
        return value
    laid_out = CommentedSeq(value)
    if isinstance(old, CommentedSeq) and old.fa.flow_style():
        laid_out.fa.set_flow_style()
    return laid_out


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

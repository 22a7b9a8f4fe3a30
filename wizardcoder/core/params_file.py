"""The text of params.yaml with other values in it, and the same values as DVC's arguments.

In: the file's text, a tree of values, and line comments for some of its keys. Out: the text with these values, other
comments and the layout kept; or `key=value` pairs in Hydra's grammar. Reading params.yaml with its types is
wizardcoder/core/params.py.
"""

from __future__ import annotations

import copy
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from wizardcoder.core.console import StageError

KeyPath = tuple[str, ...]
"""The keys that lead from the root of params.yaml to a value."""
FREE_MAPPINGS = ("body",)
"""Keys whose value is a mapping of any keys: it is one value, which is replaced as a whole."""
_COMMENT = re.compile(r"[ \t]*#.*")


def applied(
    params: str,
    values: Mapping[str, Any],
    source: str = "profile",
    comments: Mapping[KeyPath, str | None] | None = None,
) -> str:
    """Return the text of params.yaml with these values; other comments and the layout stay.

    Args:
        params: the text.
        values: a tree of values.
        source: names who sets them, for the error.
        comments: the comment at the end of a key's line, with its `#`; None removes it. Other keys keep theirs.

    Raises:
        StageError: a key is set that params.yaml does not have.
    """
    own = line_comments(params)  # a longer value moves its comment, so each is placed again
    comments = {path: own.get(path) for path, _ in leaves(values)} | dict(comments or {})
    yaml = round_trip()
    data = copy.deepcopy(_load_round_trip(with_line_comments(params, dict.fromkeys(comments))))
    for path, value in leaves(values):
        parent = data
        for key in path[:-1]:
            parent = parent.get(key, {}) if isinstance(parent, dict) else {}
        if path[-1] not in parent and path[:-1] != ("evaluate", "problems"):
            raise StageError(f"{source}: {'.'.join(path)}: params.yaml has no such key")
        parent[path[-1]] = _laid_out_as(parent.get(path[-1]), value)
    out = io.StringIO()
    yaml.dump(data, out)
    return with_line_comments(out.getvalue(), comments)


@cache
def _load_round_trip(text: str) -> Any:  # noqa: ANN401 - any YAML value
    return round_trip().load(text)


def line_comments(text: str) -> dict[KeyPath, str]:
    """Return the comment at the end of each key's line, with its `#`; keys without one are left out."""
    lines = text.splitlines()
    ends = {path: lines[line][column:].strip() for path, (line, column) in _line_ends(text).items()}
    return {path: comment for path, comment in ends.items() if comment.startswith("#")}


def with_line_comments(text: str, comments: Mapping[KeyPath, str | None], column: int | None = None) -> str:
    """Set or remove comments at the end of lines, by default in the column of most comments of the text."""
    lines = text.splitlines(keepends=True)
    ends = _line_ends(text)
    columns = Counter(len(end[0]) - 1 for line in lines if (end := re.match(r"[^#\n]*\S[^#\n]*#", line)))
    usual = max(columns, key=lambda at: columns[at], default=0) if column is None else column
    for path, comment in comments.items():
        if path in ends:
            number, start = ends[path]
            line = lines[number][:start] + _COMMENT.sub("", lines[number][start:]).rstrip()
            lines[number] = (f"{line:{max(usual, len(line) + 1)}}{comment}" if comment else line) + "\n"
    return "".join(lines)


def overrides(values: Mapping[str, Any]) -> list[str]:
    """Return values as `key=value` pairs in Hydra's grammar, which `dvc exp run -S` reads."""
    return [pair for path, value in leaves(values) for pair in _pairs(".".join(path), value)]


def leaves(tree: Mapping[str, Any], path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield (keys from the root, value) of everything that is not a mapping, and of free mappings."""
    for key, value in tree.items():
        if isinstance(value, dict) and key not in FREE_MAPPINGS:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tree of values whose keys are dotted: {"a.b": 1} is {"a": {"b": 1}}."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *above, key = name.split(".")
        node = tree
        for part in above:
            node = node.setdefault(part, {})
        node[key] = value
    return tree


def round_trip() -> YAML:
    """Return a YAML that keeps comments, quotes and layout as params.yaml has them."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 118
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


@cache
def _line_ends(text: str) -> dict[KeyPath, tuple[int, int]]:
    """Return for each key where (line, column) the comment on its line can begin: behind the value, or the colon."""
    found: dict[KeyPath, tuple[int, int]] = {}
    lines = text.splitlines()

    def visit(node: Node, path: KeyPath) -> None:
        if not isinstance(node, MappingNode):
            return
        for key, value in node.value:
            below = (*path, str(key.value))
            found[below] = _end_of(key, value, lines)
            visit(value, below)

    root = YAML().compose(text)
    if root is not None:
        visit(root, ())
    return found


def _end_of(key: Node, value: Node, lines: list[str]) -> tuple[int, int]:
    in_block = isinstance(value, ScalarNode) and value.style in ("|", ">")
    in_block = in_block or (isinstance(value, MappingNode | SequenceNode) and not value.flow_style)
    if not in_block:
        return value.end_mark.line, value.end_mark.column
    line = key.end_mark.line
    colon = lines[line].index(":", key.end_mark.column)
    rest = re.match(r"\s*[|>]?[-+\d]*", lines[line][colon + 1 :])
    return line, colon + 1 + (len(rest[0]) if rest and rest[0].strip() else 0)


def _laid_out_as(old: object, value: object) -> object:
    """Return a plain list in the old one's layout, so that a list in one line stays there, before its comment."""
    if type(value) is not list:
        return value
    laid_out = CommentedSeq(value)
    if isinstance(old, CommentedSeq) and old.fa.flow_style():
        laid_out.fa.set_flow_style()
    return laid_out


def _pairs(name: str, value: object) -> list[str]:
    """Return the pair that sets a key; Hydra would merge a mapping into the present one, so it is removed first."""
    return [f"~{name}", f"+{name}={_hydra(value)}"] if isinstance(value, dict) else [f"{name}={_hydra(value)}"]


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

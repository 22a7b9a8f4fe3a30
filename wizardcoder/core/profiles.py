"""Profiles: the few values that differ at full scale, written into params.yaml.

In: profiles/NAME.yaml, over profiles/default.yaml, which has every key that any profile sets: an earlier profile leaves
no value behind, and keys that no profile sets stay as they are. Out: params.yaml with these values, or the same values
as arguments for `dvc exp run`. Nothing is merged at run time, so DVC records what ran.

Comments at the end of a line follow the values: a profile's comment replaces the default's. If the profile has none,
the default's stays, unless it is the source ("ours: ...", "paper: ...") of a value that the profile changes.
profiles/default.yaml repeats from params.yaml the comments that a profile replaces or removes, so that it can restore
them; a test compares. Comments on lines of their own are about the key and always stay.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, require_project
from wizardcoder.core.params_file import (
    KeyPath,
    applied,
    leaves,
    line_comments,
    nested,
    overrides,
    round_trip,
    with_line_comments,
)
from wizardcoder.core.records import replacing

PROFILES = Path("profiles")
DEFAULT = "default"
COLUMN = 30  # of the comments at the end of lines in params.yaml
_SOURCE = re.compile(r"# *(ours|paper|the paper|reviews|the reviews|WizardLM|QLoRA|as above)\b")


def profile_names() -> list[str]:
    """Return the names of the profiles.

    Raises:
        StageError: this is not a project's folder.
    """
    require_project()
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def read_profile(name: str) -> dict[str, Any]:
    """Return a value for every key that any profile sets: the profile's, else the default's.

    Raises:
        StageError: there is no such profile.
    """
    _refuse_unknown(name)
    values = {".".join(path): value for each in (DEFAULT, name) for path, value in leaves(_read(each))}
    return nested(values)


def read_comments(name: str) -> dict[KeyPath, str | None]:
    """Return the comment at the end of the line of every key for which any profile has one, None for no comment.

    Raises:
        StageError: there is no such profile.
    """
    _refuse_unknown(name)
    default, own = (dict(leaves(_read(each))) for each in (DEFAULT, name))
    default_comments, own_comments = (line_comments(_text(each)) for each in (DEFAULT, name))
    comments: dict[KeyPath, str | None] = {}
    for key in {key for each in profile_names() for key in line_comments(_text(each))}:
        inherited = default_comments.get(key)
        if inherited and is_source(inherited) and key in own and own[key] != default[key]:
            inherited = None
        comments[key] = own_comments.get(key, inherited)
    return comments


def repeat_comments(params: str) -> str:
    """Return the text of profiles/default.yaml with the comments of params.yaml that a profile replaces or removes."""
    comments, text = line_comments(params), _text(DEFAULT)
    default = dict(leaves(_read(DEFAULT)))
    repeated: set[KeyPath] = set()
    for name in profile_names():
        if name != DEFAULT:
            changed = [key for key, value in leaves(_read(name)) if value != default.get(key)]
            repeated |= {key for key in changed if is_source(comments.get(key, ""))} | set(line_comments(_text(name)))
    bare = with_line_comments(text, dict.fromkeys(line_comments(text)))
    return with_line_comments(bare, {key: comments.get(key) for key in repeated}, COLUMN)


def is_source(comment: str) -> bool:
    """Return whether a comment gives the source of its key's value."""
    return _SOURCE.match(comment) is not None


def apply_profile(name: str) -> None:
    """Write a profile's values and comments into params.yaml."""
    values, comments = read_profile(name), read_comments(name)
    text = applied(PARAMS_FILE.read_text(encoding="utf-8"), values, comments=comments)
    with replacing(PARAMS_FILE) as file:
        file.write(text)


def profile_overrides(name: str) -> list[str]:
    """Return a profile's values as `key=value` pairs for `dvc exp run -S`."""
    return overrides(read_profile(name))


def _refuse_unknown(name: str) -> None:
    if name not in profile_names():
        raise StageError(f"profile: found {name!r}, accepted: {', '.join(profile_names())}")


def _text(name: str) -> str:
    return (PROFILES / f"{name}.yaml").read_text(encoding="utf-8")


def _read(name: str) -> dict[str, Any]:
    """Read a profile's values without its comments."""
    profile: dict[str, Any] = round_trip().load(_text(name))
    _strip_comments(profile)
    return profile


def _strip_comments(node: Any) -> None:  # noqa: ANN401 - a tree of ruamel's mappings and lists
    if hasattr(node, "_yaml_comment"):
        del node._yaml_comment
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _strip_comments(child)

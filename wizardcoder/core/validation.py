"""pydantic's errors as one line: `key: found X, accepted: Y`.

A caller puts the place before it: a file, a line, a section. Only the first error is described.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

SHOWN_CHARACTERS = 80
HIDDEN = "hidden"
"""The type of an error about a value that must not be shown, because it may be a secret."""


Loc = tuple[str, ...]


def describe(exc: ValidationError, kind: type | None = None, as_written: Callable[[Loc], Loc] = lambda loc: loc) -> str:
    """Describe the first error. A misspelt key is missing as well: the key that is there, and unknown, goes first.

    Args:
        exc: what pydantic raised.
        kind: the dataclass that was read; with it, an unknown key gets a hint.
        as_written: turns a key's path in the dataclass into its path in the file.
    """
    errors = exc.errors(include_url=False)
    error = next((e for e in errors if e["type"] == "unexpected_keyword_argument"), errors[0])
    loc, found, message = error["loc"], error["input"], error["msg"].removeprefix("Input should be ")
    key = ".".join(as_written(tuple(map(str, loc))))
    place = f"{key}: " if key else ""
    match error["type"]:
        case "json_invalid":
            return f"not JSON, or cut short: {error['ctx']['error']}"
        case "missing":
            if kind is not None or not isinstance(found, dict):
                return f"{key}: missing"
            return f"{key}: missing; found the fields {shorten(', '.join(map(str, found)) or 'none')}"
        case "unexpected_keyword_argument":
            return f"{key}: unknown key{hint(str(loc[-1]), _keys_beside(kind, loc) if kind else ())}"
        case error_type if error_type == HIDDEN:
            return f"{place}{message}"
        case "dataclass_type":
            message = "an object"
    return f"{place}found {shorten(repr(found))}, accepted: {message}"


def hint(found: str, known: tuple[str, ...]) -> str:
    """Return what to add to an error about an unknown name: the closest of the known names, or all of them.

    >>> hint("epoch", ("epochs", "lr"))
    ' (did you mean epochs?)'
    """
    close = difflib.get_close_matches(found, known, n=1)
    if close:
        return f" (did you mean {close[0]}?)"
    return f"; accepted: {', '.join(known)}" if known else ""


def nested_dataclass(hint_: Any) -> type | None:  # noqa: ANN401 - any type hint
    """Return the dataclass of a field's type, also where the field may be None; None for any other type."""
    if typing.get_origin(hint_) in (typing.Union, types.UnionType):
        options = [o for o in typing.get_args(hint_) if o is not type(None)]
        hint_ = options[0] if len(options) == 1 else hint_
    return hint_ if dataclasses.is_dataclass(hint_) and isinstance(hint_, type) else None


def shorten(text: str) -> str:
    """Cut a text to what fits into an error."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."


def _keys_beside(kind: type, loc: tuple[int | str, ...]) -> tuple[str, ...]:
    for part in loc[:-1]:
        nested = nested_dataclass(typing.get_type_hints(kind).get(str(part)))
        if nested is None:
            return ()
        kind = nested
    return tuple(f.name for f in dataclasses.fields(kind))

"""Typed, strict reading of params.yaml.

In: params.yaml (YAML 1.2, so that DVC's `3e-05` is a number) and a stage's params dataclass, one field a section.
Out: that dataclass, or a StageError that names the key, the value found and what is accepted.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from wizardcoder.core.console import StageError

PARAMS_FILE = Path("params.yaml")
SECTIONS = (
    "run",
    "runtime",
    "seed",
    "teacher",
    "evolve",
    "screen",
    "merge",
    "benchmarks",
    "decontaminate",
    "analyze",
    "base",
    "train",
    "evaluate",
    "evol_stop",
    "report",
)
STRICT = ConfigDict(extra="forbid", strict=True)
PART = ConfigDict(extra="ignore", strict=True)
"""For the few keys that a stage takes from another stage's section; its owner refuses unknown ones."""

T = TypeVar("T")
RUNTIME = "runtime"
"""The section of settings that cannot change an output (concurrency, time-outs, prices); no stage in dvc.yaml lists it.
A section's dataclass takes its part, `runtime.SECTION`, as the field `runtime`."""
RUNTIME_SECTIONS = ("teacher", "screen", "decontaminate", "train", "evaluate")

Finite = Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True, config=STRICT)
class RunParams:
    """The run's seed, from which every random draw of the data stages follows."""

    seed: int


@dataclass(frozen=True, slots=True, config=STRICT)
class WorkersRuntime:
    """The part of the section `runtime` of a stage that runs programs; `workers` at once, None: as many as cores."""

    workers: AtLeastOne | None


def load(kind: type[T], path: Path = PARAMS_FILE) -> T:
    """Read the sections that `kind`, a pydantic dataclass, names as its fields.

    Raises:
        StageError: the file is missing or not YAML; a section or key is unknown or missing; a value has a wrong type
            or lies outside its range.
    """
    raw = read_yaml(path)
    for section in raw:
        if section not in SECTIONS:
            raise StageError(f"{path}: {section}: unknown section{_hint(str(section), SECTIONS)}")
    wanted = _sections(raw, kind, path)
    try:
        # as JSON: there, strict validation builds dataclasses from mappings
        return TypeAdapter(kind).validate_json(json.dumps(wanted, default=str))
    except ValidationError as exc:
        raise StageError(f"{path}: {_first_error(exc, kind)}") from exc
    except (ValueError, TypeError) as exc:
        raise StageError(f"{path}: holds what a parameter cannot be: {exc}") from exc


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping with plain Python values."""
    try:
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise StageError(f"{path}: no such file") from exc
    except OSError as exc:
        raise StageError(f"{path}: {exc.strerror}") from exc
    except (YAMLError, UnicodeDecodeError, TypeError) as exc:
        raise StageError(f"{path}: not valid YAML: {' '.join(str(exc).split())}") from exc
    if not isinstance(raw, dict):
        raise StageError(f"{path}: found {type(raw).__name__}, accepted is a mapping")
    return raw


def _sections(raw: dict[str, Any], kind: type, path: Path) -> dict[str, Any]:
    """Return the sections that `kind` names, each with its part of the section `runtime` as its field of that name."""
    runtime = raw.get(RUNTIME, {})
    if not isinstance(runtime, dict):
        raise StageError(f"{path}: {RUNTIME}: found {runtime!r}, accepted: a mapping")
    for section in runtime:
        if section not in RUNTIME_SECTIONS:
            raise StageError(f"{path}: {RUNTIME}.{section}: unknown key{_hint(str(section), RUNTIME_SECTIONS)}")
    hints = typing.get_type_hints(kind)
    wanted: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        section = raw.get(field.name)
        if isinstance(section, dict) and RUNTIME in section:
            raise StageError(f"{path}: {field.name}.{RUNTIME}: unknown key; accepted: {RUNTIME}.{field.name}")
        if field.name not in raw:
            continue
        nested = _nested(hints[field.name])
        has_runtime = nested is not None and RUNTIME in {f.name for f in dataclasses.fields(nested)}
        own = {RUNTIME: runtime[field.name]} if has_runtime and field.name in runtime else {}
        wanted[field.name] = section | own if isinstance(section, dict) else section
    return wanted


def leaves(kind: type, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Yield each key below `kind` as (dotted name, whether a stage must list it); free mappings count as one key."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        name = f"{prefix}{field.name}"
        nested = _nested(hint)
        if nested is not None and field.name == RUNTIME:
            yield from ((key, False) for key, _ in leaves(nested, f"{RUNTIME}.{prefix}"))
        elif nested is not None:
            yield from leaves(nested, f"{name}.")
        else:
            yield name, True


def _nested(hint: Any) -> type | None:  # noqa: ANN401 - any type hint
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        options = [o for o in typing.get_args(hint) if o is not type(None)]
        hint = options[0] if len(options) == 1 else hint
    return hint if dataclasses.is_dataclass(hint) and isinstance(hint, type) else None


def _first_error(exc: ValidationError, kind: type) -> str:
    errors = exc.errors(include_url=False)
    # a misspelt key is missing as well: the one that stands in the file is what a person looks for
    error = next((e for e in errors if e["type"] == "unexpected_keyword_argument"), errors[0])
    key = ".".join(_as_written(tuple(map(str, error["loc"]))))
    if error["type"] == "missing":
        return f"{key}: missing"
    if error["type"] == "unexpected_keyword_argument":
        return f"{key}: unknown key{_hint(str(error['loc'][-1]), _keys_beside(kind, error['loc']))}"
    return f"{key}: found {error['input']!r}, accepted: {error['msg'].removeprefix('Input should be ')}"


def _as_written(loc: tuple[str, ...]) -> tuple[str, ...]:
    """Return a key's path in the file: a section's field `runtime` is a part of the section `runtime`."""
    return (RUNTIME, loc[0], *loc[2:]) if loc[1:2] == (RUNTIME,) else loc


def _keys_beside(kind: type, loc: tuple[int | str, ...]) -> tuple[str, ...]:
    for part in loc[:-1]:
        nested = _nested(typing.get_type_hints(kind).get(str(part)))
        if nested is None:
            return ()
        kind = nested
    return tuple(f.name for f in dataclasses.fields(kind))


def _hint(found: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(found, known, n=1)
    if close:
        return f" (did you mean {close[0]}?)"
    return f"; accepted: {', '.join(known)}" if known else ""

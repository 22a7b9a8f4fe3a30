"""Typed, strict reading of params.yaml.

In: params.yaml (YAML 1.2, so that DVC's `3e-05` is a number) and a stage's params dataclass, one field a section.
Out: that dataclass, or a StageError that names the key, the value found and what is accepted.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from wizardcoder.core.console import StageError
from wizardcoder.core.validation import describe, hint, nested_dataclass

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
ALL_PARAMS = ("wizardcoder.preflight.params", "AllParams")
"""The class of all sections. `load` imports it by name, so that no stage depends on sections that it does not read."""
STRICT = ConfigDict(extra="forbid", strict=True)
PART = ConfigDict(extra="ignore", strict=True)
"""For the few keys that a stage takes from another stage's section; its owner refuses unknown ones."""

T = TypeVar("T")
RUNTIME = "runtime"
"""The section of settings that cannot change an output (concurrency, time-outs, prices); no stage in dvc.yaml lists it.
A section's dataclass takes its part, `runtime.SECTION`, as the field `runtime`."""
RUNTIME_SECTIONS = ("teacher", "screen", "decontaminate", "train", "evaluate")

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


@dataclass(frozen=True, slots=True, config=STRICT)
class BaseParams:
    """The base model. DVC does not watch a local directory: its `revision` is a label to change with its files."""

    source: Text
    revision: str | None


def load(kind: type[T], path: Path = PARAMS_FILE) -> T:
    """Read the sections that `kind`, a pydantic dataclass, names as its fields, and validate all others.

    Raises:
        StageError: the file is missing or not YAML; a section or key is unknown or missing, also in other sections; a
            value has a wrong type or is outside its range.
    """
    raw = read_yaml(path)
    for section in raw:
        if section not in SECTIONS:
            raise StageError(f"{path}: {section}: unknown section{hint(str(section), SECTIONS)}")
    wanted = merge_runtime(raw, kind, path)
    try:
        # as JSON: there, strict validation builds dataclasses from mappings
        params = TypeAdapter(kind).validate_json(json.dumps(wanted, default=str))
    except ValidationError as exc:
        raise StageError(f"{path}: {describe(exc, kind, _as_written)}") from exc
    except (ValueError, TypeError) as exc:
        raise StageError(f"{path}: holds what a parameter cannot be: {exc}") from exc
    for error in invalid_sections(raw, path, typing.get_type_hints(kind)):
        raise StageError(error)
    return params


def invalid_sections(raw: dict[str, Any], path: Path, validated: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Yield the first error of each section that is invalid.

    A stage reads a few sections, but a typo in any other would be found after hours of paid work: `load` validates all.

    Args:
        raw: the content of params.yaml.
        path: that file, for messages.
        validated: the types of the sections that need no second validation.
    """
    module, name = ALL_PARAMS
    kind = getattr(importlib.import_module(module), name)
    sections = merge_runtime(raw, kind, path)
    for section, expected in typing.get_type_hints(kind).items():
        if section not in sections or (validated or {}).get(section) == expected:
            continue
        try:
            TypeAdapter(expected).validate_json(json.dumps(sections[section], default=str))
        except ValidationError as exc:
            yield f"{path}: {describe(exc, nested_dataclass(expected), functools.partial(_below, section))}"


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping with plain Python values."""
    try:
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        cure = f"; run this command in the project's folder, which has a {path}" if path == PARAMS_FILE else ""
        raise StageError(f"{path}: no such file{cure}") from exc
    except OSError as exc:
        raise StageError(f"{path}: {exc.strerror}") from exc
    except (YAMLError, UnicodeDecodeError, TypeError) as exc:
        raise StageError(f"{path}: not valid YAML: {' '.join(str(exc).split())}") from exc
    if not isinstance(raw, dict):
        raise StageError(f"{path}: found {type(raw).__name__}, accepted is a mapping")
    return raw


def merge_runtime(raw: dict[str, Any], kind: type, path: Path) -> dict[str, Any]:
    """Return the sections that `kind` names, each with its part of the section `runtime` as its field of that name."""
    runtime = raw.get(RUNTIME, {})
    if not isinstance(runtime, dict):
        raise StageError(f"{path}: {RUNTIME}: found {runtime!r}, accepted: a mapping")
    for section in runtime:
        if section not in RUNTIME_SECTIONS:
            raise StageError(f"{path}: {RUNTIME}.{section}: unknown key{hint(str(section), RUNTIME_SECTIONS)}")
    hints = typing.get_type_hints(kind)
    wanted: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        section = raw.get(field.name)
        if isinstance(section, dict) and RUNTIME in section:
            raise StageError(f"{path}: {field.name}.{RUNTIME}: unknown key; accepted: {RUNTIME}.{field.name}")
        if field.name not in raw:
            continue
        nested = nested_dataclass(hints[field.name])
        has_runtime = nested is not None and RUNTIME in {f.name for f in dataclasses.fields(nested)}
        own = {RUNTIME: runtime[field.name]} if has_runtime and field.name in runtime else {}
        wanted[field.name] = section | own if isinstance(section, dict) else section
    return wanted


def leaves(kind: type, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Yield each key below `kind` as (dotted name, whether a stage must list it); free mappings count as one key."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        name = f"{prefix}{field.name}"
        nested = nested_dataclass(hints[field.name])
        if nested is not None and field.name == RUNTIME:
            yield from ((key, False) for key, _ in leaves(nested, f"{RUNTIME}.{prefix}"))
        elif nested is not None:
            yield from leaves(nested, f"{name}.")
        else:
            yield name, True


def _below(section: str, loc: tuple[str, ...]) -> tuple[str, ...]:
    return _as_written((section, *loc))


def _as_written(loc: tuple[str, ...]) -> tuple[str, ...]:
    """Return a key's path in the file: a section's field `runtime` is a part of the section `runtime`."""
    return (RUNTIME, loc[0], *loc[2:]) if loc[1:2] == (RUNTIME,) else loc

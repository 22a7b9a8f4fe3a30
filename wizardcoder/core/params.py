"""Typed, strict reading of params.yaml.

In: params.yaml (YAML 1.2, so that DVC's `3e-05` is a number) and a stage's params dataclass, one field a section.
Out: that dataclass, or a StageError that names the key, the value found and what is accepted.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import importlib
import json
import re
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

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

_DUPLICATE_VALUES = re.compile(r" with value .*")  # ruamel quotes both values of a duplicate key

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


def validate(path: Path = PARAMS_FILE) -> None:
    """Validate all sections.

    Raises:
        StageError: as `load`.
    """
    load(_all_params(), path)


def invalid_sections(raw: dict[str, Any], path: Path, validated: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Yield the first error of each section that is invalid.

    A stage reads a few sections, but a typo in any other would be found after hours of paid work: `load` validates all.

    Args:
        raw: the content of params.yaml.
        path: that file, for messages.
        validated: the types of the sections that need no second validation.
    """
    kind = _all_params()
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
        raw = copy.deepcopy(_parse_yaml(path.read_text(encoding="utf-8")))
    except FileNotFoundError as exc:
        if path == PARAMS_FILE:
            require_project()
        raise StageError(f"{path}: no such file") from exc
    except OSError as exc:
        raise StageError(f"{path}: {exc.strerror}") from exc
    except MarkedYAMLError as exc:
        raise StageError(_describe_yaml_error(path, exc)) from exc
    except (YAMLError, UnicodeDecodeError, TypeError) as exc:
        raise StageError(f"{path}: not valid YAML: {' '.join(str(exc).split())}") from exc
    if not isinstance(raw, dict):
        found = "empty" if raw is None else f"found {type(raw).__name__}"
        accepted = "sections such as run, seed, train" if path.name == PARAMS_FILE.name else "a mapping"
        raise StageError(f"{path}: {found}; accepted: {accepted}")
    return raw


def require_project() -> None:
    """Check that the current folder is a project.

    Raises:
        StageError: it has no params.yaml.
    """
    if not PARAMS_FILE.exists():
        raise StageError(
            f"{PARAMS_FILE}: no such file; run this command in the project's folder, which has a {PARAMS_FILE}"
        )


@cache
def _parse_yaml(text: str) -> Any:  # noqa: ANN401 - any YAML value
    """Parse YAML 1.2. Cached, because a command reads params.yaml several times and a pure Python parser is slow."""
    return YAML(typ="safe", pure=True).load(text)


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


def _all_params() -> type:
    module, name = ALL_PARAMS
    kind: type = getattr(importlib.import_module(module), name)
    return kind


def _below(section: str, loc: tuple[str, ...]) -> tuple[str, ...]:
    return _as_written((section, *loc))


def _describe_yaml_error(path: Path, exc: MarkedYAMLError) -> str:
    """Return the line and the problem, without ruamel's excerpts and hints."""
    mark = exc.problem_mark or exc.context_mark
    line = f":{mark.line + 1}" if mark else ""
    problem = " ".join(str(exc.problem or exc.context).split())
    return f"{path}{line}: not valid YAML: {_DUPLICATE_VALUES.sub('', problem)}"


def _as_written(loc: tuple[str, ...]) -> tuple[str, ...]:
    """Return a key's path in the file: a section's field `runtime` is a part of the section `runtime`."""
    return (RUNTIME, loc[0], *loc[2:]) if loc[1:2] == (RUNTIME,) else loc

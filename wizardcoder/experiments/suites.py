"""Read suites of experiments from ablations.yaml.

In: ablations.yaml. Out: each suite's experiments, named SUITE-ENTRY; or a StageError that names the suite, the entry
and what is accepted. Does not compare values with params.yaml; that happens when an experiment is built from them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, Text, read_yaml
from wizardcoder.core.validation import describe
from wizardcoder.experiments.experiment import Experiment

FILE = Path("ablations.yaml")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
PLACEHOLDER = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True, config=STRICT)
class Suite:
    """Experiments to compare with `baseline`, one of them; an entry's values, by dotted key, override `common`."""

    description: Text
    baseline: Text
    entries: dict[str, dict[str, Any]]
    common: dict[str, Any] = field(default_factory=dict)


def read_suites(path: Path = FILE) -> dict[str, Suite]:
    """Read every suite.

    Raises:
        StageError: the file is missing or not YAML, a key is unknown or missing, a name is not valid for an
            experiment, a baseline is not an entry, or two entries have the same values.
    """
    try:
        suites = TypeAdapter(dict[str, Suite]).validate_json(json.dumps(read_yaml(path), default=str))
    except ValidationError as exc:
        raise StageError(f"{path}: {describe(exc)}") from exc
    for name, suite in suites.items():
        _check(f"{path}: {name}", name, suite)
    return suites


def suite_experiments(name: str, suite: Suite) -> list[Experiment]:
    """Return the suite's experiments, in the order of the file."""
    return [Experiment(f"{name}-{entry}", {**suite.common, **values}) for entry, values in suite.entries.items()]


def refuse_placeholders(experiments: list[Experiment]) -> None:
    """Refuse placeholders such as `<URL of the endpoint>`, which the user has to fill in.

    Raises:
        StageError: a placeholder is left; with the number of others.
    """
    left = [f"{e.name}: {key}: found {value}" for e in experiments for key, value in _placeholders(e.values)]
    if left:
        more = f", as in {len(left) - 1} more places" if len(left) > 1 else ""
        raise StageError(f"{FILE}: {left[0]}, a placeholder to fill in{more}")


def _placeholders(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, value) for key, value in values.items() if isinstance(value, str) and PLACEHOLDER.fullmatch(value)]


def _check(where: str, name: str, suite: Suite) -> None:
    for part in (name, *suite.entries):
        if not NAME.fullmatch(part):
            raise StageError(f"{where}: found {part!r}, accepted: a name of letters, digits, _ and -")
    if suite.baseline not in suite.entries:
        raise StageError(f"{where}.baseline: found {suite.baseline!r}, accepted: {', '.join(suite.entries)}")
    seen: dict[str, str] = {}
    for entry, values in suite.entries.items():
        twin = seen.setdefault(json.dumps({**suite.common, **values}, sort_keys=True), entry)
        if twin != entry:
            raise StageError(f"{where}.entries: {entry} and {twin} have the same values")

"""dvc.lock read as a chain: which step made a file, from what, back to the seeds.

In: the text of a dvc.lock. Out: its steps, and those that lead to a file. It tells what was recorded when each step
ran; whether that still holds is the matter of wizardcoder/lineage/stale.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from wizardcoder.core.console import StageError

LOCK = "dvc.lock"


@dataclass(frozen=True, slots=True)
class File:
    """A file or folder as DVC recorded it; the hash of a folder, which ends in `.dir`, is that of its listing."""

    path: str
    md5: str
    size: int


@dataclass(frozen=True, slots=True)
class Step:
    """What a stage ran, read and wrote; `params` maps a key of params.yaml to its value then."""

    name: str
    cmd: str
    deps: tuple[File, ...]
    params: dict[str, Any]
    outs: tuple[File, ...]


def read_lock(text: str) -> dict[str, Step]:
    """Read the steps, by name.

    Raises:
        StageError: the text is not a dvc.lock.
    """
    try:
        stages = YAML(typ="safe", pure=True).load(text)["stages"]
        return {name: _step(name, entry) for name, entry in stages.items()}
    except (YAMLError, LookupError, TypeError, AttributeError) as exc:
        raise StageError(f"{LOCK}: not a lock file of DVC: {' '.join(str(exc).split())}") from exc


def maker_of(path: str, steps: Mapping[str, Step]) -> Step | None:
    """Give the step of which an out is `path`, holds it or lies below it."""
    return next((step for step in steps.values() for out in step.outs if overlap(out.path, path)), None)


def steps_to(targets: list[str], steps: Mapping[str, Step]) -> list[Step]:
    """Give the steps that lead to some files, each after those whose outs it reads."""
    found: dict[str, Step] = {}

    def visit(path: str) -> None:
        step = maker_of(path, steps)
        if step is not None and step.name not in found:
            for dep in step.deps:
                visit(dep.path)
            found[step.name] = step

    for target in targets:
        visit(target)
    return list(found.values())


def entry_lines(text: str, name: str) -> tuple[int, int] | None:
    """Give the first and last line, from 1, of a step's entry in a dvc.lock."""
    lines = text.splitlines()
    head = f"  {name}:"
    if head not in lines:
        return None
    first = lines.index(head)
    after = (n for n in range(first + 1, len(lines)) if not lines[n].startswith("   ") and lines[n].strip())
    return first + 1, next(after, len(lines))


def overlap(first: str, second: str) -> bool:
    """Say whether two paths are the same or one holds the other."""
    return f"{first}/".startswith(f"{second}/") or f"{second}/".startswith(f"{first}/")


def _step(name: str, entry: dict[str, Any]) -> Step:
    params = {key: value for values in entry.get("params", {}).values() for key, value in values.items()}
    return Step(name, entry["cmd"], _files(entry.get("deps", [])), params, _files(entry.get("outs", [])))


def _files(entries: list[dict[str, Any]]) -> tuple[File, ...]:
    return tuple(File(entry["path"], entry.get("md5", ""), entry.get("size", 0)) for entry in entries)

"""Read dvc.lock: which stage wrote a file, from what, back to the seeds.

In: the text of a dvc.lock. Out: its stages, those that lead to a file, and an overview of the data for the report. All
of it is as recorded when the stages last ran; wizardcoder/lineage/staleness.py finds out what changed since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from wizardcoder.core.console import StageError

LOCK_FILE = Path("dvc.lock")
CODE_FOLDERS = ("stages/", "templates/", "wizardcoder/")


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file or folder as DVC recorded it; the md5 of a folder is that of its listing and ends in `.dir`."""

    path: str
    md5: str
    size: int

    @property
    def is_code(self) -> bool:
        """Whether it is code of this project, not data."""
        return is_code(self.path)


@dataclass(frozen=True, slots=True)
class LockedStage:
    """What a stage ran, read and wrote; `params` maps a key of params.yaml to its value at that time."""

    name: str
    cmd: str
    deps: tuple[LockedFile, ...]
    params: dict[str, Any]
    outs: tuple[LockedFile, ...]


@dataclass(frozen=True, slots=True)
class StageOverview:
    """The data of a stage; `needs` are the stages whose outs it read, `sources` the data that no stage wrote."""

    name: str
    outs: tuple[LockedFile, ...]
    needs: tuple[str, ...]
    sources: tuple[LockedFile, ...]


def is_code(path: str) -> bool:
    """Return whether a path is code of this project, not data."""
    return f"{path}/".startswith(CODE_FOLDERS)


def read_lock(text: str) -> dict[str, LockedStage]:
    """Read the stages, by name.

    Raises:
        StageError: the text is not a dvc.lock.
    """
    try:
        stages = YAML(typ="safe", pure=True).load(text)["stages"]
        return {name: _stage(name, entry) for name, entry in stages.items()}
    except (YAMLError, LookupError, TypeError, AttributeError) as exc:
        raise StageError(f"{LOCK_FILE}: not a lock file of DVC: {' '.join(str(exc).split())}") from exc


def read_overview(path: Path = LOCK_FILE, without: str = "") -> list[StageOverview]:
    """Read the data of all stages but one, each stage after those that it needs; a missing file has no stages.

    Args:
        path: the lock file.
        without: the stage to leave out: the report cannot contain its own hash.

    Raises:
        StageError: the file is not a dvc.lock, or its stages form a cycle.
    """
    if not path.is_file():
        return []
    stages = {name: stage for name, stage in read_lock(path.read_text(encoding="utf-8")).items() if name != without}
    needs = {name: _needs(stage, stages) for name, stage in stages.items()}
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as exc:
        raise StageError(f"{path}: stages form a cycle: {', '.join(exc.args[1])}") from exc
    return [StageOverview(name, stages[name].outs, needs[name], _sources(stages[name], stages)) for name in order]


def writers_of(path: str, stages: Mapping[str, LockedStage]) -> list[LockedStage]:
    """Return the stages with an out that is this path, contains it or is inside it.

    Several stages write into a folder that a later stage reads as a whole, such as data/rounds.
    """
    return [stage for stage in stages.values() if any(overlap(out.path, path) for out in stage.outs)]


def stages_leading_to(targets: list[str], stages: Mapping[str, LockedStage]) -> list[LockedStage]:
    """Return the stages that lead to some files, each after those whose outs it reads."""
    found: dict[str, LockedStage] = {}

    def visit(path: str) -> None:
        for stage in writers_of(path, stages):
            if stage.name not in found:
                for dep in stage.deps:
                    visit(dep.path)
                found[stage.name] = stage

    for target in targets:
        visit(target)
    return list(found.values())


def entry_lines(text: str, name: str) -> tuple[int, int] | None:
    """Return the first and last line, counted from 1, of a stage's entry in a dvc.lock."""
    lines = text.splitlines()
    head = f"  {name}:"
    if head not in lines:
        return None
    first = lines.index(head)
    after = (n for n in range(first + 1, len(lines)) if not lines[n].startswith("   ") and lines[n].strip())
    return first + 1, next(after, len(lines))


def overlap(first: str, second: str) -> bool:
    """Return whether two paths are the same or one contains the other."""
    return f"{first}/".startswith(f"{second}/") or f"{second}/".startswith(f"{first}/")


def _stage(name: str, entry: dict[str, Any]) -> LockedStage:
    params = {key: value for values in entry.get("params", {}).values() for key, value in values.items()}
    return LockedStage(name, entry["cmd"], _files(entry.get("deps", [])), params, _files(entry.get("outs", [])))


def _files(entries: list[dict[str, Any]]) -> tuple[LockedFile, ...]:
    return tuple(LockedFile(entry["path"], entry.get("md5", ""), entry.get("size", 0)) for entry in entries)


def _needs(stage: LockedStage, stages: Mapping[str, LockedStage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(writer.name for dep in stage.deps for writer in writers_of(dep.path, stages)))


def _sources(stage: LockedStage, stages: Mapping[str, LockedStage]) -> tuple[LockedFile, ...]:
    return tuple(dep for dep in stage.deps if not dep.is_code and not writers_of(dep.path, stages))

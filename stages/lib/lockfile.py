"""What dvc.lock says of the data: which stage made what, from what, how large, with which hash.

In: dvc.lock. Out: the stages in an order in which each follows those it needs, with their outs and their inputs. Code
and params are left out: the page tells of data. Does not cover whether the workspace still agrees with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import Any

from stages.lib.console import StageError
from stages.lib.params import read_yaml

LOCK = Path("dvc.lock")
CODE = ("stages/", "templates/")


@dataclass(frozen=True, slots=True)
class Item:
    """A file or folder; `digest` is DVC's (with `.dir` for a folder), `size` in bytes."""

    path: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class LockedStage:
    """A stage as it last ran; `needs` are stages whose outs it read, `sources` inputs that no stage makes."""

    name: str
    outs: tuple[Item, ...]
    needs: tuple[str, ...]
    sources: tuple[Item, ...]


def read_lock(path: Path = LOCK, but: str = "") -> list[LockedStage]:
    """Read all stages but the one named `but`: the page cannot hold its own hash. No file gives no stage.

    Raises:
        StageError: the file is not a dvc.lock, or its stages need each other in a circle.
    """
    if not path.is_file():
        return []
    stages = read_yaml(path).get("stages") or {}
    try:
        return ordered({name: body for name, body in stages.items() if name != but})
    except (KeyError, TypeError, AttributeError, CycleError) as exc:
        raise StageError(f"{path}: not as DVC writes it: {exc!r}") from exc


def ordered(stages: Mapping[str, Mapping[str, Any]]) -> list[LockedStage]:
    """Give the stages, each after those it needs; among equals as they stand in the file."""
    makers = {out["path"]: name for name, body in stages.items() for out in body.get("outs", [])}
    needs = {name: _needs(body, makers) for name, body in stages.items()}
    order = TopologicalSorter(needs).static_order()
    return [
        LockedStage(
            name,
            tuple(_item(out) for out in stages[name].get("outs", [])),
            tuple(needs[name]),
            tuple(_item(dep) for dep in stages[name].get("deps", []) if _outside(dep["path"], makers)),
        )
        for name in order
    ]


def _needs(body: Mapping[str, Any], makers: Mapping[str, str]) -> list[str]:
    found = dict.fromkeys(_maker(dep["path"], makers) for dep in body.get("deps", []))
    return [name for name in found if name is not None]


def _maker(path: str, makers: Mapping[str, str]) -> str | None:
    """Give the stage whose out is this path, or holds it."""
    for place in (path, *map(str, PurePosixPath(path).parents)):
        if place in makers:
            return makers[place]
    return None


def _outside(path: str, makers: Mapping[str, str]) -> bool:
    return not path.startswith(CODE) and _maker(path, makers) is None


def _item(entry: Mapping[str, Any]) -> Item:
    return Item(str(entry["path"]), str(entry.get("md5", "")), int(entry.get("size", 0)))

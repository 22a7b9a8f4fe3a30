"""What dvc.lock says of the data: which stage made what, from what, how large, with which hash.

In: dvc.lock. Out: the stages in an order in which each follows those it needs, with their outs and their inputs. Code
and params are left out: the page tells of data. Does not cover whether the workspace still agrees with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from wizardcoder.core.console import StageError
from wizardcoder.lineage import lock
from wizardcoder.lineage.lock import File, Step

LOCK = Path("dvc.lock")
CODE = ("stages/", "templates/")


@dataclass(frozen=True, slots=True)
class LockedStage:
    """A stage as it last ran; `needs` are stages whose outs it read, `sources` inputs that no stage makes."""

    name: str
    outs: tuple[File, ...]
    needs: tuple[str, ...]
    sources: tuple[File, ...]


def read_stages(path: Path = LOCK, but: str = "") -> list[LockedStage]:
    """Read all stages but the one named `but`: a page cannot hold its own hash. No file gives no stage.

    Raises:
        StageError: the file is not a dvc.lock, or its stages need each other in a circle.
    """
    if not path.is_file():
        return []
    steps = {name: step for name, step in lock.read_lock(path.read_text(encoding="utf-8")).items() if name != but}
    needs = {name: _needs(step, steps) for name, step in steps.items()}
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as exc:
        raise StageError(f"{path}: stages need each other in a circle: {', '.join(exc.args[1])}") from exc
    return [LockedStage(name, steps[name].outs, needs[name], _sources(steps[name], steps)) for name in order]


def _needs(step: Step, steps: Mapping[str, Step]) -> tuple[str, ...]:
    makers = (lock.maker_of(dep.path, steps) for dep in step.deps)
    return tuple(dict.fromkeys(maker.name for maker in makers if maker is not None))


def _sources(step: Step, steps: Mapping[str, Step]) -> tuple[File, ...]:
    given = (dep for dep in step.deps if not dep.path.startswith(CODE))
    return tuple(dep for dep in given if lock.maker_of(dep.path, steps) is None)

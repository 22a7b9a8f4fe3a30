"""Find the stages that `dvc repro` would run for the present edits, why, and what they last took.

In: the workspace and dvc.lock; the cache and the data may be absent, as in a fresh clone. Out: the affected stages in
the order of the pipeline. The list is an upper bound: a stage that is affected only through its inputs is skipped when
these come out unchanged. Does not estimate money: wizardcoder/estimates does.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wizardcoder.core.params import PARAMS_FILE, read_yaml
from wizardcoder.lineage.dvc_internals import DeclaredStage, DvcProject, StageStatus, open_project
from wizardcoder.lineage.lock import LOCK_FILE, LockedStage, overlap, read_lock, writers_of
from wizardcoder.lineage.staleness import contains_any, value_at, written_md5

Kind = Literal["never_run", "command", "param", "dependency", "rewritten", "edited_out", "not_checked_out", "missing"]
METRICS = Path("metrics")
ABSENT = "not set"


@dataclass(frozen=True, slots=True)
class RerunReason:
    """Why a stage is affected: the kind of change, the path or key that changed, and what happened to it."""

    kind: Kind
    subject: str
    change: str

    def __str__(self) -> str:
        """Return the reason as a phrase: `train.lr changed from 2e-05 to 3e-05`."""
        return f"{self.subject} {self.change}"


@dataclass(frozen=True, slots=True)
class StageRerun:
    """A stage that is affected.

    reasons: its own; empty where only its inputs may change.
    after: the affected stages whose outs it reads.
    cached: DVC's cache holds the result for the present inputs, so the stage is restored instead of run.
    pull_suffices: nothing changed, only data is missing here, and it lies in DVC's cache or may lie in the remote:
        `dvc pull`, or `dvc repro --pull --allow-missing`.
    last_seconds: how long it took when it last ran; None where its metrics do not record that.
    """

    name: str
    reasons: tuple[RerunReason, ...]
    after: tuple[str, ...] = ()
    cached: bool = False
    pull_suffices: bool = False
    last_seconds: float | None = None

    @property
    def only_downstream(self) -> bool:
        """Whether the stage runs only if the output of a stage before it changes."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class _State:
    """What stages are compared with: dvc.lock, params.yaml, the outs that changed or are missing, DVC."""

    locked: Mapping[str, LockedStage]
    params: Mapping[str, Any]
    changed_outs: Collection[str]
    project: DvcProject


def plan_reruns(root: Path = Path()) -> list[StageRerun]:
    """Return the stages that `dvc repro` would run or restore in a project's folder, each after those it reads.

    Raises:
        StageError: this is not a project of DVC, a file of it cannot be read, or another DVC process holds it.
    """
    lock_file = root / LOCK_FILE
    locked = read_lock(lock_file.read_text(encoding="utf-8")) if lock_file.is_file() else {}
    params = read_yaml(root / PARAMS_FILE) if (root / PARAMS_FILE).is_file() else {}
    with open_project(root) as project:
        stages = in_order(project.declared_stages())
        status = project.status([stage.name for stage in stages])
        state = _State(locked, params, {path for each in status.values() for path in each.outs}, project)
        found: dict[str, StageRerun] = {}
        for stage in stages:
            reasons = tuple(_reasons(stage, status[stage.name], state))
            after = tuple(found[name].name for name in sources_of(stage, stages) if _may_change(found.get(name)))
            if not reasons and not after:
                continue
            obtainable = {"missing", "not_checked_out"} if project.has_remote else {"not_checked_out"}
            missing_only = all(reason.kind in obtainable for reason in reasons)
            found[stage.name] = StageRerun(
                stage.name,
                reasons,
                after,
                cached=not after and project.has_result(stage.name),
                pull_suffices=missing_only and all(found[name].pull_suffices for name in after),
                last_seconds=last_seconds(stage.name, root),
            )
    return list(found.values())


def last_seconds(stage: str, root: Path = Path()) -> float | None:
    """Return how long a stage took when it last ran, from metrics/STAGE.json; None where that is not recorded."""
    try:
        metrics = json.loads((root / METRICS / f"{stage}.json").read_bytes())
    except (OSError, ValueError):
        return None
    seconds = metrics.get("seconds") if isinstance(metrics, dict) else None
    return float(seconds) if isinstance(seconds, int | float) else None


def in_order(stages: Iterable[DeclaredStage]) -> list[DeclaredStage]:
    """Return the stages so that each comes after those whose outs it reads, otherwise in the order of dvc.yaml."""
    declared = list(stages)
    by_name = {stage.name: stage for stage in declared}
    ordered: dict[str, DeclaredStage] = {}

    def visit(stage: DeclaredStage) -> None:
        if stage.name not in ordered:
            for name in sources_of(stage, declared):
                visit(by_name[name])
            ordered[stage.name] = stage

    for stage in declared:
        visit(stage)
    return list(ordered.values())


def sources_of(stage: DeclaredStage, stages: Sequence[DeclaredStage]) -> list[str]:
    """Return the names of the stages whose outs a stage reads."""
    return [
        other.name
        for other in stages
        if other is not stage and any(overlap(out, dep) for out in other.outs for dep in stage.deps)
    ]


def _may_change(rerun: StageRerun | None) -> bool:
    """Return whether the outs of an affected stage may come out different; restored data is as it was."""
    if rerun is None:
        return False
    return not (rerun.cached and all(reason.kind == "not_checked_out" for reason in rerun.reasons))


def _reasons(stage: DeclaredStage, status: StageStatus, state: _State) -> Iterator[RerunReason]:
    recorded_stage = state.locked.get(stage.name)
    if recorded_stage is None:
        yield RerunReason("never_run", stage.name, "has not run yet")
        return
    if status.always_changed:
        yield RerunReason("command", "the stage", "runs every time, as dvc.yaml demands")
    if status.command_changed:
        yield RerunReason("command", "the command", f"changed to `{stage.cmd}`")
    for key in status.params:
        yield RerunReason("param", key, _param_change(key, recorded_stage.params, state.params))
    yield from _dep_reasons(status, recorded_stage, state)
    for path, change in status.outs.items():
        if change == "modified":
            yield RerunReason("edited_out", path, "was edited since the stage wrote it")
        elif change == "not in cache":
            yield RerunReason("missing", path, "is not in DVC's cache")
        elif change == "new":
            yield RerunReason("dependency", path, "is a new out in dvc.yaml")
        else:
            yield RerunReason("not_checked_out", path, "is in DVC's cache, but not in the workspace")


def _dep_reasons(status: StageStatus, recorded_stage: LockedStage, state: _State) -> Iterator[RerunReason]:
    recorded = {dep.path: dep.md5 for dep in recorded_stage.deps}
    for path, change in status.deps.items():
        writers = [stage for stage in writers_of(path, state.locked) if stage is not recorded_stage]
        if path not in recorded:
            yield RerunReason("dependency", path, "is a new dependency in dvc.yaml")
        elif not writers:
            yield RerunReason("dependency", path, "is missing" if change == "deleted" else "changed")
        elif _rewritten(path, change, recorded[path], writers, state):
            yield RerunReason("rewritten", path, f"changed since, {' or '.join(w.name for w in writers)} writes it")


def _rewritten(path: str, change: str, recorded: str, writers: Sequence[LockedStage], state: _State) -> bool:
    """Return whether an input was written again since; one that is only missing here, in part or whole, was not."""
    if change != "deleted" and not contains_any(path, state.changed_outs):
        return True
    return written_md5(path, writers, state.project) not in (None, recorded)


def _param_change(key: str, recorded: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    before, now = recorded.get(key, ABSENT), value_at(params, key, ABSENT)
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [k for k in sorted({*before, *now}) if before.get(k, ABSENT) != now.get(k, ABSENT)]
        return f"changed: {', '.join(keys)}"
    return f"changed from {_short(before)} to {_short(now)}"


def _short(value: object) -> str:
    text = value if value is ABSENT else json.dumps(value, ensure_ascii=False, default=str)
    return str(text) if len(str(text)) <= 40 else f"{str(text)[:40]}…"

"""Trace a file or model: every stage that led to it, back to the seeds, and whether anything changed since.

In: outs and a revision of the project. Out: plain records: what each stage ran, read and wrote, with which params and
code, which commit last changed its entry in dvc.lock, what is stale, what the remote lacks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from wizardcoder.lineage.dvc_internals import RemoteStatus, open_project
from wizardcoder.lineage.lock import LockedFile, LockedStage, stages_leading_to, writers_of
from wizardcoder.lineage.revision import Commit, Revision
from wizardcoder.lineage.staleness import StaleReason, find_stale


@dataclass(frozen=True, slots=True)
class TracedInput:
    """A file or folder that a stage read, and the stages that wrote it; none for what git holds."""

    file: LockedFile
    writers: list[str]


@dataclass(frozen=True, slots=True)
class TracedStage:
    """A stage of a lineage; `commit` last changed its entry in dvc.lock, None where that is not committed."""

    name: str
    cmd: str
    commit: Commit | None
    params: dict[str, Any]
    code: list[TracedInput]
    data: list[TracedInput]
    outs: list[LockedFile]
    stale: list[StaleReason]


@dataclass(frozen=True, slots=True)
class OutLineage:
    """Outs, the stages that led to them (each after those whose outs it reads), and the remote's state if asked."""

    outs: list[str]
    rev: str | None
    stages: list[TracedStage]
    remote: RemoteStatus | None


def trace_outs(outs: list[str], revision: Revision, *, ask_remote: bool = True) -> OutLineage:
    """Follow outs back to the seeds.

    Raises:
        StageError: DVC cannot open the project.
    """
    stages = stages_leading_to(outs, revision.stages)
    with open_project(rev=revision.rev) as project:
        reasons = find_stale(revision, stages, project)
        written = {out.path: out.md5 for stage in stages for out in stage.outs}
        remote = project.remote_status(written) if ask_remote else None
    traced = [_traced(stage, revision, [r for r in reasons if r.stage == stage.name]) for stage in stages]
    return OutLineage(outs, revision.rev, traced, remote)


def without_password(value: Any) -> Any:  # noqa: ANN401 - any value of params.yaml
    """Remove user and password from URLs, also inside lists and mappings."""
    if isinstance(value, str):
        return re.sub(r"(?<=://)[^/@\s]+@", "", value)
    if isinstance(value, list):
        return [without_password(item) for item in value]
    if isinstance(value, dict):
        return {key: without_password(item) for key, item in value.items()}
    return value


def _traced(stage: LockedStage, revision: Revision, reasons: list[StaleReason]) -> TracedStage:
    inputs = [TracedInput(dep, [s.name for s in writers_of(dep.path, revision.stages)]) for dep in stage.deps]
    return TracedStage(
        name=stage.name,
        cmd=stage.cmd,
        commit=revision.last_change(stage.name),
        params=without_password(stage.params),
        code=[item for item in inputs if item.file.is_code],
        data=[item for item in inputs if not item.file.is_code],
        outs=list(stage.outs),
        stale=reasons,
    )

"""The lineage of a file or model: every step that led to it, back to the seeds, and whether it still holds.

In: outs and a revision of the project. Out: plain records: what each step ran, read and wrote, by which values and
which code, which commit last changed its entry in dvc.lock, what is stale, what the remote lacks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from wizardcoder.lineage.lock import File, Step, maker_of, steps_to
from wizardcoder.lineage.revision import Commit, Revision
from wizardcoder.lineage.stale import Finding, Remote, open_project, stale, unpushed


@dataclass(frozen=True, slots=True)
class Read:
    """Something that a step read, and the step that made it, None of what git holds."""

    file: File
    maker: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """A step of the chain; `commit` last changed its entry in dvc.lock, None where that is not committed."""

    name: str
    cmd: str
    commit: Commit | None
    params: dict[str, Any]
    code: list[Read]
    data: list[Read]
    outs: list[File]
    stale: list[Finding]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Outs, the steps that led to them (each after those whose outs it reads), and the remote's state if asked."""

    outs: list[str]
    rev: str | None
    links: list[Link]
    remote: Remote | None


def trace_outs(outs: list[str], revision: Revision, ask_remote: bool = True) -> Lineage:
    """Follow outs back to the seeds.

    Raises:
        StageError: DVC cannot open the project.
    """
    steps = steps_to(outs, revision.steps)
    with open_project(revision) as repo:
        findings = stale(revision, steps, repo)
        remote = unpushed(steps, repo) if ask_remote else None
    links = [_link(step, revision, [f for f in findings if f.stage == step.name]) for step in steps]
    return Lineage(outs, revision.rev, links, remote)


def _link(step: Step, revision: Revision, findings: list[Finding]) -> Link:
    read = [Read(dep, maker.name if (maker := maker_of(dep.path, revision.steps)) else None) for dep in step.deps]
    return Link(
        name=step.name,
        cmd=step.cmd,
        commit=revision.last_change(step.name),
        params=without_password(step.params),
        code=[dep for dep in read if dep.file.path.endswith(".py")],
        data=[dep for dep in read if not dep.file.path.endswith(".py")],
        outs=list(step.outs),
        stale=findings,
    )


def without_password(value: Any) -> Any:  # noqa: ANN401 - any value of params.yaml
    """Leave out the user and password that a URL may carry."""
    if isinstance(value, str):
        return re.sub(r"(?<=://)[^/@\s]+@", "", value)
    if isinstance(value, list):
        return [without_password(item) for item in value]
    if isinstance(value, dict):
        return {key: without_password(item) for key, item in value.items()}
    return value

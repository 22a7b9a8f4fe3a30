"""Find what changed since the stages of a lineage ran.

In: a revision and the stages that lead to a file. Out: a reason for each dependency, param, out or command that differs
from what dvc.lock recorded. Does not predict what will run again: wizardcoder/experiments/rerun_plan.py does, for the
workspace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizardcoder.lineage.dvc_internals import DvcProject
from wizardcoder.lineage.lock import LockedStage, overlap, writers_of
from wizardcoder.lineage.revision import Revision

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class StaleReason:
    """A dependency, param, out or command of a stage, and how it differs from what dvc.lock recorded."""

    stage: str
    subject: str
    state: str


def find_stale(revision: Revision, stages: Iterable[LockedStage], project: DvcProject) -> list[StaleReason]:
    """Compare what dvc.lock recorded with the revision: code, sources, params, commands, and data between stages."""
    stages = list(stages)
    found = [
        *(reason for stage in stages for reason in _changed_deps(stage, revision, project)),
        *(reason for stage in stages for reason in _changed_params(stage, revision)),
        *_changed_declarations(stages, project),
    ]
    if revision.rev is None:
        found += _changed_data(stages, project)
    order = {stage.name: number for number, stage in enumerate(stages)}
    first = {(reason.stage, reason.subject): reason for reason in reversed(found)}
    return sorted(first.values(), key=lambda reason: (order[reason.stage], reason.subject))


def value_at(tree: Mapping[str, Any], key: str, absent: object = None) -> Any:  # noqa: ANN401 - any value of params.yaml
    """Return the value of a dotted key, `absent` where there is none."""
    node: Any = tree
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return absent
        node = node[part]
    return node


def written_md5(path: str, writers: Iterable[LockedStage], project: DvcProject) -> str | None:
    """Return the hash that dvc.lock implies for an out, a file inside one, or a folder of several outs.

    None where that needs a listing that the cache lacks.
    """
    files: dict[str, str | None] = {}
    for out in (out for writer in writers for out in writer.outs if overlap(out.path, path)):
        if out.path == path:
            return out.md5
        listing = project.files_of(out.md5) if out.md5.endswith(".dir") else {"": out.md5}
        if listing is None:
            return None
        if path.startswith(f"{out.path}/"):
            return listing.get(path.removeprefix(f"{out.path}/"))
        inside = out.path.removeprefix(f"{path}/")
        files |= {f"{inside}/{name}".rstrip("/"): md5 for name, md5 in listing.items()}
    return _listing_md5(files) if files else None


def contains_any(folder: str, paths: Collection[str]) -> bool:
    """Return whether a folder contains one of these outs, whose change or absence explains the folder's."""
    return any(path.startswith(f"{folder}/") for path in paths)


def _changed_deps(stage: LockedStage, revision: Revision, project: DvcProject) -> Iterator[StaleReason]:
    for dep in stage.deps:
        writers = writers_of(dep.path, revision.stages)
        if not writers:
            now = _folder_md5(dep.path, revision) if dep.md5.endswith(".dir") else _md5(revision.read(dep.path))
            if now != dep.md5:
                yield StaleReason(stage.name, dep.path, "changed" if now else "missing")
        elif written_md5(dep.path, writers, project) not in (None, dep.md5):
            yield StaleReason(stage.name, dep.path, f"rewritten by {' or '.join(w.name for w in writers)} since")


def _md5(content: bytes | None) -> str | None:
    return None if content is None else hashlib.md5(content, usedforsecurity=False).hexdigest()


def _folder_md5(folder: str, revision: Revision) -> str | None:
    """Return a folder's hash as DVC computes it; None where the folder is missing."""
    files = {name: _md5(revision.read(f"{folder}/{name}")) for name in revision.files(folder)}
    return _listing_md5(files) if files else None


def _listing_md5(files: Mapping[str, str | None]) -> str:
    """Return the hash of a folder's listing, given as relative path and md5."""
    listing = [{"md5": files[name], "relpath": name} for name in sorted(files, key=lambda name: name.split("/"))]
    return f"{_md5(json.dumps(listing, sort_keys=True).encode())}.dir"


def _changed_params(stage: LockedStage, revision: Revision) -> Iterator[StaleReason]:
    for key, recorded in stage.params.items():
        now = value_at(revision.params, key, _ABSENT)
        if now is _ABSENT:
            yield StaleReason(stage.name, key, "missing in params.yaml")
        elif now != recorded:
            yield StaleReason(stage.name, key, "changed in params.yaml")


def _changed_declarations(stages: list[LockedStage], project: DvcProject) -> Iterator[StaleReason]:
    """Compare with dvc.yaml: another command, or a dependency that was not declared when the stage ran."""
    declared = {stage.name: stage for stage in project.declared_stages()}
    for stage in stages:
        now = declared.get(stage.name)
        if now is None:
            yield StaleReason(stage.name, "dvc.yaml", "no longer has this stage")
            continue
        if now.cmd != stage.cmd:
            yield StaleReason(stage.name, "command", f"changed to `{now.cmd}`")
        recorded = {dep.path for dep in stage.deps}
        for path in now.deps:
            if path not in recorded:
                yield StaleReason(stage.name, path, "new in dvc.yaml")


def _changed_data(stages: Collection[LockedStage], project: DvcProject) -> Iterator[StaleReason]:
    """Compare the data in the workspace with dvc.lock; data that is only not checked out has not changed."""
    status = project.status([stage.name for stage in stages])
    changed_outs = {path for each in status.values() for path in each.outs}
    for name, each in status.items():
        for subject, state in (dict(each.deps) | dict(each.outs)).items():
            if state == "modified" and not contains_any(subject, changed_outs):
                yield StaleReason(name, subject, "changed in the workspace")

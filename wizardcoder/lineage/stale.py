"""What in a lineage no longer holds, and what of it the DVC remote lacks.

In: a revision and the steps that lead to a file. Out: findings, one for each dependency, parameter or command that
differs from what dvc.lock recorded; and the outs that are not pushed. What DVC can tell it is asked: the workspace's
data, the stages as dvc.yaml declares them, the remote.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from wizardcoder.core.console import StageError
from wizardcoder.lineage.lock import Step, maker_of, overlap
from wizardcoder.lineage.revision import Revision

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Finding:
    """A dependency, parameter, out or command of a stage, and how it differs from what dvc.lock recorded."""

    stage: str
    subject: str
    state: str


@dataclass(frozen=True, slots=True)
class Remote:
    """The remote that was asked, None where none is configured; `lacks` maps an out to why it is not there.

    `verifies`: whether DVC holds what it downloads from there against its hash; a damaged object passes otherwise.
    """

    name: str | None
    url: str | None = None
    verifies: bool = False
    lacks: dict[str, str] = field(default_factory=dict)
    error: str | None = None


@contextmanager
def open_project(revision: Revision) -> Iterator[Any]:
    """Open the project with DVC, at that revision.

    Raises:
        StageError: this is no project of DVC, its dvc.yaml cannot be read, or another DVC process holds it.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.CRITICAL)  # also its progress bars
    try:
        with Repo(".") as repo:
            if revision.rev is None:
                yield repo
            else:
                with repo.switch(revision.rev):
                    yield repo
    except DvcException as exc:
        raise StageError(f"DVC: {' '.join(str(exc).split())}") from exc


def stale(revision: Revision, steps: Iterable[Step], repo: Any) -> list[Finding]:  # noqa: ANN401 - DVC's Repo
    """Hold what is recorded against what is there now: code, sources, parameters, commands, and between steps."""
    steps = list(steps)
    listings = _Listings(repo)
    found = [
        *(f for step in steps for f in _changed_deps(step, revision, listings)),
        *(f for step in steps for f in _changed_params(step, revision)),
        *_changed_declarations(steps, repo),
    ]
    if revision.rev is None:
        found += _changed_data({step.name for step in steps}, repo)
    order = {step.name: number for number, step in enumerate(steps)}
    first = {(f.stage, f.subject): f for f in reversed(found)}
    return sorted(first.values(), key=lambda f: (order[f.stage], f.subject))


def unpushed(steps: Iterable[Step], repo: Any) -> Remote:  # noqa: ANN401 - DVC's Repo
    """Ask the default remote for every out of these steps that DVC keeps."""
    name = repo.config["core"].get("remote")
    if name is None:
        return Remote(None)
    settings = repo.config["remote"].get(name, {})
    known = Remote(name, settings.get("url"), bool(settings.get("verify")))
    wanted = {out.path: out.md5 for step in steps for out in step.outs}
    objects: dict[Any, str] = {}
    for out in repo.index.outs:
        if out.use_cache and out.def_path in wanted and out.hash_info:
            objects |= dict.fromkeys(_objects_of(out), out.def_path)
    try:
        status = repo.cloud.status(objects)
    except Exception as exc:  # a remote's client may raise anything; the lineage is told all the same
        return replace(known, error=f"{type(exc).__name__}: {' '.join(str(exc).split())}"[:300])
    told = {"not pushed": status.new, "neither in the cache nor pushed": status.missing}
    return replace(known, lacks={objects[key]: why for why, keys in told.items() for key in keys})


def _objects_of(out: Any) -> set[Any]:  # noqa: ANN401 - DVC's Output
    """Give what DVC keeps of an out; of a folder whose listing is lost, the listing."""
    from dvc.exceptions import DvcException

    with suppress(DvcException):
        return {out.hash_info}.union(*out.get_used_objs().values())
    return {out.hash_info}


class _Listings:
    """The files inside folders that DVC keeps, as far as its cache holds their listings."""

    def __init__(self, repo: Any) -> None:  # noqa: ANN401 - DVC's Repo
        self._cache = repo.cache.local
        self._known: dict[str, dict[str, str] | None] = {}

    def md5_in(self, folder_md5: str, path: str) -> str | None:
        """Give the hash of a file below a folder; None where the listing is not at hand or lacks the file."""
        if folder_md5 not in self._known:
            self._known[folder_md5] = self._read(folder_md5)
        return (self._known[folder_md5] or {}).get(path)

    def _read(self, folder_md5: str) -> dict[str, str] | None:
        try:
            with self._cache.fs.open(self._cache.oid_to_path(folder_md5)) as file:
                return {entry["relpath"]: entry["md5"] for entry in json.load(file)}
        except FileNotFoundError:
            return None


def _changed_deps(step: Step, revision: Revision, listings: _Listings) -> Iterator[Finding]:
    for dep in step.deps:
        maker = maker_of(dep.path, revision.steps)
        if maker is None:
            now = _folder_md5(dep.path, revision) if dep.md5.endswith(".dir") else _md5(revision.read(dep.path))
            if now != dep.md5:
                yield Finding(step.name, dep.path, "changed" if now else "missing")
            continue
        out = next(out for out in maker.outs if overlap(out.path, dep.path))
        below = dep.path.removeprefix(f"{out.path}/")
        made = out.md5 if out.path == dep.path else listings.md5_in(out.md5, below)
        if made is not None and made != dep.md5:
            yield Finding(step.name, dep.path, f"made anew by {maker.name} since")


def _md5(content: bytes | None) -> str | None:
    return None if content is None else hashlib.md5(content, usedforsecurity=False).hexdigest()


def _folder_md5(folder: str, revision: Revision) -> str | None:
    """Give a folder's hash as DVC does, the hash of its listing, or None where it is not there."""
    names = sorted(revision.files(folder), key=lambda name: name.split("/"))
    listing = [{"md5": _md5(revision.read(f"{folder}/{name}")), "relpath": name} for name in names]
    return f"{_md5(json.dumps(listing, sort_keys=True).encode())}.dir" if names else None


def _changed_params(step: Step, revision: Revision) -> Iterator[Finding]:
    for key, recorded in step.params.items():
        now = _value_at(revision.params, key)
        if now is _ABSENT:
            yield Finding(step.name, key, "missing in params.yaml")
        elif now != recorded:
            yield Finding(step.name, key, "changed in params.yaml")


def _value_at(tree: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401 - any value of params.yaml
    """Give the value under a dotted key, or a mark where there is none."""
    node: Any = tree
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return _ABSENT
        node = node[part]
    return node


def _changed_declarations(steps: list[Step], repo: Any) -> Iterator[Finding]:  # noqa: ANN401 - DVC's Repo
    """Compare with dvc.yaml: a command that is another now, a dependency that was not known when the step ran."""
    declared = {stage.name: stage for stage in repo.index.stages}
    for step in steps:
        stage = declared.get(step.name)
        if stage is None:
            yield Finding(step.name, "dvc.yaml", "has no such stage any more")
            continue
        if stage.cmd != step.cmd:
            yield Finding(step.name, "command", f"changed to `{stage.cmd}`")
        recorded = {dep.path for dep in step.deps}
        for dep in stage.deps:
            if not hasattr(dep, "params") and dep.def_path not in recorded:
                yield Finding(step.name, dep.def_path, "new in dvc.yaml")


def _changed_data(names: set[str], repo: Any) -> Iterator[Finding]:  # noqa: ANN401 - DVC's Repo
    """Ask DVC about the workspace; data that is merely not checked out is as it was."""
    with repo.lock:
        told = [(stage.name, stage.status()) for stage in repo.index.stages if stage.name in names]
    for name, status in told:
        for change in (change for changes in status.values() for change in changes):
            if isinstance(change, dict):
                for subject, state in (change.get("changed deps", {}) | change.get("changed outs", {})).items():
                    if state == "modified":
                        yield Finding(name, subject, "changed in the workspace")

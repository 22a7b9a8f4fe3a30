"""The only module that uses parts of DVC 3.67.1 which DVC does not document.

In: a folder with a DVC project, a git revision. Out: what dvc.yaml declares, how the workspace differs from dvc.lock,
what the cache and the remote hold, files of other revisions. Nothing is checked out, run or written, except hashes in
DVC's own state database. A new version of DVC needs changes here only.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeclaredStage:
    """A stage of dvc.yaml: paths of its dependencies and outs, keys of params.yaml."""

    name: str
    cmd: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How a stage differs from its entry in dvc.lock.

    The mappings hold what differs, by path or key, with DVC's word for it: `new`, `modified`, `deleted` (not in the
    workspace), `not in cache`.
    """

    deps: Mapping[str, str]
    params: Mapping[str, str]
    outs: Mapping[str, str]
    command_changed: bool
    always_changed: bool


@dataclass(frozen=True, slots=True)
class RemoteStatus:
    """The default remote, `name` is None where none is configured; `lacks` maps an out to the reason.

    `verifies`: whether DVC compares downloads from there with their hashes; otherwise damage goes unnoticed.
    """

    name: str | None
    url: str | None = None
    verifies: bool = False
    lacks: dict[str, str] = field(default_factory=dict)
    error: str | None = None


class DvcProject:
    """An open project of DVC."""

    def __init__(self, repo: Any) -> None:  # noqa: ANN401 - DVC's Repo
        self._repo = repo
        self._stages: dict[str, Any] = {stage.name: stage for stage in repo.index.stages if hasattr(stage, "name")}
        self._listings: dict[str, dict[str, str] | None] = {}

    def declared_stages(self) -> list[DeclaredStage]:
        """Return the stages in the order of dvc.yaml."""
        return [
            DeclaredStage(
                name,
                stage.cmd,
                tuple(dep.def_path for dep in stage.deps if not _is_params(dep)),
                tuple(key for dep in stage.deps if _is_params(dep) for key in _param_keys(dep)),
                tuple(out.def_path for out in stage.outs),
            )
            for name, stage in self._stages.items()
        ]

    def status(self, names: Collection[str]) -> dict[str, StageStatus]:
        """Compare stages with their entries in dvc.lock; hashes what changed since DVC last looked.

        Raises:
            StageError: another DVC process holds the project.
        """
        from dvc.exceptions import DvcException

        try:
            with self._repo.lock:
                return {name: _status(stage) for name, stage in self._stages.items() if name in names}
        except DvcException as exc:
            raise StageError(f"DVC: {_one_line(exc)}") from exc

    def has_result(self, name: str) -> bool:
        """Return whether DVC's cache holds what the stage writes from its present inputs, so that it is not run."""
        from dvc.exceptions import DvcException

        stage, runs = self._stages[name], self._repo.stage_cache
        try:
            with self._repo.lock:
                if not stage.changed_stage() and stage.deps_cached() and all(out.hash_info for out in stage.outs):
                    return bool(stage.outs_cached())
                stage.save_deps()  # in memory only
                recorded = runs._load(stage)
                return bool(recorded and runs._create_stage(recorded, stage.wdir).outs_cached())
        except (DvcException, OSError, AssertionError):  # an input is missing, or cannot be hashed
            return False

    def files_of(self, folder_md5: str) -> dict[str, str] | None:
        """Return the files of a folder by relative path with their md5; None where the cache lacks the listing."""
        if folder_md5 not in self._listings:
            self._listings[folder_md5] = self._read_listing(folder_md5)
        return self._listings[folder_md5]

    @property
    def has_remote(self) -> bool:
        """Whether a default remote is configured, from which `dvc pull` reads."""
        return self._repo.config["core"].get("remote") is not None

    def remote_status(self, outs: Mapping[str, str]) -> RemoteStatus:
        """Ask the default remote for outs, given as path and md5; those that DVC does not keep are left out."""
        name = self._repo.config["core"].get("remote")
        if name is None:
            return RemoteStatus(None)
        settings = self._repo.config["remote"].get(name, {})
        known = RemoteStatus(name, settings.get("url"), bool(settings.get("verify")))
        objects: dict[Any, str] = {}
        for out in self._repo.index.outs:
            if out.use_cache and out.def_path in outs and out.hash_info:
                objects |= dict.fromkeys(_objects_of(out), out.def_path)
        try:
            status = self._repo.cloud.status(objects)
        except Exception as exc:  # a remote's client may raise anything; the rest of the answer is still of use
            return replace(known, error=f"{type(exc).__name__}: {_one_line(exc)}"[:300])
        missing = {"not pushed": status.new, "neither in the cache nor pushed": status.missing}
        return replace(known, lacks={objects[key]: reason for reason, keys in missing.items() for key in keys})

    def queued_experiments(self) -> int:
        """Return the number of experiments that wait or run in DVC's queue."""
        tasks = self._repo.experiments.celery_queue
        return len([*tasks.iter_queued(), *tasks.iter_active()])

    def _read_listing(self, folder_md5: str) -> dict[str, str] | None:
        cache = self._repo.cache.local
        try:
            with cache.fs.open(cache.oid_to_path(folder_md5)) as file:
                return {entry["relpath"]: entry["md5"] for entry in json.load(file)}
        except FileNotFoundError:
            return None


class DataUnavailableError(StageError):
    """DVC knows a file, but it is neither in the workspace nor in the cache nor in the remote."""


class DvcFiles:
    """Files of a git revision, or of the workspace where `rev` is None, from git and from DVC's cache or remote."""

    def __init__(self, rev: str | None) -> None:
        from dvc.api import DVCFileSystem
        from dvc.exceptions import DvcException

        try:
            self._files: Any = DVCFileSystem(url=".", rev=rev)
        except DvcException:  # no project of DVC
            self._files = None

    def ask(self, path: str, question: Callable[[Any], T]) -> T | None:
        """Return the answer of DVC's file system to a question about a path; None where there is no such file.

        Raises:
            DataUnavailableError: DVC knows the file, but neither its cache nor its remote has it.
        """
        from dvc.exceptions import DvcException
        from dvc_data.index import DataIndexDirError

        try:
            return None if self._files is None else question(self._files)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except (DvcException, DataIndexDirError) as exc:
            raise DataUnavailableError(
                f"{path}: neither here nor in DVC's cache nor in its remote; `dvc pull` or `dvc repro` gets it"
            ) from exc


@contextmanager
def open_project(root: Path = Path(), rev: str | None = None) -> Iterator[DvcProject]:
    """Open the project in a folder, at a git revision or as it is in the workspace.

    Raises:
        StageError: this is not a project of DVC, its dvc.yaml cannot be read, or another DVC process holds it.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.CRITICAL)  # also its progress bars
    try:
        with chdir(root), Repo() as repo:  # DVC's run cache works only from inside the project
            if rev is None:
                yield DvcProject(repo)
            else:
                with repo.switch(rev):
                    yield DvcProject(repo)
    except DvcException as exc:
        raise StageError(f"DVC: {_one_line(exc)}") from exc


def _is_params(dep: Any) -> bool:  # noqa: ANN401 - DVC's Dependency
    return hasattr(dep, "params")


def _param_keys(dep: Any) -> list[str]:  # noqa: ANN401 - DVC's ParamsDependency
    """Return the keys of a params file; those of another file than params.yaml with its name before them."""
    own = dep.def_path == str(PARAMS_FILE)
    return [key if own else f"{dep.def_path}:{key}" for key in dep.params]


def _status(stage: Any) -> StageStatus:  # noqa: ANN401 - DVC's Stage
    deps: dict[str, str] = {}
    params: dict[str, str] = {}
    for dep in () if stage.frozen else stage.deps:
        for state in dep.status().values():
            if isinstance(state, dict):
                params |= state
            elif _is_params(dep):
                params |= dict.fromkeys(_param_keys(dep), state)
            else:
                deps[dep.def_path] = state
    outs = {out.def_path: state for out in stage.outs for state in out.status().values()}
    return StageStatus(deps, params, outs, stage.changed_stage(), stage.is_callback or stage.always_changed)


def _objects_of(out: Any) -> set[Any]:  # noqa: ANN401 - DVC's Output
    """Return what DVC keeps of an out; of a folder whose listing is lost, the listing."""
    from dvc.exceptions import DvcException

    with suppress(DvcException):
        return {out.hash_info}.union(*out.get_used_objs().values())
    return {out.hash_info}


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())

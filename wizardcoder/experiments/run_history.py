"""The scores of earlier runs of this repository: DVC's experiments, and commits of the branch that changed the scores.

In: git, its refs/exps and the history of HEAD. Out: metrics/experiments.json, which git tracks and the stage report
depends on, so that the runs on the page are an input like any other. DVC itself is not asked: it holds its lock while a
stage runs. `git clone` copies no experiments, and commits count only after a revision that the user names, so a new
clone starts with an empty history.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from wizardcoder.core import git, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.core.records import replacing
from wizardcoder.core.validation import describe

_NOT_RUNS = ("refs/exps/exec/", "refs/exps/celery/", "refs/exps/stash", "refs/exps/apply/")


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="ignore", strict=True))
class CommittedRun:
    """A run whose scores git holds.

    Attributes:
        kind: "experiment" or "commit".
        committed_at: seconds since 1970.
        changed: the params that differ from the commit from which the experiment started, as text by dotted name.
        rounds: the rounds of its training set, merge.rounds; None if its params.yaml does not tell.
        metrics: the numbers of its metrics/evaluate.json.
    """

    name: str
    kind: str
    commit: str
    committed_at: int
    changed: dict[str, str]
    rounds: list[int] | None
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", strict=True))
class RunHistory:
    """Runs, oldest first. Commits after `since` count; with None only experiments do."""

    since: str | None
    runs: list[CommittedRun]


def read_history(path: Path = paths.EXPERIMENTS_METRICS) -> RunHistory:
    """Read the history.

    Raises:
        StageError: the file is missing or is not a run history.
    """
    try:
        return TypeAdapter(RunHistory).validate_json(path.read_bytes())
    except OSError as exc:
        raise StageError(f"{path}: {exc.strerror}; `wizardcoder report` writes it") from exc
    except ValidationError as exc:
        raise StageError(f"{path}: {describe(exc)}; `wizardcoder report` writes this file") from exc


def write_history(history: RunHistory, path: Path = paths.EXPERIMENTS_METRICS) -> None:
    """Write the history."""
    with replacing(path) as file:
        json.dump(TypeAdapter(RunHistory).dump_python(history), file, indent=2, sort_keys=True, ensure_ascii=False)
        file.write("\n")


def update_history(since: str | None = None, path: Path = paths.EXPERIMENTS_METRICS) -> RunHistory:
    """Find the runs and write them; without `since` the revision of the last call stays.

    Raises:
        StageError: this is not a git repository, the revision is unknown, or the file is broken.
    """
    if since is None and path.exists():
        since = read_history(path).since
    history = find_runs(since)
    write_history(history, path)
    return history


def find_runs(since: str | None) -> RunHistory:
    """Find DVC's experiments, and with `since` (a git revision) the later commits of HEAD that changed the scores.

    Raises:
        StageError: this is not a git repository, or the revision is unknown.
    """
    runs = []
    if since is not None:
        start_commit = git.commit_of(since)
        if start_commit is None:
            raise StageError(f"found revision {since!r}, accepted: a commit, branch or tag of this repository")
        since = start_commit
        commits = git.run_git("log", "--format=%H", f"{since}..HEAD", "--", str(paths.EVALUATE_METRICS)).split()
        runs += [_read_run(commit, git.run_git("show", "--no-patch", "--format=%s", commit)) for commit in commits]
    for line in git.run_git("for-each-ref", "refs/exps", "--format=%(objectname) %(refname)").splitlines():
        commit, ref = line.split(" ", 1)
        if not ref.startswith(_NOT_RUNS):
            *_, start, rest, name = ref.split("/")  # refs/exps/ab/cdef.../name
            runs.append(_read_run(commit, name, start + rest))
    found = [run for run in runs if run is not None]
    return RunHistory(since, sorted(found, key=lambda run: (run.committed_at, run.name)))


def _read_run(commit: str, name: str, start: str | None = None) -> CommittedRun | None:
    """Read a commit's run, for an experiment with what it changed since its start; None if it holds no scores."""
    scores = git.read_committed(commit, paths.EVALUATE_METRICS)
    if scores is None:
        return None
    try:
        metrics = {k: float(v) for k, v in json.loads(scores).items() if isinstance(v, int | float)}
    except (ValueError, AttributeError) as exc:
        raise StageError(f"{paths.EVALUATE_METRICS} of {commit[:7]}: not flat JSON: {exc}") from exc
    params = _params(commit)
    return CommittedRun(
        name=name,
        kind="experiment" if start else "commit",
        commit=commit[:7],
        committed_at=int(git.run_git("show", "--no-patch", "--format=%ct", commit)),
        changed=_differences(_params(start), params) if start else {},
        rounds=_merged_rounds(params),
        metrics=metrics,
    )


def _merged_rounds(params: Mapping[str, Any]) -> list[int] | None:
    rounds = params.get("merge.rounds")
    return sorted(rounds) if isinstance(rounds, list) and all(type(n) is int for n in rounds) else None


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    keys = sorted({*before, *after})
    return {key: str(after.get(key)) for key in keys if before.get(key) != after.get(key)}


def _params(commit: str) -> dict[str, Any]:
    """Return a commit's params by dotted name; empty if its file is missing or broken."""
    try:
        return dict(_flat(YAML(typ="safe", pure=True).load(git.read_committed(commit, PARAMS_FILE) or "{}")))
    except (YAMLError, AttributeError):
        return {}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

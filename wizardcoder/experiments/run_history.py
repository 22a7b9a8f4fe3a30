"""The scores of committed runs: DVC's experiments and the history of metrics/evaluate.json.

In: the git repository, its refs/exps and HEAD's history; DVC is not asked, since it holds its lock while a stage runs.
Out: rows for metrics/experiments.json, a file that git tracks and the stage report depends on, so that what the page
shows of other runs is an input like any other.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.core.records import replacing

FILE = Path("metrics/experiments.json")
SCORES = Path("metrics/evaluate.json")
_NOT_RUNS = ("refs/exps/exec/", "refs/exps/celery/", "refs/exps/stash", "refs/exps/apply/")


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="ignore", strict=True))
class Experiment:
    """A committed run: `changed` are the params that differ from the commit it started from."""

    name: str
    kind: str
    commit: str
    changed: dict[str, str]
    metrics: dict[str, float]


def read_experiments(path: Path = FILE) -> list[Experiment]:
    """Read the rows.

    Raises:
        StageError: the file is missing or not a list of experiments.
    """
    try:
        return TypeAdapter(list[Experiment]).validate_json(path.read_bytes())
    except OSError as exc:
        raise StageError(f"{path}: {exc.strerror}; `python -m stages.report experiments` writes it") from exc
    except ValidationError as exc:
        error = exc.errors(include_url=False)[0]
        place = ".".join(map(str, error["loc"])) or "file"
        raise StageError(
            f"{path}: {place}: {error['msg']}, accepted: what `python -m stages.report experiments` writes"
        ) from exc


def write_experiments(rows: list[Experiment], path: Path = FILE) -> None:
    """Write the rows."""
    with replacing(path) as file:
        json.dump(TypeAdapter(list[Experiment]).dump_python(rows), file, indent=2, sort_keys=True, ensure_ascii=False)
        file.write("\n")


def find_experiments() -> list[Experiment]:
    """Find the commits of HEAD's history that changed the scores, oldest first, then DVC's experiments by name.

    Raises:
        StageError: this is no git repository.
    """
    history = _git("log", "--reverse", "--format=%H", "--", str(SCORES)).split()
    found = [_run(commit, _git("show", "--no-patch", "--format=%s", commit)) for commit in history]
    refs = _git("for-each-ref", "refs/exps", "--format=%(objectname) %(refname)").splitlines()
    for commit, ref in sorted((line.split(" ", 1) for line in refs), key=lambda pair: pair[1].rsplit("/", 1)[-1]):
        if not ref.startswith(_NOT_RUNS):
            *_, start, rest, name = ref.split("/")  # refs/exps/ab/cdef.../name
            found.append(_run(commit, name, start + rest))
    return [run for run in found if run is not None]


def _run(commit: str, name: str, start: str | None = None) -> Experiment | None:
    """Give a commit's row, of an experiment with what it changed of its start; None where it holds no scores."""
    scores = _shown(commit, SCORES)
    if scores is None:
        return None
    try:
        metrics = {k: float(v) for k, v in json.loads(scores).items() if isinstance(v, int | float)}
    except (ValueError, AttributeError) as exc:
        raise StageError(f"{SCORES} of {commit[:7]}: not flat JSON: {exc}") from exc
    changed = _differences(_params(start), _params(commit)) if start else {}
    return Experiment(name, "experiment" if start else "commit", commit[:7], changed, metrics)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    keys = sorted({*before, *after})
    return {key: str(after.get(key)) for key in keys if before.get(key) != after.get(key)}


def _params(commit: str) -> dict[str, Any]:
    """Give a commit's params by dotted name; none where its file is missing or broken."""
    try:
        return dict(_flat(YAML(typ="safe", pure=True).load(_shown(commit, PARAMS_FILE) or "{}")))
    except (YAMLError, AttributeError):
        return {}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(commit: str, path: Path) -> str | None:
    """Give a file as a commit holds it, None where it does not."""
    try:
        return _git("show", f"{commit}:./{path}")
    except StageError:
        return None


def _git(*args: str) -> str:
    try:
        done = subprocess.run(["git", *args], capture_output=True, text=True, check=True)
    except FileNotFoundError as exc:
        raise StageError("git: not found") from exc
    except subprocess.CalledProcessError as exc:
        raise StageError(f"git {args[0]}: {exc.stderr.strip().splitlines()[0] if exc.stderr else exc}") from exc
    return done.stdout.strip()

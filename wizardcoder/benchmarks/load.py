"""Load benchmarks by name: HumanEval, MBPP, their EvalPlus forms, DS-1000, MultiPL-E, a user's own.

In: a benchmark's name and its source: an embedded file, a path, or a data set of the hub at a pinned revision. Out: its
problems, each row checked (formats/). Does not cover: judging answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wizardcoder.benchmarks.formats.mbpp import MBPP_TASKS
from wizardcoder.benchmarks.formats.multipl_e import MULTIPL_E
from wizardcoder.benchmarks.formats.parse import parse_problem
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import bundled_wheels
from wizardcoder.core.console import StageError
from wizardcoder.core.hub_revision import commit_of
from wizardcoder.core.json_files import read_json, read_jsonl

DEV_PATH = Path("bundled/dev_problems.jsonl")
EMBEDDED = ("dev", "humaneval")
KNOWN = (*EMBEDDED, "humaneval_plus", *MBPP_TASKS, "mbpp_sanitized", "mbpp_plus", "ds1000", *MULTIPL_E)
SUFFIXES = (".json", ".jsonl", ".jsonl.gz")
_ACCEPTED = "a file ending in .json, .jsonl or .jsonl.gz, or hub:OWNER/NAME[:CONFIG]@REVISION[#SPLIT]"
_HUB = re.compile(r"hub:([^/:@#\s]+/[^/:@#\s]+)(?::([^@#\s]+))?@([^@#\s]+)(?:#(\S+))?")


def load_benchmark(name: str, source: str | None = None, first: int | None = None) -> list[Problem]:
    """Load the first problems of a benchmark; all of them when `first` is None.

    Every row is checked, also those that `first` or the benchmark's task ids leave out. Problems keep the order of the
    source; MBPP's are sorted by task id, because the hub's splits and the file have different orders.

    Args:
        name: one of KNOWN; any other name is a benchmark of the user's own, in HumanEval's format.
        source: None or "embedded" for the benchmarks in EMBEDDED; else a path or `hub:OWNER/NAME[:CONFIG]@REVISION`,
            which takes all splits, or one with `#SPLIT` at its end.
        first: how many problems to take.

    Raises:
        StageError: there is no such source, it cannot be read, or a row is not of the benchmark's format.
    """
    if (reason := missing_source(name, source)) is not None:
        raise StageError(reason)
    bundled = source in (None, "embedded")
    problems: list[Problem] = []
    places: dict[str, str] = {}
    for place, row in _rows(name, source):
        problem = parse_problem(name, row, place, strict=bundled)
        if (before := places.setdefault(problem.task_id, place)) is not place:
            raise StageError(
                f"{place}: task_id: found {problem.task_id!r} again (first: {before}), accepted: each once"
            )
        problems.append(problem)
    if not problems:
        raise StageError(f"{source or name}: holds no problem; accepted: rows of benchmark {name!r}")
    return _select_tasks(name, problems, source)[:first]


def missing_source(name: str, source: str | None) -> str | None:
    """Return why a benchmark cannot be loaded and what to set or install, on one line; None if its source exists.

    Neither the rows nor the hub are read.
    """
    if source in (None, "embedded"):
        return _missing_embedded(name, source)
    assert source is not None
    key = f"benchmarks.{name}"
    accepted = f"accepted: {'embedded, ' if name in EMBEDDED else ''}{_ACCEPTED}"
    if source.startswith("hub:"):
        return None if _HUB.fullmatch(source) else f"{key}: found {source!r}, {accepted}; the revision pins the data"
    if not source.endswith(SUFFIXES):
        return f"{key}: found {source!r}, {accepted}"
    return None if _is_file(Path(source)) else f"{key}: {source}: no such file; {accepted}"


def _missing_embedded(name: str, source: str | None) -> str | None:
    if name not in EMBEDDED:
        found = "not set in params.yaml" if source is None else f"found {source!r}, but it is not embedded"
        own = "" if name in KNOWN else f"; {name!r} is none of {', '.join(KNOWN)}, so it is read in HumanEval's format"
        return f"benchmarks.{name}: {found}, accepted: {_ACCEPTED}{own}"
    if name == "dev":
        return None if DEV_PATH.is_file() else f"{DEV_PATH}: no such file"
    try:
        bundled_wheels.humaneval_path()
    except StageError as exc:
        return str(exc)
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name too long for the file system
        return False


def _select_tasks(name: str, problems: list[Problem], source: str | None) -> list[Problem]:
    """Sort MBPP's problems by task id and keep those of the benchmark's splits."""
    if name not in MBPP_TASKS and name != "mbpp_sanitized":
        return problems
    numbered = {int(problem.task_id.removeprefix("MBPP/")): problem for problem in problems}
    tasks = MBPP_TASKS.get(name)
    chosen = [numbered[number] for number in sorted(numbered) if tasks is None or number in tasks]
    if not chosen and tasks is not None:
        raise StageError(f"{source}: holds no problem of {name}: its task ids are {tasks[0]} to {tasks[-1]}")
    return chosen


def _rows(name: str, source: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each row with the place that an error names."""
    if source in (None, "embedded"):
        placed = _lines(DEV_PATH if name == "dev" else bundled_wheels.humaneval_path())
    elif source is not None and source.startswith("hub:"):
        placed = _hub_rows(source)
    elif source is not None and source.endswith(".json"):
        placed = _records(Path(source))
    else:
        placed = _lines(Path(str(source)))
    for place, row in placed:
        if not isinstance(row, dict):
            raise StageError(f"{place}: found {type(row).__name__}, accepted: an object, one per problem")
        yield place, row


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    # EvalPlus's inputs may hold lone surrogates; formats/ refuses them in every other field
    return ((f"{path}:{number}", row) for number, row in read_jsonl(path, allow_surrogates=True))


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    data = read_json(path, allow_surrogates=True)
    if not isinstance(data, list):
        raise StageError(f"{path}: found {type(data).__name__}, accepted: a list of objects, one per problem")
    return ((f"{path}: record {number}", record) for number, record in enumerate(data))


def _hub_rows(source: str) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a data set of the hub, of all splits unless the source names one."""
    match = _HUB.fullmatch(source)
    assert match is not None, "missing_source has refused it"
    name, config, revision, split = match.groups()
    import datasets
    from datasets.exceptions import DatasetsError

    try:
        pinned = commit_of(name, revision) or revision
        loaded = datasets.load_dataset(name, config, revision=pinned, split=split)
    except (OSError, ValueError, RuntimeError, DatasetsError) as exc:
        raise StageError(
            f"{source}: cannot be loaded: {' '.join(str(exc).split())[:300]}; a file is accepted too"
        ) from exc
    for part, rows in loaded.items() if isinstance(loaded, dict) else [(split, loaded)]:
        for number, row in enumerate(rows):
            yield f"{source.partition('#')[0]}#{part}: row {number}", dict(row)

"""A training sample's ancestry: its seed row, every attempt to evolve it, and what became of it.

In: an id, a revision of the project, the answer store. Out: plain records of where it came from, what was asked and
answered, and which step kept or dropped it. How a file came to be is the matter of wizardcoder/lineage/lock.py.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example, PoolItem, Rejected, seed_id
from wizardcoder.core.store import AnswerStore
from wizardcoder.evolution.alpaca import read_located_records, to_example
from wizardcoder.lineage.replay import Request, replay, settings_of
from wizardcoder.lineage.revision import Revision
from wizardcoder.teacher import chats

# what an accepted sample passes, with the files of those that are kept and those that are dropped
AFTER_THE_ROUNDS: tuple[tuple[str, Callable[[int], Path], Path], ...] = (
    ("screen", paths.screened_round, paths.SCREENED_OUT),
    ("merge", lambda _: paths.MERGED_EXAMPLES, paths.MERGED_REMOVED),
    ("decontaminate", lambda _: paths.TRAINING_EXAMPLES, paths.EXCLUDED),
)
_TRAINED: dict[str, tuple[str, dict[str, Any]]] = {
    "trained": ("kept", {}),
    "cut": ("kept", {"cut": "its end does not fit train.max_tokens"}),
    "held_out": ("held out", {}),
    "no_response": ("dropped", {"reason": "no_response"}),
    "too_long": ("dropped", {"reason": "too_long"}),
}
_SHOWN_ABOVE = {"id", "parent_id", "round", "heuristic", "instruction", "response"}


@dataclass(frozen=True, slots=True)
class Seed:
    """The seed row: `place` names file and row, None where no row has this id; `recorded_md5` is dvc.lock's."""

    source: str
    md5: str | None
    recorded_md5: str | None
    place: str | None
    note: str | None
    record: Example | Rejected


@dataclass(frozen=True, slots=True)
class Attempt:
    """One round's attempt; `reason` is None where it was accepted, `note` says what of its requests is not known."""

    id: str
    round: int
    heuristic: str | None
    heuristic_text: str | None
    prompt_version: str | None
    reason: str | None
    detail: str
    instruction: str
    response: str
    requests: list[Request]
    note: str | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What a step after the rounds did with the sample.

    kept, dropped, not read (left out), not run, not at hand; train also: held out, not known (it ran before it wrote
    its fates).
    """

    step: str
    state: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """A test problem: its results by file (BENCHMARK.MODEL.jsonl), and the training samples excluded because of it."""

    task_id: str
    results: list[dict[str, Any]]
    excluded: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A sample's whole way; `attempts` stand in the order of rounds, `children` are the attempts to evolve it on."""

    id: str
    seed: Seed
    attempts: list[Attempt]
    fate: list[Fate]
    children: list[str]


def trace_sample(sample: str, revision: Revision, store: AnswerStore | None) -> Ancestry | None:
    """Give a sample's ancestry, or None where no round knows the id."""
    rounds = [int(part) for part in re.findall(r"-r(\d+)", sample)]
    last = rounds[-1] if rounds else 0
    target = _outcome(last, sample, revision)
    seed = _outcome(0, seed_id(sample), revision)
    if target is None or seed is None:
        return None
    parent = PoolItem(seed.id, seed.instruction)
    attempts: list[Attempt] = []
    for number in range(1, last + 1):
        found = _outcome(number, f"{parent.id}-r{number}", revision)
        if found is not None:
            attempts.append(_attempt(found, parent, revision, store))
            if number in rounds:
                parent = PoolItem(found.id, found.instruction)
    fate = list(_fate(target, revision)) if isinstance(target, Example) else []
    return Ancestry(sample, _seed(seed, revision), attempts, fate, _children(sample, last, revision))


def trace_problem(task_id: str, revision: Revision) -> Problem | None:
    """Give what the results and the exclusions say of a test problem, or None where neither knows it."""
    results = [
        {"file": name, "passed": row["passed"], "result": row["result"]}
        for name in revision.files(paths.RESULTS.as_posix())
        if name.endswith(".jsonl")
        for row in rows_with(paths.RESULTS / name, "task_id", task_id, revision)
    ]
    shown = ("id", "benchmark", "similarity", "overlap", "judgement")
    excluded = [{key: row.get(key) for key in shown} for row in rows_with(paths.EXCLUDED, "task_id", task_id, revision)]
    return Problem(task_id, results, excluded) if results or excluded else None


def known_ids(revision: Revision) -> Iterator[str]:
    """Yield the id of every example and every rejected attempt of the rounds."""
    for number in paths.ROUND_NUMBERS:
        for name in ("examples", "rejected"):
            for line in _lines(paths.round_folder(number) / f"{name}.jsonl", revision):
                yield json.loads(line)["id"]


def rows_with(path: Path, key: str, value: str, revision: Revision) -> Iterator[dict[str, Any]]:
    """Yield the records of a JSON Lines file that have this value, without parsing most of the others."""
    needle = json.dumps(value, ensure_ascii=False).encode()
    for line in _lines(path, revision):
        if needle in line and (row := json.loads(line)).get(key) == value:
            yield row


def _lines(path: Path, revision: Revision) -> Iterator[bytes]:
    file = revision.open(path.as_posix())
    if file is not None:
        with file:
            yield from file


def _outcome(number: int, sample: str, revision: Revision) -> Example | Rejected | None:
    """Find what a round made of an attempt."""
    kinds: tuple[tuple[str, type[Example] | type[Rejected]], ...] = (("examples", Example), ("rejected", Rejected))
    for name, kind in kinds:
        for row in rows_with(paths.round_folder(number) / f"{name}.jsonl", "id", sample, revision):
            record: Example | Rejected = TypeAdapter(kind).validate_json(json.dumps(row))
            return record
    return None


def _children(sample: str, last: int, revision: Revision) -> list[str]:
    """Give the attempts to evolve a sample on, in the rounds that are at hand."""
    found: list[str] = []
    with suppress(StageError):
        for number in range(last + 1, paths.LAST_ROUND + 1):
            child = _outcome(number, f"{sample}-r{number}", revision)
            found += [child.id] if child else []
    return found


def _seed(record: Example | Rejected, revision: Revision) -> Seed:
    step = revision.steps.get("seed")
    recorded = step.params.get("seed", {}).get("source") if step else None
    source = recorded or revision.params.get("seed", {}).get("source", "")
    dep = next((dep.md5 for dep in step.deps if dep.path == source), None) if step else None
    content = revision.read(source)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() if content is not None else None
    try:
        return Seed(source, md5, dep, _place(record.id, source, content), None, record)
    except StageError as exc:
        return Seed(source, md5, dep, None, str(exc), record)


def _place(seed_id: str, source: str, content: bytes | None) -> str | None:
    """Find the row of the source that has this id, in the content that it has at the revision."""
    if content is None:
        raise StageError(f"{source}: no such file")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / Path(source).name
        copy.write_bytes(content)
        for place, row in read_located_records(copy):
            if to_example(row).id == seed_id:
                return place.replace(str(copy), source)
    return None


def _attempt(found: Example | Rejected, parent: PoolItem, revision: Revision, store: AnswerStore | None) -> Attempt:
    step = revision.steps.get(f"evolve_r{found.round}")
    requests: list[Request] = []
    text = None
    version = found.prompt_version if isinstance(found, Example) else None
    try:
        settings = settings_of(revision.params, step.params if step else {})
        text = settings.evolve.heuristics.get(found.heuristic or "")
        if version is None and text is not None:
            version = chats.prompt_version(settings.evolve.prompt, text, settings.evolve.few_shot)
        requests, note = replay(settings, parent, found, store)
    except StageError as exc:
        note = str(exc)
    return Attempt(
        id=found.id,
        round=found.round,
        heuristic=found.heuristic,
        heuristic_text=text,
        prompt_version=version,
        reason=found.reason if isinstance(found, Rejected) else None,
        detail=found.detail if isinstance(found, Rejected) else "",
        instruction=found.instruction,
        response=found.response,
        requests=requests,
        note=note,
    )


def _fate(sample: Example, revision: Revision) -> Iterator[Fate]:
    """Follow an accepted sample through the steps after the rounds, until one dropped it or is not at hand."""
    step = ""
    try:
        for step, kept_in, dropped_in in AFTER_THE_ROUNDS:
            fates = list(_fate_in(step, sample, kept_in(sample.round), dropped_in, revision))
            yield from fates
            if fates[-1].state in ("dropped", "not read"):
                return
        step = "train"
        yield _trained(sample, revision)
    except StageError as exc:
        yield Fate(step, "not at hand", {"reason": str(exc)})


def _trained(sample: Example, revision: Revision) -> Fate:
    row = next(rows_with(paths.TRAIN_OUTCOMES, "id", sample.id, revision), None)
    if row is not None:
        return Fate("train", *_TRAINED[row["fate"]])
    if revision.has(paths.TRAIN_OUTCOMES.as_posix()):
        return Fate("train", "not read")
    return Fate("train", "not known" if "train" in revision.steps else "not run")


def _fate_in(step: str, sample: Example, kept_in: Path, dropped_in: Path, revision: Revision) -> Iterator[Fate]:
    """Tell what one step did with a sample; several lines where several test samples excluded it."""
    kept = next(rows_with(kept_in, "id", sample.id, revision), None)
    if kept is not None:
        yield Fate(step, "kept", {key: kept[key] for key in ("language", "verdict", "flags") if step == "screen"})
        return
    dropped = list(rows_with(dropped_in, "id", sample.id, revision))
    for row in dropped:
        yield Fate(step, "dropped", {key: value for key, value in row.items() if key not in _SHOWN_ABOVE})
    if not dropped:
        yield Fate(step, "not read" if revision.has(kept_in.as_posix()) else "not run")

"""Trace a training sample: its seed row, every attempt to evolve it, and what later stages did with it.

In: an id, a revision of the project, the answer store. Out: plain records: where the sample comes from, what was asked
and answered, which stage kept or dropped it. wizardcoder/lineage/outs.py traces files.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example, PoolItem, Rejected, seed_id
from wizardcoder.core.store import AnswerStore
from wizardcoder.evolution.seed_forms import read_texts, to_example
from wizardcoder.evolution.seed_source import read_located_rows
from wizardcoder.lineage.outcomes import StageOutcome, follow_sample
from wizardcoder.lineage.record_files import find_record
from wizardcoder.lineage.replay import ReplayedRequest, recorded_settings, replay
from wizardcoder.lineage.revision import Revision
from wizardcoder.teacher import chats


@dataclass(frozen=True, slots=True)
class SeedOrigin:
    """The seed's row: `place` is file and row, None where no row has this id; `recorded_md5` is from dvc.lock."""

    source: str
    md5: str | None
    recorded_md5: str | None
    place: str | None
    note: str | None
    record: Example | Rejected


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt of one round; `reason` is None if it was accepted, `note` explains requests that are unknown."""

    id: str
    round: int
    heuristic: str | None
    heuristic_text: str | None
    prompt_version: str | None
    reason: str | None
    detail: str
    instruction: str
    response: str
    requests: list[ReplayedRequest]
    note: str | None


@dataclass(frozen=True, slots=True)
class SampleTrace:
    """A sample's history; `attempts` are in the order of rounds, `children` are the attempts to evolve it further."""

    id: str
    seed: SeedOrigin
    attempts: list[Attempt]
    outcomes: list[StageOutcome]
    children: list[str]


def trace_sample(sample: str, revision: Revision, store: AnswerStore | None) -> SampleTrace | None:
    """Trace a sample; None where no round has this id."""
    rounds = [int(part) for part in re.findall(r"-r(\d+)", sample)]
    last = rounds[-1] if rounds else 0
    target = find_record(last, sample, revision)
    seed = find_record(0, seed_id(sample), revision)
    if target is None or seed is None:
        return None
    parent = PoolItem(seed.id, seed.instruction)
    attempts: list[Attempt] = []
    for number in range(1, last + 1):
        found = find_record(number, f"{parent.id}-r{number}", revision)
        if found is not None:
            attempts.append(_attempt(found, parent, revision, store))
            if number in rounds:
                parent = PoolItem(found.id, found.instruction)
    outcomes = list(follow_sample(target, revision)) if isinstance(target, Example) else []
    return SampleTrace(sample, _seed(seed, revision), attempts, outcomes, _children(sample, last, revision))


def _children(sample: str, last: int, revision: Revision) -> list[str]:
    """Return the attempts to evolve a sample further, in the rounds that are available."""
    found: list[str] = []
    with suppress(StageError):
        for number in range(last + 1, paths.LAST_ROUND + 1):
            child = find_record(number, f"{sample}-r{number}", revision)
            found += [child.id] if child else []
    return found


def _seed(record: Example | Rejected, revision: Revision) -> SeedOrigin:
    stage = revision.stages.get("seed")
    recorded = stage.params.get("seed", {}).get("source") if stage else None
    source = recorded or revision.params.get("seed", {}).get("source", "")
    dep = next((dep.md5 for dep in stage.deps if dep.path == source), None) if stage else None
    content = revision.read(source)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() if content is not None else None
    try:
        return SeedOrigin(source, md5, dep, _place(record.id, source, content), None, record)
    except StageError as exc:
        return SeedOrigin(source, md5, dep, None, str(exc), record)


def _place(seed_id: str, source: str, content: bytes | None) -> str | None:
    """Return the place of the row with this id in a source's content; None where there is no such row."""
    if content is None:
        raise StageError(f"{source}: no such file")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / Path(source).name
        copy.write_bytes(content)
        for place, row in read_located_rows(copy):
            if to_example(read_texts(row)).id == seed_id:
                return place.replace(str(copy), source)
    return None


def _attempt(found: Example | Rejected, parent: PoolItem, revision: Revision, store: AnswerStore | None) -> Attempt:
    stage = revision.stages.get(f"evolve_r{found.round}")
    requests: list[ReplayedRequest] = []
    text = None
    version = found.prompt_version if isinstance(found, Example) else None
    try:
        settings = recorded_settings(revision.params, stage.params if stage else {})
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

"""Score many samples on all cores.

In: problems, samples. Out: a verdict for each sample, in order. Identical completions of a problem run once. Each
worker is a judge process (judge_process.py) with a clean environment. Does not cover: generating the samples, reading
them from files, and pass@k.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wizardcoder.benchmarks.problem import Problem, Sample
from wizardcoder.core.console import StageError
from wizardcoder.sandbox.pool import stream_jobs
from wizardcoder.scoring.judge_client import JudgeClient
from wizardcoder.scoring.settings import JudgeSettings, Verdict

CHUNK = 25  # completions of one problem that a worker takes at a time


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """The verdicts in the order of the samples, and the sandbox layers that were active."""

    verdicts: list[Verdict]
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Distinct completions of one problem, in the order of their verdicts."""

    task_id: str
    completions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A completion, its verdict, and the layers of the sandbox in which it was judged."""

    completion: str
    verdict: Verdict
    layers: tuple[str, ...]


def default_workers() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def score(
    problems: Mapping[str, Problem],
    samples: Sequence[Sample],
    settings: JudgeSettings,
    workers: int,
    advance: Callable[[int], None] = lambda _: None,
) -> ScoreResult:
    """Judge samples.

    Args:
        problems: by task_id.
        samples: in any order.
        settings: how samples are judged.
        workers: judge processes; best as many as cores.
        advance: called with the number of samples that are done.

    Raises:
        StageError: a sample's task_id is not among the problems, or a problem's own reference fails.
        SandboxError: the sandbox is not available on this machine, or a judge process failed.
    """
    places = _places(problems, samples)
    chunks = _chunks(places)
    verdicts: dict[int, Verdict] = {}
    layers: tuple[str, ...] = ()
    with _judging(problems, chunks, settings, workers) as results:
        for chunk, judged in results:
            indices = places[chunk.task_id, judged.completion]
            verdicts.update(dict.fromkeys(indices, judged.verdict))
            layers = judged.layers
            advance(len(indices))
    return ScoreResult([verdicts[index] for index in range(len(samples))], layers)


def _places(problems: Mapping[str, Problem], samples: Sequence[Sample]) -> dict[tuple[str, str], list[int]]:
    """Return the indices of the samples by task_id and completion."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        if sample.task_id not in problems:
            raise StageError(
                f"sample {index}: task_id: found {sample.task_id!r}, accepted: one of the {len(problems)} problems'"
            )
        places[sample.task_id, sample.completion].append(index)
    return places


def _chunks(places: Mapping[tuple[str, str], list[int]]) -> list[_Chunk]:
    distinct: dict[str, list[str]] = defaultdict(list)
    for task_id, completion in places:
        distinct[task_id].append(completion)
    return [
        _Chunk(task_id, tuple(completions[start : start + CHUNK]))
        for task_id, completions in distinct.items()
        for start in range(0, len(completions), CHUNK)
    ]


@contextmanager
def _judging(
    problems: Mapping[str, Problem], chunks: Sequence[_Chunk], settings: JudgeSettings, workers: int
) -> Iterator[Iterator[tuple[_Chunk, _Judged]]]:
    stop = threading.Event()
    cores = iter(_cores_of_workers(min(workers, len(chunks))))

    def work(client: JudgeClient, chunk: _Chunk) -> Iterator[_Judged]:
        verdicts = client.judge(problems[chunk.task_id], chunk.completions)
        for completion, verdict in zip(chunk.completions, verdicts, strict=True):
            yield _Judged(completion, verdict, client.layers)

    with (
        tempfile.TemporaryDirectory(prefix="judges.") as folder,  # of the sandboxes; removed also if a judge is killed
        stream_jobs(
            chunks, lambda: JudgeClient(settings, Path(folder), next(cores), stop), work, workers, stop
        ) as results,
    ):
        yield results


def _cores_of_workers(workers: int) -> list[set[int]]:
    """Return the cores of each worker: one of its own, if there are at least as many workers as cores.

    A judge, its sandbox helper and a sample take turns; on one core each wakes the next without waking another core.
    """
    cores = sorted(os.sched_getaffinity(0))
    return [{cores[n % len(cores)]} if workers >= len(cores) else set(cores) for n in range(workers)]

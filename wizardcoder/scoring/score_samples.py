"""Scores many samples on all cores.

In: problems, samples. Out: a verdict for each sample, in order. Identical completions of a problem run once. Each
worker is a process of its own (judge_worker.py) with a clean environment.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from wizardcoder.benchmarks.problem import Problem, Sample
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.sandbox.host import SandboxError
from wizardcoder.scoring import judge_process
from wizardcoder.scoring.judge import Rules, Verdict

_CHUNK = 25  # completions of one problem that a worker takes at a time
_REFERENCE_S = 900.0  # for a problem's reference
_HANG_S = 20.0  # beyond a sample's own time: the tests themselves hang on what it returned


@dataclass(frozen=True, slots=True)
class Scores:
    """The verdicts in the samples' order, and the sandbox's layers that held."""

    verdicts: list[Verdict]
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """Completions of one problem; one by one: the worker tells each verdict at once, not several together."""

    task_id: str
    completions: list[str]
    one_by_one: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """Verdicts on completions of one problem."""

    task_id: str
    completions: list[str]
    verdicts: list[Verdict]


def default_workers() -> int:
    """Give the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def score(
    problems: Mapping[str, Problem],
    samples: Sequence[Sample],
    rules: Rules,
    workers: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Scores:
    """Judge samples.

    Args:
        problems: by task_id; every sample's is there.
        samples: in any order.
        rules: how.
        workers: processes; as many as cores.
        advance: called with the number of samples that are done.

    Raises:
        SandboxError: the sandbox can't be had on this machine.
    """
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        places[sample.task_id, sample.completion].append(index)
    distinct: dict[str, list[str]] = defaultdict(list)
    for task_id, completion in places:
        distinct[task_id].append(completion)
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    count = 0
    for task_id, completions in distinct.items():
        for start in range(0, len(completions), _CHUNK):
            jobs.put(Job(task_id, completions[start : start + _CHUNK]))
            count += 1
    done: queue.SimpleQueue[Done | StageError] = queue.SimpleQueue()
    verdicts: dict[int, Verdict] = {}
    with _Pool(problems, rules, min(workers, max(count, 1)), jobs, done) as pool:
        while len(verdicts) < len(samples):
            told = done.get()
            if isinstance(told, StageError):
                raise told
            for completion, verdict in zip(told.completions, told.verdicts, strict=True):
                of_it = places[told.task_id, completion]
                verdicts.update(dict.fromkeys(of_it, verdict))
                advance(len(of_it))
        layers = pool.layers
    return Scores([verdicts[index] for index in range(len(samples))], layers)


class _Pool:
    """Threads, each with one worker process, that take jobs until none is left."""

    def __init__(
        self,
        problems: Mapping[str, Problem],
        rules: Rules,
        size: int,
        jobs: queue.SimpleQueue[Job],
        done: queue.SimpleQueue[Done | StageError],
    ) -> None:
        self._problems, self._rules, self._jobs, self._done = problems, rules, jobs, done
        self._stop = threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="judges.")  # of the sandboxes; removed also after a kill
        self._threads = [threading.Thread(target=self._serve, args=(own,), daemon=True) for own in _cores_of(size)]
        self.layers: tuple[str, ...] = ()

    def __enter__(self) -> _Pool:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._folder.cleanup()

    def _serve(self, cores: set[int]) -> None:
        try:
            while not self._stop.is_set():
                with _worker(self._rules, self._folder.name, cores) as connection:
                    self.layers = self._received(connection, _REFERENCE_S)
                    if not self._work(connection):
                        return
        except StageError as exc:
            self._done.put(exc)
        except TimeoutError:
            self._done.put(SandboxError(f"a problem's reference took more than {_REFERENCE_S:.0f} s"))
        except (EOFError, OSError):
            self._done.put(SandboxError("a judge's process was killed; is there memory for evaluate.workers of them?"))

    def _work(self, connection: Connection) -> bool:
        """Take jobs; tell whether there is more to do for another worker, this one having hung."""
        while not self._stop.is_set():
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return False
            connection.send((self._problems[job.task_id], job.completions, job.one_by_one))
            own_s = self._rules.timeout_s + self._received(connection, _REFERENCE_S)
            left = job.completions
            while left:
                try:
                    verdicts = self._received(connection, own_s + _HANG_S)
                except TimeoutError:
                    if job.one_by_one:
                        hung = Verdict(False, "failed: the tests hang on what it returned", own_s, True)
                        self._done.put(Done(job.task_id, left[:1], [hung]))
                        left = left[1:]
                    self._jobs.put(Job(job.task_id, left, one_by_one=True))  # to learn which it is
                    return True
                self._done.put(Done(job.task_id, left[: len(verdicts)], verdicts))
                left = left[len(verdicts) :]
        return False

    def _received(self, connection: Connection, limit_s: float) -> Any:
        waited = 0.0
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        while not poll.poll(1000):
            waited += 1
            if self._stop.is_set():
                raise EOFError
            if waited > limit_s:
                raise TimeoutError
        told = connection.recv()
        if isinstance(told, StageError):
            raise told
        return told


def _cores_of(size: int) -> list[set[int]]:
    """Give each worker's cores: one of its own, where there are as many workers as cores.

    A judge, its zygote and a sample work by turns; on one core each wakes the next without waking another core.
    """
    cores = sorted(os.sched_getaffinity(0))
    return [{cores[n % len(cores)]} if size >= len(cores) else set(cores) for n in range(size)]


@contextlib.contextmanager
def _worker(rules: Rules, folder: str, cores: set[int]) -> Iterator[Connection]:
    ours, theirs = Pipe()
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", judge_process.__name__, str(theirs.fileno())],
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(root),
            "DVC_ROOT": os.environ.get("DVC_ROOT", "."),
            "TMPDIR": folder,
            "WC_CACHE_DIR": str(cache_dir().resolve()),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(theirs.fileno(),),
    )
    theirs.close()
    try:
        with contextlib.suppress(OSError):  # it has ended, or the core is no longer ours
            os.sched_setaffinity(process.pid, cores)
        ours.send(rules)
        yield ours
    finally:
        ours.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)  # its sandboxes end with it
            process.wait()

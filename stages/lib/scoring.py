"""Scores many samples on all cores.

In: problems, samples. Out: a verdict for each sample, in order. Identical completions of a problem run once. Each
worker is a process of its own (judge_worker.py) with a clean environment.
"""

from __future__ import annotations

import contextlib
import os
import queue
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

from stages.lib import judge_worker
from stages.lib.cache import cache_dir
from stages.lib.console import StageError
from stages.lib.judge import Rules, Verdict
from stages.lib.problem import Problem
from stages.lib.sandbox import SandboxError

_CHUNK = 25  # completions of one problem that a worker takes at a time
_REFERENCE_S = 900.0  # for a problem's reference
_HANG_S = 20.0  # beyond a sample's own time: the tests themselves hang on what it returned


@dataclass(frozen=True, slots=True)
class Sample:
    """A completion: the code that follows the problem's prefix."""

    task_id: str
    completion: str


@dataclass(frozen=True, slots=True)
class Scores:
    """The verdicts in the samples' order, and the sandbox's layers that held."""

    verdicts: list[Verdict]
    layers: tuple[str, ...]


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
    jobs: queue.SimpleQueue[tuple[str, list[str]]] = queue.SimpleQueue()
    count = 0
    for task_id, completions in distinct.items():
        for start in range(0, len(completions), _CHUNK):
            jobs.put((task_id, completions[start : start + _CHUNK]))
            count += 1
    done: queue.SimpleQueue[tuple[str, str, Verdict] | StageError] = queue.SimpleQueue()
    verdicts: dict[int, Verdict] = {}
    with _Pool(problems, rules, min(workers, max(count, 1)), jobs, done) as pool:
        for _ in range(len(places)):
            told = done.get()
            if isinstance(told, StageError):
                raise told
            task_id, completion, verdict = told
            for index in places[task_id, completion]:
                verdicts[index] = verdict
            advance(len(places[task_id, completion]))
        layers = pool.layers
    return Scores([verdicts[index] for index in range(len(samples))], layers)


class _Pool:
    """Threads, each with one worker process, that take jobs until none is left."""

    def __init__(
        self,
        problems: Mapping[str, Problem],
        rules: Rules,
        size: int,
        jobs: queue.SimpleQueue[tuple[str, list[str]]],
        done: queue.SimpleQueue[tuple[str, str, Verdict] | StageError],
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
                task_id, completions = self._jobs.get_nowait()
            except queue.Empty:
                return False
            connection.send((self._problems[task_id], completions))
            own_s = self._rules.timeout_s + self._received(connection, _REFERENCE_S)
            for number, completion in enumerate(completions):
                try:
                    verdict = self._received(connection, own_s + _HANG_S)
                except TimeoutError:
                    hung = Verdict(False, "failed: the tests hang on what it returned", own_s, True)
                    self._done.put((task_id, completion, hung))
                    self._jobs.put((task_id, completions[number + 1 :]))
                    return True
                self._done.put((task_id, completion, verdict))
        return False

    def _received(self, connection: Connection, limit_s: float) -> Any:
        waited = 0.0
        while not connection.poll(1):
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
        [sys.executable, "-m", judge_worker.__name__, str(theirs.fileno())],
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

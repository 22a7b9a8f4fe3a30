"""The worker pool: run many jobs in threads, each with a worker of its own whose real work happens in other processes.

In: jobs, how to open a worker, how a worker does a job. Out: each job with its result, in the order of completion.
An error in any worker, of whatever kind, ends the pool and is raised in the caller. Does not cover: CPU-bound Python
work (the threads share one interpreter), retries, and results in the order of the jobs.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Job = TypeVar("Job")
Worker = TypeVar("Worker")
Result = TypeVar("Result")


@contextmanager
def run_jobs(
    jobs: Sequence[Job],
    open_worker: Callable[[], AbstractContextManager[Worker]],
    work: Callable[[Worker, Job], Result],
    workers: int,
) -> Iterator[Iterator[tuple[Job, Result]]]:
    """Yield an iterator of (job, result), in the order of completion.

    Leaving the block lets each worker finish its current job, closes the workers and starts no other job.

    Args:
        jobs: no job is started after an error.
        open_worker: opens a worker; called in the worker's thread, as is its closing.
        work: does one job.
        workers: how many at most; never more than jobs.

    Raises:
        BaseException: whatever opening a worker, a job or closing a worker raised, unchanged; the first of several.
    """
    with stream_jobs(jobs, open_worker, lambda worker, job: (work(worker, job),), workers) as results:
        yield results


@contextmanager
def stream_jobs(
    jobs: Sequence[Job],
    open_worker: Callable[[], AbstractContextManager[Worker]],
    work: Callable[[Worker, Job], Iterable[Result]],
    workers: int,
    stop: threading.Event | None = None,
) -> Iterator[Iterator[tuple[Job, Result]]]:
    """As `run_jobs`, for jobs with any number of results, each of which is available as soon as it is found.

    Args:
        jobs: as in `run_jobs`.
        open_worker: as in `run_jobs`.
        work: yields the results of one job; abandoned between two of them when the block is left.
        workers: as in `run_jobs`.
        stop: set when the block is left; a worker that waits for long looks at it and raises.
    """
    pool = _Pool(jobs, open_worker, work, threading.Event() if stop is None else stop)
    try:
        pool.start(min(workers, len(jobs)))
        yield pool.results()
    finally:
        pool.close()


@dataclass(frozen=True, slots=True)
class _Exit:
    """A worker's thread has ended, by an error or because no job is left."""

    error: BaseException | None


class _Pool(Generic[Job, Worker, Result]):
    def __init__(
        self,
        jobs: Sequence[Job],
        open_worker: Callable[[], AbstractContextManager[Worker]],
        work: Callable[[Worker, Job], Iterable[Result]],
        stop: threading.Event,
    ) -> None:
        self._open_worker, self._work, self._stop = open_worker, work, stop
        self._waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for job in jobs:
            self._waiting.put(job)
        self._done: queue.SimpleQueue[tuple[Job, Result] | _Exit] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def start(self, workers: int) -> None:
        for _ in range(workers):
            thread = threading.Thread(target=self._serve, daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def results(self) -> Iterator[tuple[Job, Result]]:
        running = len(self._threads)
        while running:  # every thread reports its exit, after closing its worker, so this ends whatever happens there
            item = self._done.get()
            if not isinstance(item, _Exit):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                running -= 1

    def _serve(self) -> None:
        error: BaseException | None = None
        try:
            with self._open_worker() as worker:
                for job in self._jobs():
                    for result in self._work(worker, job):
                        self._done.put((job, result))
                        if self._stop.is_set():
                            break
        except BaseException as exc:  # not only Exception: the caller must never wait for a thread that is gone
            error = exc
        finally:
            self._done.put(_Exit(error))

    def _jobs(self) -> Iterator[Job]:
        while not self._stop.is_set():
            try:
                job = self._waiting.get_nowait()
            except queue.Empty:
                return
            yield job

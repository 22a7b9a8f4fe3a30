"""Many jobs in threads, each with a worker of its own, whose work is done in other processes.

In: jobs, and how a worker is opened and used. Out: each job with its result, as it is found.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

Job = TypeVar("Job")
Worker = TypeVar("Worker")
Result = TypeVar("Result")


@contextmanager
def working(
    jobs: Sequence[Job],
    open_worker: Callable[[], AbstractContextManager[Worker]],
    work: Callable[[Worker, Job], Result],
    size: int,
) -> Iterator[Iterator[tuple[Job, Result]]]:
    """Yield an iterator of (job, result), in the order in which they are done.

    At the block's end each thread ends the job it is at, and its worker. The iterator raises what a worker raised.
    """
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    done: queue.SimpleQueue[tuple[Job, Result] | Exception] = queue.SimpleQueue()
    stop = threading.Event()

    def serve() -> None:
        try:
            with open_worker() as worker:
                while not stop.is_set():
                    job = waiting.get_nowait()
                    done.put((job, work(worker, job)))
        except queue.Empty:
            pass
        except Exception as exc:  # raised again where the results are taken
            done.put(exc)

    def results() -> Iterator[tuple[Job, Result]]:
        for _ in jobs:
            told = done.get()
            if isinstance(told, Exception):
                raise told
            yield told

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(size, len(jobs)))]
    for thread in threads:
        thread.start()
    try:
        yield results()
    finally:
        stop.set()
        for thread in threads:
            thread.join()

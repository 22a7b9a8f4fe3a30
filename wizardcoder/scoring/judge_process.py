"""The judge process: reads jobs from its caller, runs samples in its sandboxes, writes verdicts.

In: settings, then jobs, on a connection. Out: verdicts, in lists. It is a process of its own so that a benchmark's
tests neither see the caller's environment nor stall it, and so that one runs on each core. The caller's side is
judge_client.py.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.sandbox.errors import SandboxError
from wizardcoder.scoring.judge import Judge
from wizardcoder.scoring.settings import JudgeJob, Verdict

_MEMORY_MB = 8192  # address space of the judge: bounds what a test does with a sample's return value
_BATCH_S = 0.05  # verdicts found within this time travel in one message
_OBJECTS_PER_COLLECTION = 50_000


def main(descriptor: int) -> None:
    """Serve jobs until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller handles it
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_MB * 2**20, hard))
    connection = Connection(descriptor)
    try:
        _serve(connection)
    except (EOFError, BrokenPipeError):  # the caller hung up
        pass
    except StageError as exc:
        connection.send(exc)


def _serve(connection: Connection) -> None:
    problems: dict[str, Problem] = {}
    with Judge(connection.recv()) as judge:
        connection.send(judge.layers())
        gc.freeze()  # loaded modules stay; tests make little garbage, and none that outlives its sample
        gc.set_threshold(_OBJECTS_PER_COLLECTION)
        while True:
            job: JudgeJob = connection.recv()
            if job.problem is not None:
                problems[job.task_id] = job.problem
            problem = problems[job.task_id]
            connection.send(_prepare(judge, problem))
            for batch in _verdicts(judge, problem, job):
                connection.send(batch)


def _prepare(judge: Judge, problem: Problem) -> float:
    try:
        return judge.prepare(problem)
    except MemoryError:
        raise SandboxError(f"{problem.task_id}: its reference needs more than the judge's {_MEMORY_MB} MB") from None


def _verdicts(judge: Judge, problem: Problem, job: JudgeJob) -> Iterator[list[Verdict]]:
    """Yield verdicts in batches: each message wakes the caller."""
    batch: list[Verdict] = []
    since = time.monotonic()
    for completion in job.completions:
        batch.append(judge.verdict(problem, completion))
        if job.one_by_one or time.monotonic() - since >= _BATCH_S:
            yield batch
            batch, since = [], time.monotonic()
    if batch:
        yield batch


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""A process that judges: sandboxes on one side, the stage on the other.

In: rules, then problems with completions, on a connection. Out: their verdicts, in lists. It runs apart from the stage,
so that a benchmark's tests neither see the stage's environment nor can stall it, and one runs on each core.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.scoring.judge import Judge, Verdict

_MEMORY_MB = 8192
_TOGETHER_S = 0.05  # so long verdicts wait for each other
_GARBAGE = 50_000  # objects between two collections


def main(descriptor: int) -> None:
    """Serve until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the stage decides
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_MB * 2**20, hard))  # a test's work on what a sample returned
    connection = Connection(descriptor)
    try:
        with Judge(connection.recv()) as judge:
            connection.send(judge.layers())
            gc.freeze()  # what is loaded stays; tests make little garbage, and none that outlives its sample
            gc.set_threshold(_GARBAGE)
            while True:
                problem, completions, one_by_one = connection.recv()
                connection.send(judge.prepare(problem))
                for verdicts in _verdicts(judge, problem, completions, 0.0 if one_by_one else _TOGETHER_S):
                    connection.send(verdicts)
    except EOFError:
        pass
    except BrokenPipeError:
        pass
    except StageError as exc:
        connection.send(exc)


def _verdicts(judge: Judge, problem: Problem, completions: Sequence[str], together_s: float) -> Iterator[list[Verdict]]:
    """Yield the verdicts that were found within some time together: each message wakes the stage."""
    found: list[Verdict] = []
    since = time.monotonic()
    for completion in completions:
        found.append(judge.verdict(problem, completion))
        if time.monotonic() - since >= together_s:
            yield found
            found, since = [], time.monotonic()
    if found:
        yield found


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""A process that judges: sandboxes on one side, the stage on the other.

In: rules, then problems with completions, on a connection. Out: a verdict for each. It runs apart from the stage, so
that a benchmark's tests neither see the stage's environment nor can stall it, and one runs on each core.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys
from multiprocessing.connection import Connection

from stages.lib.console import StageError
from stages.lib.judge import Judge

_MEMORY_MB = 8192
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
                problem, completions = connection.recv()
                connection.send(judge.prepare(problem))
                for completion in completions:
                    connection.send(judge.verdict(problem, completion))
    except EOFError:
        pass
    except BrokenPipeError:
        pass
    except StageError as exc:
        connection.send(exc)


if __name__ == "__main__":
    main(int(sys.argv[1]))

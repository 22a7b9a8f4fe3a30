"""A local teacher: llama.cpp's OpenAI-compatible server, in a child process on a free loopback port.

In: a GGUF file. Out: a base URL, as long as the context is open. The child exits when its standard input closes, so it
cannot outlive the stage, even after kill -9.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wizardcoder.core.console import StageError

_READY = "listening "
_STOP_S = 10


@contextmanager
def serve(model: Path, slots: int, context_tokens: int, threads: int | None = None) -> Iterator[str]:
    """Serve `model` until the block ends; yields the base URL (`http://127.0.0.1:PORT/v1`).

    Args:
        model: a GGUF file.
        slots: requests decoded together.
        context_tokens: limit of one request, prompt and answer together.
        threads: CPU threads; None: as many as cores.

    Raises:
        StageError: the server did not start; the message contains the end of its log.
    """
    command = [sys.executable, "-m", __name__, str(model), str(slots), str(context_tokens)]
    command.append(str(threads or len(os.sched_getaffinity(0))))
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            line = child.stdout.readline().decode()
            if not line.startswith(_READY):
                raise StageError(f"teacher.base_url: the local server did not start: {_tail(log)}")
            yield f"{line.removeprefix(_READY).strip()}/v1"
        finally:
            child.stdin.close()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            child.stdout.close()


def _tail(log: object) -> str:
    assert hasattr(log, "seek")
    log.seek(0)
    assert hasattr(log, "read")
    return " ".join(log.read().decode(errors="replace").split())[-300:]


def _child(model: str, slots: int, context_tokens: int, threads: int) -> None:
    """Serve until standard input closes; the parent handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_parallel = slots
    params.n_ctx = slots * context_tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.port = 0
    params.ui = False
    params.verbosity = 0
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{_READY}{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    os._exit(0)  # the server's threads hold no data, and joining them can hang


if __name__ == "__main__":
    _child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

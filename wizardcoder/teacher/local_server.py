"""The embedded llama.cpp server, as a program: it serves a GGUF file on a loopback port until it is ended.

Usage: python -P local_server.py MODEL PORT SLOTS CONTEXT_TOKENS THREADS

serving.py builds this command, served_model.py starts it, as it starts any other server.
"""

from __future__ import annotations

import signal
import sys


def main(model: str, port: int, slots: int, context_tokens: int, threads: int) -> None:
    """Serve until the process is ended.

    Args:
        model: a GGUF file.
        port: on 127.0.0.1.
        slots: requests decoded together.
        context_tokens: limit of one request, prompt and answer together.
        threads: CPU threads.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_parallel = slots
    params.n_ctx = slots * context_tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.port = port
    params.ui = False
    params.verbosity = 0
    server = xllamacpp.Server(params)
    assert server.listening_address
    # the server's threads hold no data, and joining them can hang: SIGTERM ends the process at once
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))

"""Run a server as a child process that ends, with all of its workers, when the stage does, even after kill -9.

Usage: python -m wizardcoder.teacher.supervisor PARENT_PID FOLDER COMMAND...

In: a command, started in FOLDER. Out: its exit code. This process leads a session of its own, so that Ctrl-C in a
terminal does not reach the server while its last answers are awaited. It adopts the server's orphans, and ends
everything below it when its standard input closes or its parent is gone.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import psutil

from wizardcoder.core.child_process import adopt_orphans, end_with_parent

POLL_S = 0.2
GRACE_S = 5.0  # between SIGTERM and SIGKILL


def main(parent: int, folder: str, command: list[str]) -> int:
    """Run the command and return its exit code, 128 + N if signal N ended it."""
    adopt_orphans()
    received: list[int] = []  # noted, not raised: an exception would interrupt the end of the workers below
    signal.signal(signal.SIGTERM, lambda signum, _: received.append(signum))
    try:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, which takes no lock
        )
        while server.poll() is None and os.getppid() == parent and not received:
            if _is_closed(sys.stdin.fileno()):
                break
        code = server.poll()
    finally:
        _end_descendants()
    if code is None:
        return 128 + received[0] if received else 0
    return code if code >= 0 else 128 - code


def _is_closed(descriptor: int) -> bool:
    """Wait a moment for the end of a pipe in which nobody writes."""
    readable, _, _ = select.select([descriptor], [], [], POLL_S)
    return bool(readable) and not os.read(descriptor, 1)


def _end_descendants() -> None:
    """End all processes below this one; workers whose parent ends first are adopted and found in the next round."""
    for send in (psutil.Process.terminate, psutil.Process.kill, psutil.Process.kill):
        below = psutil.Process().children(recursive=True)
        for process in below:
            try:
                send(process)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(below, timeout=GRACE_S)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))

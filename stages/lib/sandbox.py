"""Runs a model's Python code in a child process with limits.

In: a program. Out: whether it ran to its end, and if not, why. The child has its own process group, an empty
environment, an empty working folder and limits on CPU, memory, file size and open files. It is not cut off from the
network or from readable files: run code that you do not trust on a machine that may be lost.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import IO

FILE_BYTES = 64 * 2**20
OPEN_FILES = 64
ERROR_CHARS = 300
# The proof is read and passed on after the program's last line. A program that sets out to find it can.
_RUNNER = f"""
import os, resource, sys, types
proof_fd, cpu_s, memory_bytes = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
resource.setrlimit(resource.RLIMIT_FSIZE, ({FILE_BYTES}, {FILE_BYTES}))
resource.setrlimit(resource.RLIMIT_NOFILE, ({OPEN_FILES}, {OPEN_FILES}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
source = os.fdopen(os.dup(0), "rb")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
program = source.read(int(source.readline())).decode()
sys.argv = ["program.py"]
main = sys.modules["__main__"] = types.ModuleType("__main__")
exec(compile(program, "program.py", "exec"), main.__dict__)
os.write(proof_fd, source.read())
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`result` is `passed`, `timed out`, or `failed: ` and the last line of the error."""

    passed: bool
    result: str


def run_program(program: str, timeout_s: float, memory_mb: int) -> Outcome:
    """Run a Python program alone; it passes when its last line was reached.

    Args:
        program: source text; it is run as `__main__`.
        timeout_s: wall time, in seconds; CPU time is limited to the next whole second.
        memory_mb: address space, in MiB.
    """
    text, proof = program.encode(errors="surrogatepass"), secrets.token_bytes(16)
    reader, writer = os.pipe()
    try:
        with tempfile.TemporaryDirectory(prefix="sample.") as folder, tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                [sys.executable, "-I", "-c", _RUNNER, str(writer), str(int(timeout_s) + 1), str(memory_mb * 2**20)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8"},
                pass_fds=(writer,),
                start_new_session=True,
            )
            os.close(writer)
            writer = -1
            stopped = None
            try:
                child.communicate(b"%d\n%b%b" % (len(text), text, proof), timeout_s)
            except subprocess.TimeoutExpired:
                stopped = "timed out"
            finally:
                _end(child)
            err = _tail(errors)
        os.set_blocking(reader, False)
        passed = stopped is None and child.returncode == 0 and _read(reader) == proof
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)
    if passed:
        return Outcome(True, "passed")
    return Outcome(False, stopped or f"failed: {_last_line(err, child.returncode)}")


def _tail(errors: IO[bytes]) -> bytes:
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - 4096))
    return errors.read()


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's whole process group and collect it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdin is not None:
        child.stdin.close()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 256)
    except BlockingIOError:
        return b""


def _last_line(err: bytes, returncode: int) -> str:
    lines = err.decode(errors="replace").strip().splitlines()
    return lines[-1][:ERROR_CHARS] if lines else f"ended with exit code {returncode} before its last line"

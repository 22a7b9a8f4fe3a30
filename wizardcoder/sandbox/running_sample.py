"""A running sample as the host sees it: send it a program and calls, receive what it returns, enforce its limits.

In: a socket to the sample, its limits. Out: plain values, or one of the outcomes in errors.py. Nothing that comes back
is trusted: frames are limited in size and decoded to plain values only. Does not cover: forking a sample (host.py).
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizardcoder.sandbox import wire
from wizardcoder.sandbox.errors import Died, Raised, TimedOut, printable
from wizardcoder.sandbox.frames import DONE, MAX_FRAME, READY, RETURNED, SIZES
from wizardcoder.sandbox.limits import Limits
from wizardcoder.sandbox.process_tree import resident_mb

KEPT_OUTPUT = 1 << 16  # bytes at the end of a command's output that are kept; the rest is read and dropped
_CHECK_S = 0.05  # between two checks of a sample's time and memory
_READ_BYTES = 1 << 16
_TIME = struct.Struct("ll")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a sample ended.

    Attributes:
        status: exit status; negative: the signal that killed it.
        cpu_s: CPU time of its processes.
    """

    status: int
    cpu_s: float


class RunningSample:
    """A running sample; made by `Sandbox.sample`.

    Args:
        sock: the host's end of its socket.
        processes: returns the ids of its processes.
        limits: its wall time and the memory of all its processes are enforced here.
    """

    def __init__(self, sock: socket.socket, processes: Callable[[], list[int]], limits: Limits) -> None:
        self._sock, self._processes, self._memory_mb = sock, processes, limits.memory_mb
        self._deadline = time.monotonic() + limits.timeout_s
        self._plan_check(limits.timeout_s)
        self._read = bytearray()
        self.ended: Ended | None = None  # set when the block has ended

    def close(self) -> None:
        """Hang up and free what was received, also if somebody still refers to this sample."""
        self._sock.close()
        self._read.clear()

    def load(self, program: str, calls: Sequence[bytes] = ()) -> None:
        """Send a program of kind `calls` or `run`, and calls from `encoded_call` that it answers unasked."""
        self._send(program.encode(errors="surrogatepass"))
        if calls:
            self._send(_list_of(calls))

    def ready(self) -> None:
        """Wait until the program's top-level code has run.

        Raises:
            Raised, Died, TimedOut: it did not reach its end.
        """
        self._receive(READY)

    def done(self) -> None:
        """Wait until a program of kind `run` reports that its last line was reached; raises as `ready`."""
        self._receive(DONE)

    def call(self, name: str, args: Sequence[object], kwargs: Mapping[str, object] | None = None) -> Any:
        """Call one of the program's functions and wait for its result; raises as `ready` and `encoded_call`."""
        self._send(_list_of([encoded_call(name, args, kwargs or {})]))
        return self.returned()

    def returned(self) -> Any:
        """Wait for the result of the next call; raises as `ready`."""
        try:
            return wire.loads(self.returned_data())
        except ValueError as exc:
            raise Died(printable(str(exc))) from exc

    def returned_data(self) -> bytes:
        """As `returned`, still encoded."""
        return self._receive(RETURNED)

    def run(self, files: Mapping[str, str], steps: Sequence[Sequence[str]], environment: Mapping[str, str]) -> bytes:
        """Write files and run commands; return the end of their standard output and error together.

        Raises:
            TimedOut, Died: as `ready`. The exit status is in `ended`, after the block.
        """
        job = {"files": dict(files), "steps": [list(s) for s in steps], "environment": dict(environment)}
        self._send(b"", json.dumps(job).encode())
        kept = bytearray()
        while part := self._read_some():
            kept += part
            del kept[:-KEPT_OUTPUT]
        return bytes(kept)

    def _receive(self, expected: bytes) -> bytes:
        """Receive a frame whose JSON object is `expected`; return the bytes that follow it."""
        self._fill(SIZES.size)
        head, tail = SIZES.unpack_from(self._read)
        if head > 4096 or tail > MAX_FRAME:
            raise Died(f"answered with more than {MAX_FRAME // 2**20} MB")
        first, end = SIZES.size + head, SIZES.size + head + tail
        self._fill(end)
        message, data = bytes(self._read[SIZES.size : first]), bytes(self._read[first:end])
        del self._read[:end]
        if message == expected:
            return data
        try:
            type_name, text = map(str, json.loads(message)["raised"])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise Died("sent a malformed reply") from None
        raise Raised(printable(type_name), printable(text))

    def _send(self, tail: bytes, head: bytes = b"{}") -> None:
        left: bytes | memoryview = SIZES.pack(len(head), len(tail)) + head + tail
        while left:
            try:
                sent = self._sock.send(left)
            except BlockingIOError:
                self._check()
            except OSError as exc:
                raise Died("ended before it read its input") from exc
            else:
                left = memoryview(left)[sent:] if sent < len(left) else b""

    def _fill(self, count: int) -> None:
        while len(self._read) < count:
            part = self._read_some()
            if not part:
                raise Died("ended before its last line")
            self._read += part

    def _read_some(self) -> bytes:
        while True:
            if time.monotonic() >= self._next_check:
                self._check()
            try:
                return self._sock.recv(_READ_BYTES)
            except BlockingIOError:
                self._check()
            except ConnectionResetError:
                return b""

    def _check(self) -> None:
        """Check the time, and the memory of the sample's processes."""
        if time.monotonic() >= self._deadline:
            raise TimedOut
        used_mb = sum(map(resident_mb, self._processes()))
        if used_mb > self._memory_mb:
            raise Died(f"its processes used {used_mb:.0f} MB, allowed: {self._memory_mb} MB")
        self._plan_check(self._deadline - time.monotonic())

    def _plan_check(self, left_s: float) -> None:
        wait_s = min(max(left_s, 0.001), _CHECK_S)
        set_socket_timeout(self._sock, wait_s)
        self._next_check = time.monotonic() + wait_s


def encoded_call(name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> bytes:
    """Return a call of a program's function, encoded for the sandbox.

    Raises:
        ValueError: an argument is nested too deep.
    """
    return wire.dumps([name, args, kwargs])


def set_socket_timeout(sock: socket.socket, seconds: float) -> None:
    """Set how long a socket waits, by the kernel's own time-out: Python's costs a poll for each message."""
    whole = int(seconds)
    wait = _TIME.pack(whole, int((seconds - whole) * 1e6))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)


def _list_of(encoded: Sequence[bytes]) -> bytes:
    return b'["l",' + b",".join(encoded) + b"]"

"""Runs code that a model wrote where it can reach nothing: the outer side of the sandbox.

In: a program, limits. Out: what its functions return, or how it ended. A `Sandbox` owns one warm zygote process
(zygote.py), which forks a walled-in child for each sample (jail.py). Nothing that comes back is trusted: frames are
limited in size and decoded to plain values only.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from wizardcoder.core.console import StageError
from wizardcoder.sandbox import guest, syscall_filter
from wizardcoder.sandbox import wire as values
from wizardcoder.sandbox.walls import SCRATCH, Limits

Kind = Literal["calls", "run", "command"]
KEPT_OUTPUT = 1 << 16  # bytes of a command's output that are kept, its end; the rest is read and dropped
_LOOK_S = 0.05  # between two looks at a sample's memory
_TOLD_S, _STARTED_S = 30, 120  # until the zygote has ended a sample, and until it has started
_TIME = struct.Struct("ll")
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": SCRATCH, "TMPDIR": SCRATCH, "LC_ALL": "C.UTF-8"}
# one thread each: samples run side by side, and a fork carries no threads over; and libraries are linked at the start,
# since what is linked at its first call is linked again in each fork
_ZYGOTE = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")} | {"LD_BIND_NOW": "1"}
# what samples import most; each module more makes every fork dearer
_PRELOAD = (
    "bisect",
    "collections",
    "copy",
    "functools",
    "heapq",
    "itertools",
    "math",
    "operator",
    "re",
    "string",
    "typing",
)


class SandboxError(StageError):
    """The sandbox itself failed: no verdict on the sample."""


class Died(Exception):  # noqa: N818 - an outcome
    """The sample ended before it answered, or answered what no honest child sends."""


class TimedOut(Exception):  # noqa: N818 - an outcome
    """The sample's wall time is over."""


class Raised(Exception):  # noqa: N818 - an outcome
    """The sample's code raised: `type_name`, `text`."""

    def __init__(self, type_name: str, text: str) -> None:
        super().__init__(f"{type_name}: {text}" if text else type_name)
        self.type_name, self.text = type_name, text


@dataclass(frozen=True, slots=True)
class Ended:
    """How a sample ended: exit status as waitpid tells (negative: the signal), its processes' CPU seconds."""

    status: int
    cpu_s: float


@dataclass(frozen=True, slots=True)
class World:
    """What a sandbox shows its samples.

    Args:
        interpreter: the Python that samples run in.
        preload: modules that are loaded once, in the zygote.
        packages: folders on the samples' sys.path beyond the standard library, in which only `shown` is visible.
        shown: paths that samples can read beyond the interpreter's own.
        environment: variables that the zygote and its samples have beyond the usual ones.
    """

    interpreter: str = sys.executable
    preload: tuple[str, ...] = _PRELOAD
    packages: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


def numpy_world() -> World:
    """Give a world where numpy is loaded, out of this interpreter's packages and without the rest of them."""
    site = Path(sysconfig.get_path("platlib"))
    return World(
        preload=(*_PRELOAD, "numpy"), packages=(str(site),), shown=(str(site / "numpy"), str(site / "numpy.libs"))
    )


def with_module(world: World, name: str) -> World:
    """Give a world in which one module more is loaded."""
    return replace(world, preload=(*world.preload, name))


class Sandbox:
    """One zygote. Not for two threads at once; close it, or use it as a context manager.

    Raises:
        SandboxError: the zygote did not start, or the walls that the kernel allows are below the floor and
            `allow_unsafe` is false.
    """

    def __init__(self, world: World | None = None, allow_unsafe: bool = False, without: Sequence[str] = ()) -> None:
        self._world = world or World()
        self._allow_unsafe = allow_unsafe
        self._without = tuple(without)  # layers that are left out, to test the others
        self._folder = Path(tempfile.mkdtemp(prefix="sandbox."))
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the zygote and every sample."""
        process = getattr(self, "_process", None)
        if process is not None:
            self._control.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._errors.close()
        # not by shutil: what a sample nested a thousand deep is too deep for it
        subprocess.run(["rm", "-rf", str(self._folder)], check=False)

    def _start(self) -> None:
        for name in ("root", "scratch"):
            (self._folder / name).mkdir()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        _wait_at_most(self._control, _STARTED_S)
        start = f"import sys; sys.path[:0] = [{str(Path(__file__).parents[2])!r}]; "
        start += f"from wizardcoder.sandbox import guest; guest.main({theirs.fileno()})"
        self._errors = (self._folder / "errors").open("w+b")
        self._process = subprocess.Popen(
            [self._world.interpreter, "-I", "-S", "-c", start],
            env=_ENVIRONMENT | _ZYGOTE | dict(self._world.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        theirs.close()
        interpreter: dict[str, Any] = json.loads(self._told())
        self._control.send(json.dumps(self._plan(**interpreter)).encode())
        started: dict[str, Any] = json.loads(self._told())
        _wait_at_most(self._control, _TOLD_S)
        self.layers: tuple[str, ...] = tuple(started["layers"])
        self.absent: tuple[str, ...] = tuple(started["absent"])
        if not reaches_floor(self.layers) and not self._allow_unsafe:
            raise SandboxError(
                f"the sandbox reaches only [{', '.join(self.layers)}] on this machine: accepted is seccomp with user "
                "namespaces, or with Landlock 3 or newer (look at `kernel.unprivileged_userns_clone`, a container's "
                "seccomp profile, and whether libseccomp is installed); evaluate.allow_unsafe=true (of the "
                "stages screen and decontaminate: screen.verify.allow_unsafe=true, "
                "decontaminate.execution.allow_unsafe=true) runs the code anyway"
            )

    def _plan(self, standard_path: list[str], prefixes: list[str]) -> dict[str, Any]:
        base, hidden = _shown_and_hidden(tuple(prefixes))
        return {
            "sys_path": [*standard_path, *self._world.packages],
            "preload": self._world.preload,
            "visible": base,
            "hidden": hidden,
            "shown": self._world.shown,  # also within what is hidden
            "root": str(self._folder / "root"),
            "scratch": str(self._folder / "scratch"),
            "seccomp": {} if "seccomp" in self._without else syscall_filter.filters(),
            "without": self._without,
        }

    def _told(self) -> bytes:
        try:
            message = self._control.recv(65536)
        except OSError:
            message = b""
        if not message:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines() or ["no word"]
            raise SandboxError(f"the sandbox's zygote ended: {lines[-1]}")
        return message

    @contextlib.contextmanager
    def sample(self, kind: Kind, limits: Limits, timeout_s: float, total_memory_mb: int) -> Iterator[Sample]:
        """Fork a sample; it and everything it started are gone when the block ends.

        Args:
            kind: `calls`: a program whose functions are called; `run`: one that is run to its end; `command`: steps.
            limits: of the sample.
            timeout_s: wall time.
            total_memory_mb: resident memory of all its processes together.
        """
        ours, theirs = socket.socketpair()
        job = {"kind": kind, "limits": limits._asdict()}
        try:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", theirs.fileno()))
            self._control.sendmsg([json.dumps(job).encode()], [rights])
        except OSError as exc:
            ours.close()
            raise SandboxError(f"the sandbox's zygote is gone: {exc}") from exc
        finally:
            theirs.close()
        sample = Sample(ours, self._tree, timeout_s, total_memory_mb)
        try:
            yield sample
        finally:
            sample.close()
            with contextlib.suppress(OSError):  # `_told` says so
                self._control.send(b"end")
            sample.ended = Ended(*guest.ENDED.unpack(self._told()))

    def _tree(self) -> list[int]:
        """Give the process ids, as seen from here, of the running sample and all it started."""
        parents = [self._process.pid]
        if "pid" in self.layers:  # the one that was started only waits for the zygote in its namespace
            parents = _children(self._process.pid)
        found: list[int] = []
        while parents:
            parents = [child for parent in parents for child in _children(parent)]
            found += parents
        return found


class Sandboxes:
    """Sandboxes by name, each made when first needed and closed with the others; what runs code in several is one.

    Not for two threads at once. Raises as `Sandbox`, when one is made.
    """

    def __init__(self, allow_unsafe: bool) -> None:
        self._allow_unsafe = allow_unsafe
        self._open = contextlib.ExitStack()
        self._by_name: dict[str, Sandbox] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the sandboxes."""
        self._by_name.clear()
        self._open.close()

    def _sandbox(self, name: str, world: Callable[[], World]) -> Sandbox:
        """Give the sandbox of this name, made where there is none."""
        if name not in self._by_name:
            self._by_name[name] = self._open.enter_context(Sandbox(world(), self._allow_unsafe))
        return self._by_name[name]


class Sample:
    """A running sample, from outside; made by `Sandbox.sample`."""

    def __init__(self, sock: socket.socket, tree: Callable[[], list[int]], timeout_s: float, memory_mb: int) -> None:
        self._sock, self._tree, self._memory_mb = sock, tree, memory_mb
        self._deadline = time.monotonic() + timeout_s
        self._look_after(timeout_s)
        self._read = bytearray()
        self.ended: Ended | None = None  # set when the block has ended

    def close(self) -> None:
        """Hang up, and let go of what was received: who holds on to the sample does not hold that."""
        self._sock.close()
        self._read.clear()

    def load(self, program: str, calls: Sequence[bytes] = ()) -> None:
        """Send a program of kind `calls` or `run`, and calls, each from `encoded_call`, that it answers unasked."""
        self._send(program.encode(errors="surrogatepass"))
        if calls:
            self._send(_list_of(calls))

    def ready(self) -> None:
        """Wait until the program's own lines have run.

        Raises:
            Raised, Died, TimedOut: they did not reach their end.
        """
        self._answer(guest.READY)

    def done(self) -> None:
        """Wait until a program of kind `run` says that its last line was reached; raises as `ready`."""
        self._answer(guest.DONE)

    def call(self, name: str, args: Sequence[object], kwargs: Mapping[str, object] | None = None) -> Any:
        """Call one of the program's functions and wait for what it returns; raises as `ready` and `encoded_call`."""
        return self.call_encoded(encoded_call(name, args, kwargs or {}))

    def call_encoded(self, call: bytes) -> Any:
        """As `call`."""
        self._send(_list_of([call]))
        return self.returned()

    def returned(self) -> Any:
        """Wait for what the next of the calls returns; raises as `ready`."""
        try:
            return values.loads(self.returned_data())
        except ValueError as exc:
            raise Died(printable(str(exc))) from exc

    def returned_data(self) -> bytes:
        """As `returned`, still encoded."""
        return self._answer(guest.RETURNED)

    def run(self, files: Mapping[str, str], steps: Sequence[Sequence[str]], environment: Mapping[str, str]) -> bytes:
        """Write files and run steps; give the end of what they wrote to standard output and error together.

        Raises:
            TimedOut, Died: as `ready`. The exit status is in `ended`, after the block.
        """
        job = {"files": dict(files), "steps": [list(s) for s in steps], "environment": dict(environment)}
        self._send(b"", json.dumps(job).encode())
        kept = bytearray()
        while part := self._some(1 << 16):
            kept += part
            del kept[:-KEPT_OUTPUT]
        return bytes(kept)

    def _answer(self, word: bytes) -> bytes:
        self._fill(guest.SIZES.size)
        head, tail = guest.SIZES.unpack_from(self._read)
        if head > 4096 or tail > guest.MAX_FRAME:
            raise Died(f"answered with more than {guest.MAX_FRAME // 2**20} MB")
        first, end = guest.SIZES.size + head, guest.SIZES.size + head + tail
        self._fill(end)
        message, data = bytes(self._read[guest.SIZES.size : first]), bytes(self._read[first:end])
        del self._read[:end]
        if message == word:
            return data
        try:
            type_name, text = map(str, json.loads(message)["raised"])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise Died("answered what no honest program sends") from None
        raise Raised(printable(type_name), printable(text))

    def _send(self, tail: bytes, head: bytes = b"{}") -> None:
        left: bytes | memoryview = guest.SIZES.pack(len(head), len(tail)) + head + tail
        while left:
            try:
                sent = self._sock.send(left)
            except BlockingIOError:
                self._look()
            except OSError as exc:
                raise Died("ended before it read its input") from exc
            else:
                left = memoryview(left)[sent:] if sent < len(left) else b""

    def _fill(self, count: int) -> None:
        while len(self._read) < count:
            part = self._some(1 << 16)
            if not part:
                raise Died("ended before its last line")
            self._read += part

    def _some(self, most: int) -> bytes:
        while True:
            if time.monotonic() >= self._look_at:
                self._look()
            try:
                return self._sock.recv(most)
            except BlockingIOError:
                self._look()
            except ConnectionResetError:
                return b""

    def _look(self) -> None:
        """Look at the clock, and at the memory of the sample's processes."""
        if time.monotonic() >= self._deadline:
            raise TimedOut
        used = sum(map(_resident_mb, self._tree()))
        if used > self._memory_mb:
            raise Died(f"its processes used {used:.0f} MB, allowed: {self._memory_mb} MB")
        self._look_after(self._deadline - time.monotonic())

    def _look_after(self, left_s: float) -> None:
        """Set when to look next."""
        wait_s = min(max(left_s, 0.001), _LOOK_S)
        _wait_at_most(self._sock, wait_s)
        self._look_at = time.monotonic() + wait_s


def _wait_at_most(sock: socket.socket, seconds: float) -> None:
    """Set how long a socket waits: by the kernel's own time-out, since Python's costs a poll for each message."""
    whole = int(seconds)
    wait = _TIME.pack(whole, int((seconds - whole) * 1e6))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)


def printable(text: str) -> str:
    """Give a text that a sample sent, short, in one line, without what a terminal or a file could trip over."""
    kept = " ".join(text[: guest.LAST_LINE].split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in kept)


def encoded_call(name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> bytes:
    """Give a call of a program's function as it crosses into the sandbox.

    Raises:
        ValueError: an argument is nested too deep.
    """
    return values.dumps([name, args, kwargs])


def _list_of(encoded: Sequence[bytes]) -> bytes:
    return b'["l",' + b",".join(encoded) + b"]"


def reaches_floor(layers: Sequence[str]) -> bool:
    """Tell whether the walls suffice: seccomp, with namespaces or a Landlock that guards truncation too (version 3)."""
    landlock = next((int(layer.removeprefix("landlock")) for layer in layers if layer.startswith("landlock")), 0)
    return "seccomp" in layers and ("mount" in layers or landlock >= 3)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):  # it ended
        for thread in Path(f"/proc/{pid}/task").iterdir():  # a child belongs to the thread that forked it
            found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def _resident_mb(pid: int) -> float:
    """Give a process's memory; also of one whose first thread has ended, of which /proc/PID/statm shows none."""
    process = Path(f"/proc/{pid}")
    pages = _resident_pages(process)
    if not pages:
        with contextlib.suppress(OSError):  # it has ended
            pages = max(map(_resident_pages, (process / "task").iterdir()), default=0)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _resident_pages(task: Path) -> int:
    """Give what the memory of a process or thread takes; 0 where it has ended."""
    try:
        return int((task / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0


@cache
def _shown_and_hidden(prefixes: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Give what an interpreter with these prefixes needs to see, and the folders of installed packages within it."""
    system = [path for path in ("/usr", "/bin", "/lib", "/lib64") if Path(path).exists()]
    shown = sorted({*prefixes, *system})
    hidden = [
        str(folder)
        for base in {*shown, "/usr/local"}
        for pattern in ("lib*/python3*/site-packages", "lib*/python3*/dist-packages", "envs", "pkgs")  # conda's
        for folder in Path(base).glob(pattern)
        if not folder.is_symlink()
    ]
    return [path for path in shown if not any(Path(other) in Path(path).parents for other in shown)], hidden

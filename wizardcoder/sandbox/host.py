"""Run untrusted code behind kernel walls: the host's side of the sandbox.

In: what samples see, a program, limits. Out: what its functions return, or how it ended. A `Sandbox` owns one warm
helper process (guest.py), which forks a child for each sample and confines it (walls.py). Does not cover: judging what
a sample returned, and running many sandboxes side by side (pool.py).
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from wizardcoder.sandbox import syscall_filter
from wizardcoder.sandbox.environments import Environment, interpreter_paths
from wizardcoder.sandbox.errors import SandboxError
from wizardcoder.sandbox.frames import EXIT
from wizardcoder.sandbox.limits import Limits
from wizardcoder.sandbox.namespaces import SCRATCH
from wizardcoder.sandbox.process_tree import children_of, descendants_of
from wizardcoder.sandbox.running_sample import Ended, RunningSample, set_socket_timeout

SampleKind = Literal["calls", "run", "command"]
_REPLY_S, _START_S = 30, 120  # until the helper has ended a sample, and until it has started
_VARIABLES = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": SCRATCH, "TMPDIR": SCRATCH, "LC_ALL": "C.UTF-8"}
# one thread each: samples run side by side, and a fork carries no threads over; libraries are linked at the start,
# because a function linked at its first call would be linked again in each fork
_HELPER_VARIABLES = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")} | {
    "LD_BIND_NOW": "1"
}


class Sandbox:
    """One helper process and its samples. Use it as a context manager; not for use by several threads at once.

    Args:
        environment: what samples see; None: the standard library alone.
        allow_unsafe: start even if the kernel allows too few walls.
        without: layers to leave out, to test the others: `namespaces`, `landlock`, `seccomp`.

    Attributes:
        layers: the active walls, such as `user`, `pid`, `mount`, `net`, `landlock6`, `seccomp`.
        absent: modules of the environment that could not be preloaded.

    Raises:
        SandboxError: the helper did not start, or the kernel allows too few walls and `allow_unsafe` is false.
    """

    def __init__(
        self, environment: Environment | None = None, allow_unsafe: bool = False, without: Sequence[str] = ()
    ) -> None:
        self._environment = environment or Environment()
        self._allow_unsafe = allow_unsafe
        self._without = tuple(without)
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
        """End the helper process and every sample."""
        process = getattr(self, "_process", None)
        if process is not None:
            self._control.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._errors.close()
        # not by shutil: it fails on folders that a sample nested a thousand deep
        subprocess.run(["rm", "-rf", str(self._folder)], check=False)

    @contextlib.contextmanager
    def sample(self, kind: SampleKind, limits: Limits) -> Iterator[RunningSample]:
        """Fork a sample; it and everything it started are gone when the block ends.

        Args:
            kind: `calls`: a program whose functions are called; `run`: a program that runs to its end; `command`:
                commands.
            limits: of the sample.
        """
        ours, theirs = socket.socketpair()
        job = {"kind": kind, "limits": limits.for_kernel()._asdict()}
        try:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", theirs.fileno()))
            self._control.sendmsg([json.dumps(job).encode()], [rights])
        except OSError as exc:
            ours.close()
            raise SandboxError(f"the sandbox helper is gone: {exc}") from exc
        finally:
            theirs.close()
        sample = RunningSample(ours, self._sample_processes, limits)
        try:
            yield sample
        finally:
            sample.close()
            with contextlib.suppress(OSError):  # `_receive` reports it
                self._control.send(b"end")
            sample.ended = Ended(*EXIT.unpack(self._receive()))

    def _start(self) -> None:
        for name in ("root", "scratch"):
            (self._folder / name).mkdir()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        set_socket_timeout(self._control, _START_S)
        self._start_helper(theirs)
        interpreter: dict[str, Any] = json.loads(self._receive())
        self._control.send(json.dumps(self._plan(**interpreter)).encode())
        started: dict[str, Any] = json.loads(self._receive())
        set_socket_timeout(self._control, _REPLY_S)
        self.layers: tuple[str, ...] = tuple(started["layers"])
        self.absent: tuple[str, ...] = tuple(started["absent"])
        if not reaches_floor(self.layers) and not self._allow_unsafe:
            raise SandboxError(
                f"the sandbox reaches only [{', '.join(self.layers)}] on this machine; it needs seccomp together with "
                "user namespaces or with Landlock 3 or newer (check `kernel.unprivileged_userns_clone`, a container's "
                "seccomp profile, and that libseccomp is installed). To run the code anyway, set "
                "evaluate.allow_unsafe=true (stage screen: screen.verify.allow_unsafe=true, stage decontaminate: "
                "decontaminate.execution.allow_unsafe=true)"
            )

    def _start_helper(self, theirs: socket.socket) -> None:
        start = f"import sys; sys.path[:0] = [{str(Path(__file__).parents[2])!r}]; "
        start += f"from wizardcoder.sandbox import guest; guest.main({theirs.fileno()})"
        self._errors = (self._folder / "errors").open("w+b")
        self._process = subprocess.Popen(
            [self._environment.interpreter, "-I", "-S", "-c", start],
            env=_VARIABLES | _HELPER_VARIABLES | dict(self._environment.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        theirs.close()

    def _plan(self, standard_path: list[str], prefixes: list[str]) -> dict[str, Any]:
        visible, hidden = interpreter_paths(tuple(prefixes))
        return {
            "sys_path": [*standard_path, *self._environment.packages],
            "preload": self._environment.preload,
            "visible": visible,
            "hidden": hidden,
            "shown": self._environment.shown,  # also within what is hidden
            "root": str(self._folder / "root"),
            "scratch": str(self._folder / "scratch"),
            "seccomp": {} if "seccomp" in self._without else syscall_filter.filters(),
            "without": self._without,
        }

    def _receive(self) -> bytes:
        try:
            message = self._control.recv(65536)
        except OSError:
            message = b""
        if not message:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            reason = f": {lines[-1]}" if lines else " without an error message"
            raise SandboxError(f"the sandbox helper exited{reason}")
        return message

    def _sample_processes(self) -> list[int]:
        """Return the process ids, as seen from here, of the running sample and all it started."""
        helper = self._process.pid
        # with a pid namespace the started process only waits for the helper proper, its child
        return descendants_of(children_of(helper) if "pid" in self.layers else [helper])


class Sandboxes:
    """Sandboxes by name, each started when first needed and closed with the others. Base of what runs code in several.

    Not for use by several threads at once. Raises as `Sandbox`, when one is started.
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

    def _sandbox(self, name: str, environment: Callable[[], Environment]) -> Sandbox:
        """Return the sandbox of this name; start it if there is none."""
        if name not in self._by_name:
            self._by_name[name] = self._open.enter_context(Sandbox(environment(), self._allow_unsafe))
        return self._by_name[name]


def reaches_floor(layers: Sequence[str]) -> bool:
    """Return whether the walls suffice: seccomp, with namespaces or with Landlock 3, the first to cover truncation."""
    landlock = next((int(layer.removeprefix("landlock")) for layer in layers if layer.startswith("landlock")), 0)
    return "seccomp" in layers and ("mount" in layers or landlock >= 3)

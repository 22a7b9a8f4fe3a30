"""Serve a model with servers of our own: start them, wait until they answer, restart one that dies, end them all.

In: a command (serving.py) and the number of replicas. Out: base URLs, as long as the model is open. Each server runs
under a supervisor (supervisor.py) and writes a log file. A thread watches them: one that dies is started again, a
limited number of times. Does not send chats; served_endpoint.py does.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from wizardcoder.core import console
from wizardcoder.core.cache import create_cache_folder
from wizardcoder.core.console import StageError
from wizardcoder.teacher.serving import ServeParams, check_command, server_command, server_environment

LOGS = "logs"
"""Folder in the cache: the servers' log files."""
POLL_S = 0.2
PROGRESS_S = 10.0  # between two lines while servers load their model
MAX_RESTARTS = 3  # of one server; ours: a crash by chance is rare, a wrong setting crashes every time
STOP_S = 20.0  # until a server's supervisor is killed; it takes 10 at most
PACKAGE_ROOT = Path(__file__).resolve().parents[2]
SUPERVISOR = f"{__package__}.supervisor"


@dataclass(slots=True)
class _Server:
    """One replica: where it runs, and its state."""

    number: int
    port: int
    gpu_ids: str
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    ready: bool = False
    restarts: int = 0


@dataclass(slots=True)
class ServedModel:
    """The servers of one model; `start` opens it, `close` ends it.

    Attributes:
        setting: the key of params.yaml that errors name.
        model: what `{model}` in the command becomes.
        gpus: the GPUs of each replica.
        logs: folder of the log files.
        on_failure: called, in another thread, when a server has died too often.
    """

    serve: ServeParams
    setting: str
    model: str
    gpus: Sequence[str]
    logs: Path
    on_failure: Callable[[StageError], object] = lambda _: None
    failure: StageError | None = None
    _servers: list[_Server] = field(default_factory=list)
    _closing: threading.Event = field(default_factory=threading.Event)
    _watch: threading.Thread | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        """The base URLs; a restarted server keeps its own."""
        return tuple(f"http://127.0.0.1:{server.port}/v1" for server in self._servers)

    def start(self) -> None:
        """Start the servers and wait until each answers; nothing, if that was done before.

        Raises:
            StageError: the command cannot be started, a server ended or was not ready in time, or `interrupt` was
                called; names the log file and quotes its last line.
        """
        if self._servers:
            return
        check_command(self.serve, self.setting)
        create_cache_folder(self.logs)
        name = Path(self.model).name
        ports = _free_ports(self.serve.replicas)
        for number, (port, gpu_ids) in enumerate(zip(ports, self.gpus, strict=True)):
            self._servers.append(_Server(number, port, gpu_ids, self.logs / f"{name}-{number}.log"))
        try:
            for server in self._servers:
                server.log.write_bytes(b"")
                self._launch(server)
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        self._watch = threading.Thread(target=self._watch_servers, daemon=True)
        self._watch.start()

    def interrupt(self) -> None:
        """Make a `start` that still waits raise."""
        self._closing.set()

    def close(self) -> None:
        """End the servers and wait until they have ended."""
        self._closing.set()
        if self._watch is not None:
            self._watch.join()
            self._watch = None
        _end([server.process for server in self._servers if server.process is not None])

    def any_ready(self) -> bool:
        """Return whether a server answers, as far as is known."""
        return any(server.ready for server in self._servers)

    def restarts(self) -> int | None:
        """Return how often servers were restarted so far; None while one is down."""
        if not all(server.ready for server in self._servers):
            return None
        return sum(server.restarts for server in self._servers)

    def all_answer(self) -> bool:
        """Ask each server now whether it answers."""
        return all(_answers(server.port) for server in self._servers)

    def _launch(self, server: _Server) -> None:
        command = server_command(self.serve, self.setting, self.model, server.port, server.gpu_ids)
        with server.log.open("ab") as log:
            server.process = subprocess.Popen(
                [sys.executable, "-m", SUPERVISOR, str(os.getpid()), str(Path.cwd()), *command],
                cwd=PACKAGE_ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=server_environment(self.serve, server.gpu_ids),
                start_new_session=True,
            )
        server.started, server.ready = time.monotonic(), False

    def _wait_until_ready(self) -> None:
        started = printed = time.monotonic()
        while not all(server.ready for server in self._servers):
            if self._closing.wait(POLL_S):
                raise StageError("stopped")
            for server in self._servers:
                if (problem := self._look_at(server)) is not None:
                    raise StageError(problem)
            if time.monotonic() - printed >= PROGRESS_S:
                printed = time.monotonic()
                ready = sum(server.ready for server in self._servers)
                console.say(
                    f"{self.model}: {ready} of {len(self._servers)} servers ready after {printed - started:.0f} s; "
                    f"log: {self._servers[0].log}"
                )
        if printed > started:
            console.say(f"{self.model}: all servers ready after {time.monotonic() - started:.0f} s")

    def _look_at(self, server: _Server) -> str | None:
        """Update a server's state and return what is wrong with it; one that is late is ended."""
        assert server.process is not None
        waited_s = time.monotonic() - server.started
        code = server.process.poll()
        if code is None and (server.ready or _answers(server.port)):
            server.ready = True
            return None
        if code is None and waited_s <= self.serve.ready_s:
            return None
        when = "" if server.ready else " before it was ready"
        what = f"exited with code {code}{when}" if code is not None else "was not ready in time"
        if code is None:
            _end([server.process])
            what = f"was not ready after {self.serve.ready_s:g} s ({self.setting}.ready_s)"
        server.ready = False
        name = f"server {server.number + 1} of {len(self._servers)}"
        return f"{self.setting}: {name} {what}: {_last_line(server.log)}; log: {server.log}"

    def _watch_servers(self) -> None:
        while not self._closing.wait(POLL_S):
            for server in self._servers:
                was_ready = server.ready
                problem = self._look_at(server)
                if problem is None:
                    if server.ready and not was_ready:
                        console.say(f"{self.model}: server {server.number + 1} answers again")
                    continue
                if server.restarts == MAX_RESTARTS:
                    self.failure = StageError(
                        f"{problem}; it was started {MAX_RESTARTS + 1} times. All answers are kept"
                    )
                    self.on_failure(self.failure)
                    return
                server.restarts += 1
                console.say(f"{problem}; restart {server.restarts} of {MAX_RESTARTS}")
                self._launch(server)


def _end(supervisors: Sequence[subprocess.Popen[bytes]]) -> None:
    """End servers through their supervisors, which find workers in other sessions too, and wait until they have."""
    for process in supervisors:
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()
        process.terminate()
    for process in supervisors:
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_ports(count: int) -> list[int]:
    """Return loopback ports on which nothing listens."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _answers(port: int) -> bool:
    """Return whether a server lists its models; llama-server does so early, but reports loading under /health."""
    return _status(port, "/v1/models") == 200 and _status(port, "/health") != 503


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _last_line(log: Path) -> str:
    """Return the last line of a log that is not empty."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "its log is empty")

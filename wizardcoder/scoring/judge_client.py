"""The caller's side of a judge process: starts it, sends it jobs, receives verdicts, replaces it when tests hang.

In: settings, problems, completions. Out: verdicts. Does not cover: which process gets which job (score_samples.py), and
how a sample is judged (judge.py).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.sandbox.errors import SandboxError
from wizardcoder.scoring import judge_process
from wizardcoder.scoring.settings import JudgeJob, JudgeSettings, Verdict

REFERENCE_S = 900.0  # wall time for a problem's reference solution
HANG_S = 20.0  # beyond a sample's own time: then the benchmark's tests hang on what the sample returned
_EXIT_S = 2.0  # until a process that is asked to exit is killed


class JudgeClient:
    """One judge process at a time. Not for use by several threads at once.

    Args:
        settings: how samples are judged.
        folder: for the files of its sandboxes.
        cores: the process and its sandboxes run on these.
        stop: once set, waiting for the process raises.

    Raises:
        SandboxError: the sandbox is not available on this machine, or the judge process failed.
    """

    def __init__(self, settings: JudgeSettings, folder: Path, cores: set[int], stop: threading.Event) -> None:
        self._settings, self._folder, self._cores, self._stop = settings, folder, cores, stop
        self._connection: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._sent: set[str] = set()  # task_ids of the problems that the process has
        self.layers: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def judge(self, problem: Problem, completions: Sequence[str]) -> Iterator[Verdict]:
        """Yield the verdicts in the order of the completions.

        If the tests hang, the process is replaced and the rest is judged one by one: the completion that hangs then is
        the one that failed.
        """
        rest, one_by_one = tuple(completions), False
        while rest:
            try:
                for verdict in self._judge_once(problem, rest, one_by_one):
                    rest = rest[1:]
                    yield verdict
            except _HangError as hang:
                self._end()
                if one_by_one:
                    rest = rest[1:]
                    yield Verdict(False, "failed: the tests hang on what it returned", hang.sample_s, True)
                one_by_one = True

    def _judge_once(self, problem: Problem, completions: tuple[str, ...], one_by_one: bool) -> Iterator[Verdict]:
        if self._process is None:
            self._start()
        known = problem.task_id in self._sent
        self._sent.add(problem.task_id)
        self._send(JudgeJob(problem.task_id, None if known else problem, completions, one_by_one))
        sample_s = self._settings.timeout_s + self._receive_prepared()
        left = len(completions)
        while left:
            try:
                verdicts: list[Verdict] = self._receive(sample_s + HANG_S)
            except TimeoutError:
                raise _HangError(sample_s) from None
            left -= len(verdicts)
            yield from verdicts

    def _start(self) -> None:
        ours, theirs = Pipe()
        self._connection, self._sent = ours, set()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", judge_process.__name__, str(theirs.fileno())],
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "PYTHONPATH": str(Path(__file__).parents[2]),
                    "DVC_ROOT": os.environ.get("DVC_ROOT", "."),
                    "TMPDIR": str(self._folder),
                    "WC_CACHE_DIR": str(cache_dir().resolve()),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        finally:
            theirs.close()
        try:
            with contextlib.suppress(OSError):  # it has ended, or the core is no longer ours
                os.sched_setaffinity(self._process.pid, self._cores)
            self._send(self._settings)
            self.layers = self._receive_prepared()
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            try:
                self._process.wait(_EXIT_S)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGKILL)  # its sandboxes end with it
                self._process.wait()
            self._process = None

    def _send(self, message: object) -> None:
        assert self._connection is not None, "the process was started"
        try:
            self._connection.send(message)
        except OSError:
            raise _exited() from None

    def _receive_prepared(self) -> Any:
        try:
            return self._receive(REFERENCE_S)
        except TimeoutError:
            raise SandboxError(f"a problem's reference took more than {REFERENCE_S:.0f} s") from None

    def _receive(self, limit_s: float) -> Any:
        """Wait for a message.

        Raises:
            TimeoutError: none came within the limit.
            SandboxError: the process has exited, or `stop` was set.
            StageError: the process reports this error.
        """
        assert self._connection is not None, "the process was started"
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        waited_s = 0.0
        while not poll.poll(1000):
            waited_s += 1
            if self._stop.is_set():
                raise SandboxError("scoring was stopped")
            if waited_s > limit_s:
                raise TimeoutError
        try:
            message = self._connection.recv()
        except (EOFError, OSError):
            raise _exited() from None
        if isinstance(message, StageError):
            raise message
        return message


class _HangError(Exception):
    """The tests hang on what a sample returned; `sample_s` is the time that the sample itself had."""

    def __init__(self, sample_s: float) -> None:
        super().__init__(sample_s)
        self.sample_s = sample_s


def _exited() -> SandboxError:
    return SandboxError("a judge process exited without a verdict; is there memory for `workers` of them?")

"""Helpers for tests that start, interrupt and kill processes which ask a mock endpoint."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from wizardcoder.core.store import AnswerStore

TIMEOUT_S = 180


def wait_until(condition: Callable[[], object]) -> None:
    """Poll until a condition holds."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.05)


def wait_until_idle(process: subprocess.Popen[str]) -> None:
    """Wait until a process sleeps or has ended: until it has acted on what it received."""
    wait_until(lambda: psutil.Process(process.pid).status() in (psutil.STATUS_SLEEPING, psutil.STATUS_ZOMBIE))


def interrupt(process: subprocess.Popen[str], signum: int) -> None:
    """Send a signal to a process that only waits for answers, and wait until it has acted on it."""
    process.send_signal(signum)
    wait_until_idle(process)


def count_answers(store: Path) -> int:
    """Count the answers in a store."""
    with AnswerStore(store) as answers:
        return answers.size().answers

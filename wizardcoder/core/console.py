"""Terminal output of a stage: progress, a closing line, one-line errors, and a clean end on signals.

In: counts. Out: text on the terminal (rich) or in a log (plain lines); exit codes. Nothing here changes an output, so
dvc.yaml does not list this file as a dependency.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # imported where they are used: every module knows StageError, few print
    import psutil
    from rich.console import Console
    from rich.progress import Progress, TaskID

T = TypeVar("T")
PLAIN_EVERY_S = 10.0
PLAIN_WAIT_S = 2.0  # a shorter wait is not worth a line of a log
PARENT_POLL_S = 1.0
_OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS}  # not our bugs
LOG_WIDTH = 120  # of a table where no terminal gives a width; rich would take 80


class StageError(Exception):
    """Bad input or a failure with a known cause; shown as one line, exit code 1."""


def entry(main: Callable[[], None]) -> None:
    """Run a stage's main: bad input or a full or read-only disk is one line and exit code 1, Ctrl-C 130, SIGTERM 143.

    DVC leaves its stages running when it is ended by SIGTERM; a stage started by DVC therefore ends itself once DVC
    is gone.
    """
    signal.signal(signal.SIGTERM, _raise_exit)
    _quiet_libraries()
    _end_with_dvc()
    try:
        main()
    except StageError as exc:
        say(f"error: {exc}")
        sys.exit(1)
    except OSError as exc:
        if exc.errno not in _OF_THE_MACHINE or exc.filename is None:
            raise
        say(f"error: {exc.filename}: {exc.strerror}")
        sys.exit(1)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)


def run_async(main: Coroutine[None, None, T]) -> T:
    """Run a coroutine; SIGTERM cancels it like Ctrl-C, so that it can finish the requests in flight."""
    import asyncio

    ended: list[bool] = []
    handler = signal.getsignal(signal.SIGTERM)

    async def guarded() -> T:
        task = asyncio.current_task()
        assert task is not None

        def end() -> None:
            ended.append(True)
            task.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        return await main

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        if ended:
            sys.exit(128 + signal.SIGTERM)
        raise
    finally:
        # the event loop resets it to the default, which would skip all clean-up after this
        signal.signal(signal.SIGTERM, signal.SIG_DFL if handler is None else handler)


def say(line: str) -> None:
    """Print one plain line, unwrapped and without markup."""
    _console().print(line, markup=False, emoji=False, soft_wrap=True)


def show(renderable: object) -> None:
    """Print a renderable of rich, such as a table."""
    _console().print(renderable)


class Track:
    """A running count with rate and remaining time; `advance` is safe from several threads."""

    def __init__(self, label: str, total: int, progress: Progress | None, task: TaskID | None) -> None:
        self.done = 0
        self._label, self._total = label, total
        self._progress, self._task = progress, task
        self._started = self._printed = time.monotonic()
        self._wait_printed_until = float("-inf")
        self._wait = _Wait()
        self._lock = threading.Lock()

    def advance(self, n: int = 1, note: str = "") -> None:
        """Count n more; `note` replaces the text at the end of the line."""
        with self._lock:
            self.done += n
            if self._progress is not None and self._task is not None:
                self._progress.update(self._task, completed=self.done, note=f"{self._rate():.2f}/s {note}")
            elif time.monotonic() - self._printed >= PLAIN_EVERY_S:
                self._printed = time.monotonic()
                left_s = (self._total - self.done) / max(self._rate(), 1e-9)
                line = f"{self._label}: {self.done}/{self._total} {self._rate():.2f}/s {left_s:.0f} s left {note}"
                say(f"{line.rstrip()} {self._wait}".rstrip())

    def show_wait(self, what: str, seconds: float) -> None:
        """Show what waits and until when, for this long; without a terminal, print a long wait as a line."""
        with self._lock:
            now = time.monotonic()
            if now + seconds <= self._wait.until:
                return
            self._wait = _Wait(f"{what} until {_clock_time(seconds)}", now + seconds)
            if self._progress is not None and self._task is not None:
                self._progress.update(self._task, wait=self._wait)
            elif seconds >= PLAIN_WAIT_S and self._wait.until >= self._wait_printed_until + PLAIN_EVERY_S:
                self._wait_printed_until = self._wait.until
                say(f"{self._label}: {self.done}/{self._total} {self._wait}")

    def _rate(self) -> float:
        return self.done / max(time.monotonic() - self._started, 1e-9)


@dataclass(frozen=True, slots=True)
class _Wait:
    """A text that is shown until a time of the monotonic clock."""

    text: str = ""
    until: float = 0.0

    def __str__(self) -> str:
        return self.text if time.monotonic() < self.until else ""


_tracks: list[Track] = []  # those of this process that are not at their end, the innermost last


def show_wait(what: str, seconds: float) -> None:
    """Show in the current progress line what waits, and until when."""
    if _tracks:
        _tracks[-1].show_wait(what, seconds)


@contextmanager
def track(label: str, total: int) -> Iterator[Track]:
    """Show progress of `total` items: a live bar in a terminal, otherwise a plain line every ten seconds."""
    if not _console().is_terminal:
        with _current(Track(label, total, None, None)) as current:
            yield current
        return
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.fields[note]} {task.fields[wait]}"),
    )
    with rich.Progress(*columns, console=_console()) as progress:
        task = progress.add_task(label, total=total, note="", wait="")
        with _current(Track(label, total, progress, task)) as current:
            yield current


@contextmanager
def _current(track: Track) -> Iterator[Track]:
    _tracks.append(track)
    try:
        yield track
    finally:
        _tracks.remove(track)


def _clock_time(seconds: float) -> str:
    """Return the local time so many seconds from now, with the date unless it is today."""
    at = time.localtime(math.ceil(time.time() + seconds))
    return time.strftime("%H:%M:%S" if at[:3] == time.localtime()[:3] else "%Y-%m-%d %H:%M:%S", at)


@contextmanager
def closing_line(stage: str) -> Iterator[Callable[..., None]]:
    """Yield a function that takes the stage's counts; on a clean end, print them with the elapsed seconds."""
    started = time.monotonic()
    counts: dict[str, object] = {}
    yield counts.update
    text = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items())
    say(f"{stage}: {text} in {time.monotonic() - started:.1f} s")


@cache
def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else LOG_WIDTH)


def _quiet_libraries() -> None:
    """Keep the bars and notices of libraries out of the log; their errors are still shown."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    logging.getLogger("DeepSpeed").addFilter(lambda record: record.levelno >= logging.ERROR)


def _raise_exit(signum: int, _frame: object) -> None:
    sys.exit(128 + signum)


def _end_with_dvc() -> None:
    """Watch the DVC process above this one, if any, from a daemon thread."""
    if "DVC_ROOT" not in os.environ:
        return
    import psutil

    above = [p for p in psutil.Process().parents() if _is_dvc(p)]
    if above:
        threading.Thread(target=_watch, args=(above[0],), daemon=True).start()


def _is_dvc(process: psutil.Process) -> bool:
    import psutil

    try:
        return any(part.rsplit("/", 1)[-1] == "dvc" for part in process.cmdline()[:3])
    except psutil.Error:
        return False


def _watch(process: psutil.Process) -> None:
    while process.is_running():
        time.sleep(PARENT_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)

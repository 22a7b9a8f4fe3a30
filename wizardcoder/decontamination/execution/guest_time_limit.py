"""Stops calls that run too long, inside the sandbox.

Only the standard library is imported: the sandbox loads this file. The code under test can catch the error, replace
`time.process_time` and set its own signal handlers and timers; the limit has to hold anyway.
"""

from __future__ import annotations

import _thread
import signal
import time
from functools import partial

_WALL_FACTOR = 20  # wall time allowed, as a multiple of the CPU time, for code that waits without computing
_TIMERS = {signal.SIGPROF: signal.ITIMER_PROF, signal.SIGALRM: signal.ITIMER_REAL}  # of CPU time, of wall time
cpu_time = time.process_time  # kept, because the code may replace it


class OverTimeError(BaseException):
    """The call's time is up. No Exception, because much code catches those.

    Code that catches even this error in a loop gets it again as soon as it drops the caught one, which happens outside
    of its `try`: `__del__` raises the signal again through a call without a frame of its own, and the interpreter
    handles signals at the next jump.
    """

    __del__ = staticmethod(partial(_thread.interrupt_main, signal.SIGPROF))


class TimeLimit:
    """Context manager that raises OverTimeError in a block that runs too long, repeatedly if the code catches it.

    It never raises after the block has ended.
    """

    running = False
    _over_at = 0.0  # CPU time
    _ticks = 0  # one for each `cpu_s` of wall time; they do not add up while the machine is suspended

    def __init__(self, cpu_s: float) -> None:
        self._cpu_s = cpu_s

    def __enter__(self) -> None:
        # half, because the timer is inexact: it only filters late signals from errors of an earlier call
        TimeLimit._over_at = cpu_time() + self._cpu_s / 2
        TimeLimit._ticks = 0
        TimeLimit.running = True
        for number in _TIMERS:  # every time, because the code may have set its own handlers
            signal.signal(number, TimeLimit._handle)
        for timer in _TIMERS.values():
            signal.setitimer(timer, self._cpu_s, self._cpu_s)

    def __exit__(self, *_: object) -> None:
        TimeLimit.running = False  # first: another signal may arrive while this error's objects are freed
        for timer in _TIMERS.values():
            signal.setitimer(timer, 0)

    @staticmethod
    def _handle(number: int, _: object) -> None:
        TimeLimit._ticks += number == signal.SIGALRM
        computed = number == signal.SIGPROF and cpu_time() > TimeLimit._over_at
        if TimeLimit.running and (computed or TimeLimit._ticks >= _WALL_FACTOR):
            raise OverTimeError

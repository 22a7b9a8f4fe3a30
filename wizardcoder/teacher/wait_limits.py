"""How often a request is retried, and how long a stage waits for an endpoint before it stops.

In: settings of params.yaml. Out: a wait that is allowed, or the error that says when to come back. Does not wait itself
(rate_limit.py).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from wizardcoder.core.console import StageError

CONTINUE = "All answers are kept: run the same command again to continue"


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """The limits of retries and waits.

    Attributes:
        retries: of a failed request, after the first attempt.
        patience_s: without any answer while the endpoint is busy, until the stage stops.
        max_wait_s: the longest wait that an endpoint may ask for.
        section: of params.yaml that contains them.
    """

    retries: int
    patience_s: float
    max_wait_s: float
    section: str = "runtime.teacher"

    def check_wait(self, seconds: float | None, endpoint: str, reason: str) -> float | None:
        """Return the wait that an endpoint asks for.

        Raises:
            StageError: it is longer than `max_wait_s`.
        """
        if seconds is None or seconds <= self.max_wait_s:
            return seconds
        until = "without an end" if seconds == float("inf") else f"until {local_time(time.time() + seconds)}"
        raise StageError(
            f"{endpoint} asks to wait {until}, longer than {self.section}.max_wait_min ({self.max_wait_s / 60:g}): "
            f"{reason}. {CONTINUE}{'' if seconds == float('inf') else ' then'}"
        )


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The limits of batches.

    Attributes:
        retries: further batches for a request that failed in one.
        poll_s: seconds between two polls.
        requests: in one batch at most.
        patience_s: while polls fail, or the limit of enqueued tokens refuses each batch.
    """

    retries: int
    poll_s: float
    requests: int
    patience_s: float


def local_time(at: float) -> str:
    """Format a Unix time in the local zone, with the zone's name.

    A time beyond the calendar's end is written as such.
    """
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return "a time after the end of the calendar"

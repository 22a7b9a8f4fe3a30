"""Decide when a request may be sent: concurrency, the user's rate limits, and the server's, which is estimated.

In: requests that ask to be sent, and how each ended. Out: the moment at which each is sent. Times are in seconds of a
monotonic clock. The number of slots grows slowly at first (one more with each answer), so that a small limit is reached
gently. server_rate.py estimates the server's limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque

from wizardcoder.core import console
from wizardcoder.teacher.server_rate import ServerRate

FIRST_SLOTS = 64
CATCH_UP_S = 0.05  # a timer that fires late may send the requests of this time at once


class RateLimiter:
    """Lets requests through: urgent ones first, otherwise in the order in which they asked."""

    def __init__(self, concurrency: int, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self.server_rate = ServerRate()
        self.in_flight = 0
        self._concurrency = concurrency
        self._slots = float(min(concurrency, FIRST_SLOTS))
        self._per_request_s = 60 / requests_per_minute if requests_per_minute else 0.0
        self._per_token_s = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._next_by_requests = self._next_by_tokens = self._next_by_server = self._held_until = 0.0
        self._urgent: deque[tuple[asyncio.Future[None], int]] = deque()
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped: Exception | None = None
        self._stopping = asyncio.Event()

    async def acquire(self, tokens: int, urgent: bool = False) -> None:
        """Wait for a slot and for the rates; `tokens` is the expected number of the request's prompt and answer.

        Raises:
            Exception: the exception given to `stop`.
        """
        if self._stopped is not None:
            raise self._stopped
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._waiting).append((ticket, tokens))
        self._admit()
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled() and ticket.exception() is None:
                self.release()
            raise

    def release(self) -> None:
        """Free the slot."""
        self.in_flight -= 1
        self._admit()

    async def wait_for_retry(self, seconds: float, what: str = "waiting to try again") -> None:
        """Wait before a request is retried, without a slot; a stop ends the wait. The progress line shows `what`."""
        console.show_wait(what, seconds)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def stop(self, exc: Exception) -> None:
        """Let nothing through any more: every waiting and every later request raises the exception."""
        self._stopped = exc
        self._stopping.set()
        for ticket, _ in (*self._urgent, *self._waiting):
            if not ticket.done():
                ticket.set_exception(exc)
        self._urgent.clear()
        self._waiting.clear()

    def record_answer(self) -> None:
        """Count an answered request."""
        self._slots = min(self._slots + 1, self._concurrency)

    def record_refusal(self, sent_at: float) -> None:
        """Count the refusal (429 or 503) of a request sent at `sent_at`."""
        self.server_rate.record_refusal(time.monotonic(), sent_at)

    def hold(self, seconds: float) -> None:
        """Let nothing through for this long, as the server's headers ask."""
        console.show_wait("waiting for the rate limit", seconds)
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    def _admit(self) -> None:
        while (queue := self._urgent or self._waiting) and self.in_flight < int(self._slots):
            ticket, tokens = queue[0]
            if ticket.cancelled():
                queue.popleft()
                continue
            now = time.monotonic()
            at = max(self._next_by_requests, self._next_by_tokens, self._next_by_server, self._held_until)
            if at > now:
                self._admit_at(at)
                return
            queue.popleft()
            self._count_sent(now, tokens)
            self.in_flight += 1
            ticket.set_result(None)

    def _count_sent(self, now: float, tokens: int) -> None:
        # the user's limits are hard: no catching up after a pause
        self._next_by_requests = max(now, self._next_by_requests) + self._per_request_s
        self._next_by_tokens = max(now, self._next_by_tokens) + self._per_token_s * tokens
        self.server_rate.record_sent(now)
        if self.server_rate.rate is not None:
            self._next_by_server = max(now - CATCH_UP_S, self._next_by_server) + 1 / self.server_rate.rate

    def _admit_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, at - time.monotonic()), self._admit)

"""Decide when a request may be sent: concurrency, the user's rate limits, and the server's, which is estimated.

In: requests that ask to be sent, and how each ended. Out: the moment at which each is sent. Times are in seconds of a
monotonic clock.

Estimating the server's limit. The number of slots grows slowly at first (one more with each answer), so that a small
limit is reached gently. If more than a quarter of the requests of a window are refused, the server is saturated: the
rate at which it answered is its rate, and requests are spaced accordingly. Every second the rate then rises a little,
faster the longer nothing is refused, or falls to the rate that was answered. A few refusals do not reach the first
threshold. If refusals continue after three small cuts, they are treated as background noise, and only the excess cuts
the rate.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass, field

FIRST_SLOTS = 64
SATURATED_SHARE = 0.25  # of refusals in a window
SATURATED_MIN = 10  # refusals
WINDOW_S = 1.0
CATCH_UP_S = 0.02  # a timer that fires late may send the requests of this time at once
CAREFUL_RISE = 0.005  # of the rate per window without refusals, near a known limit
SEARCH_RISE = 0.05  # the same after a saturation, which shows the limit only roughly
MAX_RISE = 0.1
MAX_CUT = 4  # a single cut divides the rate by no more
MIN_RATE = 0.5  # requests per second
QUIET_WINDOWS = 5  # near a known limit; then the rise doubles with each window
CUTS_UNTIL_BACKGROUND = 3
KEEP_BELOW = 0.995  # of the rate at which the server answered


@dataclass(slots=True)
class ServerRate:
    """An estimate of the rate at which a saturated server answers.

    Attributes:
        rate: requests per second; None while unlimited.
        background: the share of refusals that no lower rate prevents.
    """

    rate: float | None = None
    background: float = 0.0
    _window_start: float = 0.0
    _sent: int = 0
    _refused: int = 0
    _highest: float = 0.0
    _quiet_windows: int = 0
    _searching: bool = False
    _small_cuts: list[float] = field(default_factory=list)  # the share of refusals at each
    _rate_before_cuts: float = 0.0

    def record_sent(self, now: float) -> None:
        """Count a request."""
        if not self._sent:
            self._window_start = now - 1e-9  # a window starts with its first request
        self._sent += 1
        self._review(now)

    def record_refusal(self, now: float, sent_at: float) -> None:
        """Count the refusal (429 or 503) of a request sent at `sent_at`."""
        if sent_at > self._window_start and self._sent:
            self._refused += 1
            self._review(now)

    def _review(self, now: float) -> None:
        # a refusal arrives at once, an answer takes its time: a request not refused yet was most likely accepted
        share, elapsed = self._refused / self._sent, now - self._window_start
        if self._refused >= SATURATED_MIN and share - self.background > SATURATED_SHARE:
            accepted = (self._sent - self._refused) / max(elapsed, WINDOW_S / 4)
            self._cut(accepted if self.rate is None else self.rate * (1 - share), share)
        elif elapsed < WINDOW_S or (self._refused and self._sent < 2 * SATURATED_MIN):
            return
        elif self.rate is not None:
            self._adjust(self.rate, share)
        self._window_start = now  # requests sent before do not count from here on
        self._sent = self._refused = 0

    def _adjust(self, rate: float, share: float) -> None:
        excess = share - 1.5 * self.background
        if self._refused and excess > 0:
            self._cut(rate * (1 - excess), share)
            return
        self._rise(rate)
        if share < self.background / 3:
            self.background = 0.0

    def _cut(self, rate: float, share: float) -> None:
        self._searching = share > SATURATED_SHARE
        if self._searching:
            self._small_cuts.clear()
        elif not self._small_cuts:
            self._rate_before_cuts = self.rate or rate
        self._quiet_windows = 0
        self._highest = max(self._highest, self.rate or rate)
        self.rate = max(rate * KEEP_BELOW, (self.rate or 0.0) / MAX_CUT, MIN_RATE)
        if not self._searching:
            self._small_cuts.append(share)
        if len(self._small_cuts) > CUTS_UNTIL_BACKGROUND and not self.background:
            # a lower rate ends the refusals of a rate limit, but not background refusals
            self.background = sum(self._small_cuts[1:]) / len(self._small_cuts[1:])
            self.rate = self._rate_before_cuts
            self._small_cuts.clear()

    def _rise(self, rate: float) -> None:
        self._small_cuts.clear()
        self._quiet_windows += 1
        if rate < self._highest / 4:
            self.rate = 2 * rate  # far below an earlier rate: a server that was away is back
            return
        rise = (
            SEARCH_RISE * 2 ** (self._quiet_windows - 1)
            if self._searching
            else CAREFUL_RISE * 2 ** max(0, self._quiet_windows - QUIET_WINDOWS)
        )
        self.rate = rate * (1 + min(MAX_RISE, rise))


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

    async def wait_for_retry(self, seconds: float) -> None:
        """Wait before a request is retried, without a slot; a stop ends the wait."""
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

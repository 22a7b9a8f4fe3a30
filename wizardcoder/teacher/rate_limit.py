"""When a request may be sent: slots, the user's rate limits, and the server's, which is found out.

In: requests that ask to go, and how each ended. Out: the moment at which each goes. Times are seconds of a monotonic
clock.

The server's limit. Slots open quickly at first (each answer opens one more), so that a small limit is met gently. When
more than a quarter of what comes back is refusals, the server is saturated: what it answered in that time is its rate,
and from then on requests are paced. Each second the pace rises a little, faster the longer nothing is refused, or
falls to what was answered. A few stray refusals do not reach the first threshold; while paced, refusals that persist
although the pace has fallen three times are taken for strays, and only what exceeds them counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass, field

FIRST_SLOTS = 64
SATURATED = 0.25  # share of refusals
SATURATED_MIN = 10  # refusals
WINDOW_S = 1.0
CATCH_UP_S = 0.02  # a late timer may send the requests of this time at once
GENTLE = 0.005  # rise of the pace per quiet window, near a known limit
SEARCHING = 0.05  # the same, after a saturation, which tells the limit only roughly
STEEPEST = 0.1
STEEPEST_CUT = 4
SLOWEST = 0.5  # requests a second
QUIET_WINDOWS = 5  # near a known limit, after which the rise doubles with each window
CUTS_UNTIL_STRAY = 3
KEEP_BELOW = 0.995  # of the rate at which the server answered


@dataclass(slots=True)
class Pace:
    """Finds the rate at which a saturated server answers; `rate` is in requests a second, None while unlimited."""

    rate: float | None = None
    stray: float = 0.0
    _started: float = 0.0
    _sent: int = 0
    _refused: int = 0
    _known: float = 0.0
    _quiet: int = 0
    _searching: bool = False
    _cuts: list[float] = field(default_factory=list)
    _before_cuts: float = 0.0

    def sent(self, now: float) -> None:
        """Count a request."""
        if not self._sent:
            self._started = now - 1e-9  # a window begins with its first request
        self._sent += 1
        self._review(now)

    def refused(self, now: float, sent_at: float) -> None:
        """Count the refusal (429 or 503) of a request sent at this time."""
        if sent_at > self._started and self._sent:
            self._refused += 1
            self._review(now)

    def _review(self, now: float) -> None:
        # a refusal comes back at once, an answer takes its time: what is not refused yet is most likely admitted
        share, elapsed = self._refused / self._sent, now - self._started
        if self._refused >= SATURATED_MIN and share - self.stray > SATURATED:
            admitted = (self._sent - self._refused) / max(elapsed, WINDOW_S / 4)
            self._cut(admitted if self.rate is None else self.rate * (1 - share), share)
        elif elapsed < WINDOW_S or (self._refused and self._sent < 2 * SATURATED_MIN):
            return
        elif self.rate is not None:
            excess = share - 1.5 * self.stray
            if self._refused and excess > 0:
                self._cut(self.rate * (1 - excess), share)
            else:
                self._rise(self.rate)
                if share < self.stray / 3:
                    self.stray = 0.0
        self._started = now  # what was sent before says nothing about the pace from here on
        self._sent = self._refused = 0

    def _cut(self, rate: float, share: float) -> None:
        self._searching = share > SATURATED
        if self._searching:
            self._cuts.clear()
        elif not self._cuts:
            self._before_cuts = self.rate or rate
        self._quiet = 0
        self._known = max(self._known, self.rate or rate)
        self.rate = max(rate * KEEP_BELOW, (self.rate or 0.0) / STEEPEST_CUT, SLOWEST)
        if not self._searching:
            self._cuts.append(share)
        if len(self._cuts) > CUTS_UNTIL_STRAY and not self.stray:
            # a server's limit answers to a lower pace, stray refusals do not
            self.stray = sum(self._cuts[1:]) / len(self._cuts[1:])
            self.rate = self._before_cuts
            self._cuts.clear()

    def _rise(self, rate: float) -> None:
        self._cuts.clear()
        self._quiet += 1
        if rate < self._known / 4:
            self.rate = 2 * rate  # far below what went before: a server that was away is back
            return
        rise = (
            SEARCHING * 2 ** (self._quiet - 1) if self._searching else GENTLE * 2 ** max(0, self._quiet - QUIET_WINDOWS)
        )
        self.rate = rate * (1 + min(STEEPEST, rise))


class Gate:
    """Lets requests through: urgent ones first, else in the order in which they asked."""

    def __init__(self, concurrency: int, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self.pace = Pace()
        self.in_flight = 0
        self._most = concurrency
        self._slots = float(min(concurrency, FIRST_SLOTS))
        self._per_request_s = 60 / requests_per_minute if requests_per_minute else 0.0
        self._per_token_s = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._next_request = self._next_token = self._next_paced = self._held_until = 0.0
        self._urgent: deque[tuple[asyncio.Future[None], int]] = deque()
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped: Exception | None = None
        self._stopping = asyncio.Event()

    async def enter(self, tokens: int, urgent: bool = False) -> None:
        """Wait for a slot and for the rates; `tokens` is the request's expected prompt and answer."""
        if self._stopped is not None:
            raise self._stopped
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._waiting).append((ticket, tokens))
        self._admit()
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled() and ticket.exception() is None:
                self.leave()
            raise

    async def pause(self, seconds: float) -> None:
        """Wait before a request is sent again, without a slot; a stop ends the wait."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def stop(self, exc: Exception) -> None:
        """Let nothing through any more: whoever waits, or comes, gets the exception."""
        self._stopped = exc
        self._stopping.set()
        for ticket, _ in (*self._urgent, *self._waiting):
            if not ticket.done():
                ticket.set_exception(exc)
        self._urgent.clear()
        self._waiting.clear()

    def leave(self) -> None:
        """Free the slot."""
        self.in_flight -= 1
        self._admit()

    def answered(self) -> None:
        """Tell that a request was answered."""
        self._slots = min(self._slots + 1, self._most)

    def refused(self, sent_at: float) -> None:
        """Tell that a request sent at this time was refused for now."""
        self.pace.refused(time.monotonic(), sent_at)

    def hold(self, seconds: float) -> None:
        """Let nothing through for a while, as the server's headers ask."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    def _admit(self) -> None:
        while (queue := self._urgent or self._waiting) and self.in_flight < int(self._slots):
            ticket, tokens = queue[0]
            if ticket.cancelled():
                queue.popleft()
                continue
            now = time.monotonic()
            at = max(self._next_request, self._next_token, self._next_paced, self._held_until)
            if at > now:
                self._wake_at(at)
                return
            queue.popleft()
            self._spend(now, tokens)
            self.in_flight += 1
            ticket.set_result(None)

    def _spend(self, now: float, tokens: int) -> None:
        # the user's limits are hard: no catching up beyond them
        self._next_request = max(now, self._next_request) + self._per_request_s
        self._next_token = max(now, self._next_token) + self._per_token_s * tokens
        self.pace.sent(now)
        if self.pace.rate is not None:
            self._next_paced = max(now - CATCH_UP_S, self._next_paced) + 1 / self.pace.rate

    def _wake_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, at - time.monotonic()), self._admit)

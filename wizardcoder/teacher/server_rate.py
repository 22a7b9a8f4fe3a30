"""Estimate the rate at which a server answers, from its refusals (429, 503).

In: when each request was sent, and which were refused. Out: requests per second, or None while no limit is known.

A refusal arrives at once, an answer takes its time, so a request that was not refused soon was accepted. From a first
refusal on, the server's burst allowance is used up, and the share of refused requests shows its limit: rate x (1 -
share). A few refusals suffice, so a limit costs few of them, however far the rate was above it. Every second without
refusals can raise the rate: at once after a large cut, which shows the limit only roughly; near a known limit after
some seconds, and more seldom each time that the limit is confirmed. If several cuts do not lower the share of refusals,
they are background noise, and only an excess over it cuts the rate.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

WINDOW_S = 1.0
FIRST_REFUSALS = 10  # that set the first rate,
FIRST_SHARE = 0.4  # if at least this share of the requests since the first of them was refused
NOISE_SHARE = 0.1  # of refusals in a window, while no limit is known
REFUSALS = 4  # that lower a known rate before its window ends,
SPAN = 10  # counted over at least so many requests
SMALL_SHARE = 0.25  # a smaller cut shows the limit well
SEARCH_RISE = 0.05  # of the rate in the first window without refusals after a large cut; doubles with each window
CAREFUL_RISE = 0.02  # the same near a known limit
MAX_RISE = 0.5
MIN_RATE = 0.5  # requests per second
MAX_CUT = 4  # a single cut divides the rate by no more
FIRST_QUIET_WINDOWS = 4  # near a known limit, before the rate rises
MAX_QUIET_WINDOWS = 10
SAME_LIMIT = 0.05  # relative difference of two estimates of one limit
CUTS_UNTIL_BACKGROUND = 3
QUIET_AFTER_CUTS = 3  # windows without refusals, which show that the cuts were of use
MAX_BACKGROUND = 0.3  # a larger share of refusals is always a limit
CLUMPED = 1.3  # times the average rate
KEEP_BELOW = 0.995  # of the limit


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
    _sent: list[float] = field(default_factory=list)  # times in this window
    _refused: list[float] = field(default_factory=list)  # when the refused ones of this window were sent
    _sent_in_last_window: int = 0
    _limit: float = 0.0  # at the last cut
    _searching: bool = False
    _quiet_windows: int = 0
    _quiet_until_rise: int = FIRST_QUIET_WINDOWS
    _cuts: list[float] = field(default_factory=list)  # the share of refusals at each, since the last quiet windows
    _rate_before_cuts: float = 0.0

    def record_sent(self, now: float) -> None:
        """Count a request."""
        if self._sent and now - self._window_start >= WINDOW_S:
            self._end_window(now)
        if not self._sent:
            self._window_start = now
        self._sent.append(now)

    def record_refusal(self, now: float, sent_at: float) -> None:
        """Count the refusal (429 or 503) of a request sent at `sent_at`."""
        if not self._sent or sent_at < self._window_start:
            return  # sent before the rate was last changed
        self._refused.append(sent_at)
        if self.rate is None:
            latest = self._refused[-FIRST_REFUSALS:]
            shares = (_share(refused, self._span(refused)) for refused in (latest, self._refused))
            if len(latest) == FIRST_REFUSALS and max(shares) >= FIRST_SHARE:
                self._cut(now)
        elif (span := self._span(self._refused)) >= SPAN and self._exceeds_background(span, REFUSALS):
            self._cut(now)

    def _span(self, refused: list[float]) -> int:
        """Return the number of requests sent after the first of these refused ones, up to the last.

        What was sent after the last one can still be refused.
        """
        return max(1, bisect_right(self._sent, max(refused)) - bisect_left(self._sent, min(refused)) - 1)

    def _exceeds_background(self, sent: int, at_least: int) -> bool:
        expected = self.background * sent
        return len(self._refused) >= expected + 3 * math.sqrt(expected) + at_least

    def _end_window(self, now: float) -> None:
        sent, refused = len(self._sent), len(self._refused)
        if self.rate is None:
            if refused >= FIRST_REFUSALS and refused > NOISE_SHARE * sent:
                self._cut(now)
        elif refused and sent < SPAN:
            return  # too few requests for a share; continue the window
        elif refused and self._exceeds_background(sent, 1):
            self._cut(now)
        else:
            self._rise(self.rate)
            if refused < self.background * sent / 3:
                self.background = 0.0
        self._sent_in_last_window = sent
        self._start_window()

    def _start_window(self) -> None:
        self._sent.clear()
        self._refused.clear()

    def _cut(self, now: float) -> None:
        before, span = self._sent_per_s(now), self._span(self._refused)
        share = _share(self._refused, span)
        # sent faster than the average, more of them are refused
        clumped = span > CLUMPED * before * (max(self._refused) - min(self._refused)) + 1
        if self.rate is None or clumped:
            # with the burst allowance among the accepted ones: too high, and soon cut again
            share = len(self._refused) / len(self._sent)
        limit = before * (1 - max(0.0, share - self.background))
        limit = max(limit, before / MAX_CUT, MIN_RATE)
        self._searching = share > SMALL_SHARE or (self._searching and share < CAREFUL_RISE)
        confirmed = abs(limit - self._limit) <= SAME_LIMIT * self._limit
        self._quiet_until_rise = (
            min(2 * self._quiet_until_rise, MAX_QUIET_WINDOWS) if confirmed else FIRST_QUIET_WINDOWS
        )
        self._limit, self._quiet_windows = limit, 0
        self.rate = limit * KEEP_BELOW
        if len(self._refused) > MAX_BACKGROUND * len(self._sent):
            self._cuts.clear()
        else:
            if not self._cuts:
                self._rate_before_cuts = before
            self._cuts.append(len(self._refused) / len(self._sent))
        if len(self._cuts) > CUTS_UNTIL_BACKGROUND:
            self._check_for_background(self.rate)
        self._start_window()

    def _sent_per_s(self, now: float) -> float:
        """Return the rate so far; it is below the allowed rate while all slots are taken."""
        elapsed = now - self._window_start
        allowed = self.rate or self._sent_in_last_window / WINDOW_S or math.inf
        if elapsed < WINDOW_S / 4 and allowed < math.inf:
            return allowed
        return min(self.rate or math.inf, len(self._sent) / max(elapsed, WINDOW_S / 4))

    def _check_for_background(self, rate: float) -> None:
        """Recognise refusals that go on as before, or at a far lower rate: those of a limit would have ended."""
        go_on = self._cuts[-1] > 0.75 * max(self._cuts)
        if not go_on and rate > 0.6 * self._rate_before_cuts:
            return
        self.background = sum(self._cuts[1:]) / len(self._cuts[1:])
        if go_on:
            self.rate = self._rate_before_cuts
        self._searching = True
        self._cuts.clear()

    def _rise(self, rate: float) -> None:
        self._quiet_windows += 1
        if self._quiet_windows == QUIET_AFTER_CUTS:
            self._cuts.clear()
        rising = self._quiet_windows - (1 if self._searching else self._quiet_until_rise)
        if rising >= 0:
            first = SEARCH_RISE if self._searching else CAREFUL_RISE
            self.rate = rate * (1 + min(MAX_RISE, first * 2 ** min(rising, 20)))


def _share(refused: list[float], span: int) -> float:
    """Return the share of refusals after the first one."""
    return min(1.0, (len(refused) - 1) / span)

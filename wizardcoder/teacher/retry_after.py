"""Read from response headers how long a server asks its client to wait.

In: response headers. Out: seconds. Covers Retry-After (RFC 9110, section 10.2.3), retry-after-ms, and the x-ratelimit
headers of OpenAI-compatible servers, each with a number, a duration, a date or a Unix time.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

UNIX_TIME_FROM = 1e9  # a larger number of seconds, over 30 years, is a Unix time
UNIX_TIME_MS_FROM = 1e12  # in milliseconds
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_UNIT_WORDS = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hr": "h", "hour": "h", "day": "d"}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zµ]+)")
_LIMITS = ("", "-requests", "-tokens")  # suffixes of x-ratelimit-remaining and x-ratelimit-reset


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds to wait before a refused request is retried; None if the server does not specify it.

    A point in time is compared with the server's own Date header if there is one, so that a wrong local clock never
    makes a retry early. `now` is Unix time, for tests. A wait without an end is `inf`.
    """
    server_now = _server_time(headers, now)
    waits = [wait_s(headers[f"x-ratelimit-reset{kind}"], server_now) for kind in _exhausted(headers)]
    if "retry-after-ms" in headers:
        milliseconds = _number(headers["retry-after-ms"])
        waits.append(None if milliseconds is None else _from_number(milliseconds / 1000, server_now))
    if "retry-after" in headers:
        waits.append(wait_s(headers["retry-after"], server_now))
    known = [wait for wait in waits if wait is not None]
    return max(0.0, *known) if known else None


def exhausted_s(headers: Mapping[str, str], now: float | None = None) -> float:
    """Return the seconds until an exhausted limit of an answer's x-ratelimit headers resets; 0.0 if there is none."""
    exhausted = _exhausted(headers)
    if not exhausted:  # as nearly all answers
        return 0.0
    server_now = _server_time(headers, now)
    waits = (wait_s(headers[f"x-ratelimit-reset{kind}"], server_now) for kind in exhausted)
    return max((wait for wait in waits if wait is not None), default=0.0)


def wait_s(text: str, now: float) -> float | None:
    """Read a wait in any form, in seconds from `now` (Unix time); None if it is in none. Negative waits are 0.

    >>> [wait_s(text, 1_800_000_000.0) for text in ("1.5", "120ms", "1m30s", "1800000007", "1800000007000", "-3")]
    [1.5, 0.12, 90.0, 7.0, 7.0, 0.0]
    """
    number = _number(text)
    if number is not None:
        return _from_number(number, now)
    duration = duration_s(text)
    if duration is not None:
        return duration
    at = _date(text)
    return None if at is None else max(0.0, at - now)


def duration_s(text: str) -> float | None:
    """Read a duration with units, as `6m0s`, `1.5s`, `120ms` or `30 seconds`.

    >>> duration_s("1h2m3.5s")
    3723.5
    """
    parts = _PART.findall(text.lower())
    if not parts or _PART.sub("", text.lower()).strip():
        return None
    units = [_UNITS_S.get(unit) or _UNITS_S.get(_UNIT_WORDS.get(unit.rstrip("s"), "")) for _, unit in parts]
    known = [unit for unit in units if unit is not None]
    if len(known) < len(parts):
        return None
    return sum(float(number) * unit for (number, _), unit in zip(parts, known, strict=True))


def _exhausted(headers: Mapping[str, str]) -> list[str]:
    """Return the limits that nothing remains of and whose reset is known."""
    found = []
    for kind in _LIMITS:
        if f"x-ratelimit-remaining{kind}" not in headers:
            continue
        remaining = _number(headers[f"x-ratelimit-remaining{kind}"])
        if remaining is not None and remaining <= 0 and f"x-ratelimit-reset{kind}" in headers:
            found.append(kind)
    return found


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _from_number(number: float, now: float) -> float:
    if UNIX_TIME_MS_FROM <= number < math.inf:
        number /= 1000
    return max(0.0, number - now if UNIX_TIME_FROM <= number < math.inf else number)


def _date(text: str) -> float | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            at = parse(text.strip())
            # without a zone it is UTC
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def _server_time(headers: Mapping[str, str], now: float | None) -> float:
    # the server's Date is truncated to whole seconds: a wait may be a second too long, never too short
    local = time.time() if now is None else now
    return (_date(headers["date"]) or local) if "date" in headers else local

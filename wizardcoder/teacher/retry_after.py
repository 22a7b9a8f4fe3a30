"""Read from response headers how long a server asks its client to wait.

In: response headers. Out: seconds. Covers Retry-After in both forms (RFC 9110, section 10.2.3), retry-after-ms, and the
x-ratelimit headers of OpenAI-compatible servers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds to wait before a refused request is retried; None if the server does not specify it.

    A date is compared with the server's own Date header if there is one, so that a wrong local clock never makes a
    retry early. `now` is Unix time, for tests.
    """
    waits = [
        _reset_s(headers, kind)
        for kind in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{kind}") == "0"
    ]
    if "retry-after-ms" in headers:
        waits.append(_number(headers["retry-after-ms"], 0.001))
    if "retry-after" in headers:
        value = headers["retry-after"]
        waits.append(_until(value, headers, now) if _number(value) is None else _number(value))
    known = [wait for wait in waits if wait is not None]
    return max(0.0, *known) if known else None


def exhausted_s(headers: Mapping[str, str]) -> float:
    """Return the seconds until an exhausted limit of an answer's x-ratelimit headers resets; 0.0 if there is none."""
    if headers.get("x-ratelimit-remaining-requests") != "0" and headers.get("x-ratelimit-remaining-tokens") != "0":
        return 0.0
    return retry_after_s({k: v for k, v in headers.items() if k.lower().startswith("x-ratelimit")}) or 0.0


def duration_s(text: str) -> float | None:
    """Read `6m0s`, `1.5s`, `120ms` or plain seconds.

    >>> duration_s("1h2m3.5s")
    3723.5
    """
    if _number(text) is not None:
        return _number(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    if not parts or "".join(n + u for n, u in parts) != text.strip():
        return None
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def _reset_s(headers: Mapping[str, str], kind: str) -> float | None:
    value = headers.get(f"x-ratelimit-reset-{kind}")
    return None if value is None else duration_s(value)


def _number(text: str, scale: float = 1.0) -> float | None:
    try:
        return max(0.0, float(text) * scale)
    except ValueError:
        return None


def _until(date: str, headers: Mapping[str, str], now: float | None) -> float | None:
    try:
        at = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    try:
        # the server's Date is truncated to whole seconds: this wait may be a second too long, never too short
        return at - parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return at - (time.time() if now is None else now)

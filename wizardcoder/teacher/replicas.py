"""The servers of one model: which one takes the next request.

In: base URLs, and which of them failed. Out: the replica with the fewest requests in flight. A failing replica is
skipped for a while; then one request tries it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from wizardcoder.teacher.http import LeanOpenAI

SKIP_REPLICA_S = 10.0  # a failing replica, until one request tries it again


@dataclass(slots=True)
class Replica:
    """One server, the requests that it works on, and its failures in a row."""

    client: LeanOpenAI
    url: str
    in_flight: int = 0
    failures: int = 0
    skip_until: float = 0.0

    def skip(self) -> None:
        """Count a failure and leave the replica out for a while."""
        self.failures += 1
        self.skip_until = time.monotonic() + min(SKIP_REPLICA_S, 0.25 * 2**self.failures)


class Replicas:
    """The replicas of one model."""

    def __init__(self, urls: Sequence[str], api_key: str, timeout_s: float) -> None:
        self._all = [Replica(LeanOpenAI(url, api_key, timeout_s), url) for url in urls]

    @property
    def urls(self) -> str:
        """The base URLs as one text for errors."""
        return ", ".join(replica.url for replica in self._all)

    def least_busy(self) -> Replica:
        """Return the replica for the next request; all of them are candidates if all fail."""
        if len(self._all) == 1:
            return self._all[0]
        now = time.monotonic()
        available = [replica for replica in self._all if replica.skip_until <= now] or self._all
        chosen = min(available, key=lambda replica: replica.in_flight)
        if chosen.failures:  # one request tries it, the others wait for the result
            chosen.skip_until = now + SKIP_REPLICA_S
        return chosen

    async def close(self) -> None:
        """Close the connections."""
        for replica in self._all:
            await replica.client.close()

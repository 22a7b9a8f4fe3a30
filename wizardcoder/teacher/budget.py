"""What answers cost, and the budget that they must not exceed.

In: prices per million tokens, tokens. Out: money, in the currency of the prices.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, NotNegative

KEY = "runtime.teacher.budget"
TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True, slots=True, config=STRICT)
class Price:
    """Money per million tokens of prompt and of answer."""

    input: NotNegative
    output: NotNegative

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the price of these tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / TOKENS_PER_PRICE


class Budget:
    """Keeps the money spent plus the money reserved for requests in flight below a limit; None is no limit."""

    def __init__(self, limit: float | None, spent: float) -> None:
        self.spent = spent
        self._limit = limit
        self._reserved: list[float] = []
        self._request_ended = asyncio.Event()

    @asynccontextmanager
    async def reserve(self, max_cost: float) -> AsyncIterator[None]:
        """Reserve the most that a request can cost while it is in flight.

        Most answers cost less than that, so while other requests are in flight, wait for one of them to end.

        Raises:
            StageError: the limit could be exceeded although no request is in flight.
        """
        while self._limit is not None and self.spent + sum(self._reserved) + max_cost > self._limit:
            if not self._reserved:
                raise StageError(
                    f"{KEY}: {self._limit:g} could be exceeded: {self.spent:.4f} is spent, the next request "
                    f"can cost {max_cost:.4f}. All answers are kept: raise {KEY} and run the same command again"
                )
            await self._request_ended.wait()
        self._reserved.append(max_cost)
        try:
            yield
        finally:
            self._reserved.remove(max_cost)
            self._request_ended.set()
            self._request_ended = asyncio.Event()

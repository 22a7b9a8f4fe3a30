"""What answers cost, and the budget that they must not exceed.

In: prices per million tokens, tokens. Out: money, in the prices' currency.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, NotNegative

PER = 1_000_000


@dataclass(frozen=True, slots=True, config=STRICT)
class Price:
    """Money per million tokens of prompt and of answer."""

    input: NotNegative
    output: NotNegative

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Give the price of some tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / PER


class Budget:
    """Keeps the sum of what is paid and what is on its way below a limit; no limit when None."""

    def __init__(self, limit: float | None, spent: float) -> None:
        self.spent = spent
        self._limit = limit
        self._on_its_way: list[float] = []
        self._settled = asyncio.Event()

    @asynccontextmanager
    async def reserved(self, most: float) -> AsyncIterator[None]:
        """Set the most that a request can cost aside while it is on its way.

        Most answers cost less than they could: while others are on their way their end is waited for.

        Raises:
            StageError: the limit could be exceeded although nothing is on its way.
        """
        while self._limit is not None and self.spent + sum(self._on_its_way) + most > self._limit:
            if not self._on_its_way:
                raise StageError(
                    f"runtime.teacher.budget: {self._limit:g} could be exceeded: {self.spent:.4f} is spent, "
                    f"the next request can cost {most:.4f}. All answers are kept: raise runtime.teacher.budget and run "
                    "the same command again"
                )
            await self._settled.wait()
        self._on_its_way.append(most)
        try:
            yield
        finally:
            self._on_its_way.remove(most)
            self._settled.set()
            self._settled = asyncio.Event()

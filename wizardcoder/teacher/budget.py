"""What answers cost, and the budget that they must not exceed.

In: prices per million tokens, tokens. Out: money, in the currency of the prices. Nothing that has a price is sent
without a budget.
"""

from __future__ import annotations

import asyncio
import importlib
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, NotNegative

KEY = "runtime.teacher.budget"
TOKENS_PER_PRICE = 1_000_000
_RUN_COST = ("wizardcoder.estimates.estimate", "describe_run_cost")
"""By name: an estimate changes no output, so no stage depends on its package."""


@dataclass(frozen=True, slots=True, config=STRICT)
class Price:
    """Money per million tokens of prompt and of answer."""

    input: NotNegative
    output: NotNegative

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the price of these tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / TOKENS_PER_PRICE


def suggest_budget(cost: float) -> str:
    """Return a budget that covers a cost: two significant digits, rounded up, as params.yaml takes it.

    >>> suggest_budget(1.0422), suggest_budget(523.4), suggest_budget(0.0)
    ('1.1', '530', '1')
    """
    if cost <= 0:
        return "1"
    decimals = 1 - math.floor(math.log10(cost))
    return f"{math.ceil(cost * 10.0**decimals) / 10.0**decimals:.{max(0, decimals)}f}"


def describe_run_cost() -> str:
    """Return the estimate of the run in this folder, and the budget to set, as one sentence."""
    module, name = _RUN_COST
    describe: Callable[[], str] = getattr(importlib.import_module(module), name)
    return describe()


class Budget:
    """Keeps the money spent plus the money reserved for requests in flight below a limit."""

    def __init__(self, limit: float | None, spent: float, describe_cost: Callable[[], str] = describe_run_cost) -> None:
        """Take the limit, None if there is none, and a function that says what the run will cost and how to set one."""
        self.spent = spent
        self._limit = limit
        self._describe_cost = describe_cost
        self._refusal: StageError | None = None
        self._refusing = asyncio.Lock()
        self._reserved: list[float] = []
        self._request_ended = asyncio.Event()

    @asynccontextmanager
    async def reserve(self, max_cost: float) -> AsyncIterator[None]:
        """Reserve the most that a request can cost while it is in flight.

        Most answers cost less than that, so while other requests are in flight, wait for one of them to end.

        Raises:
            StageError: the request costs money and there is no limit, or the limit could be exceeded although no
                request is in flight.
        """
        if self._limit is None and max_cost > 0:
            raise await self._refuse()
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

    async def _refuse(self) -> StageError:
        """Return the error of a request without a limit; the estimate in it is made once, in a thread."""
        async with self._refusing:
            if self._refusal is None:
                cost = await asyncio.to_thread(self._describe_cost)
                self._refusal = StageError(f"{KEY}: null, and the teacher has a price, so nothing was sent. {cost}")
        return self._refusal

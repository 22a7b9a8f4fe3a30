"""The price of tokens, and the budget that reserves money for requests in flight."""

import asyncio

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.teacher.budget import Budget, Price


def test_a_price_is_per_million_tokens():
    assert Price(0.5, 1.5).of(2_000_000, 1_000_000) == 2.5


def test_a_budget_waits_for_requests_in_flight_and_raises_if_there_are_none():
    async def main():
        budget = Budget(10.0, spent=4.0)
        done = []

        async def one(cost):
            async with budget.reserve(5.0):
                await asyncio.sleep(0.01)
            budget.spent += cost
            done.append(cost)

        await asyncio.gather(one(0.5), one(0.25))  # one after the other: both could not fit at once
        await one(1.0)
        with pytest.raises(StageError, match=r"runtime.teacher.budget: 10 could be exceeded: 5.7500 is spent"):
            await one(1.0)
        return done

    assert asyncio.run(main()) == [0.5, 0.25, 1.0]


def test_no_budget_is_no_limit():
    async def main():
        async with Budget(None, spent=0.0).reserve(1e9):
            return True

    assert asyncio.run(main())

"""The price of tokens, and the budget that reserves money for requests in flight."""

import asyncio

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.teacher.budget import Budget, Price, suggest_budget


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


def test_without_a_price_no_budget_is_needed():
    async def main():
        async with Budget(None, spent=0.0).reserve(0.0):
            return True

    assert asyncio.run(main())


def test_without_a_budget_nothing_that_costs_money_is_let_through_and_the_cost_is_described_once():
    described = []

    def describe():
        described.append(1)
        return "The estimate is 9.8."

    async def one(budget):
        async with budget.reserve(0.001):
            pytest.fail("sent")

    async def main():
        budget = Budget(None, 0.0, describe)
        return await asyncio.gather(*(one(budget) for _ in range(5)), return_exceptions=True)

    line = "runtime.teacher.budget: null, and the teacher has a price, so nothing was sent. The estimate is 9.8."
    assert [(type(exc), str(exc)) for exc in asyncio.run(main())] == [(StageError, line)] * 5
    assert described == [1]


@pytest.mark.parametrize(
    ("cost", "text"), [(0, "1"), (0.00123, "0.0013"), (1.0422, "1.1"), (10, "10"), (523.4, "530"), (12345.6, "13000")]
)
def test_a_suggested_budget_is_rounded_up(cost, text):
    assert suggest_budget(cost) == text
    assert float(text) >= cost

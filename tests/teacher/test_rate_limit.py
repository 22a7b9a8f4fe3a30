"""The server's rate is estimated, and the user's limits are kept; on a test clock."""

import asyncio
import random

import pytest

from wizardcoder.teacher.rate_limit import RateLimiter
from wizardcoder.teacher.server_rate import ServerRate


def simulate(server, limit, background, seconds, offered=400.0, burst=100.0):
    """Simulate a token-bucket server; return (answers per second, refusals per second) of the second half."""
    rng = random.Random(1)
    now, tokens, answered, refused = 0.0, burst, 0, 0
    while now < seconds:
        step = 1 / min(offered, server.rate or offered)
        now += step
        server.record_sent(now)
        if limit is not None:
            tokens = min(burst, tokens + step * limit)
        late = now > seconds / 2
        if (limit is not None and tokens < 1) or rng.random() < background:
            refused += late
            server.record_refusal(now, now)
        else:
            tokens -= limit is not None
            answered += late
    return answered / (seconds / 2), refused / (seconds / 2)


def test_background_refusals_set_no_rate():
    server = ServerRate()
    simulate(server, limit=None, background=0.05, seconds=60)
    assert server.rate is None


def test_a_limit_is_found_and_used():
    answered, refused = simulate(ServerRate(), limit=100, background=0.0, seconds=60)
    assert 97 <= answered <= 101
    assert refused < 3


def test_a_limit_with_background_refusals_is_found_and_used():
    answered, _ = simulate(ServerRate(), limit=100, background=0.05, seconds=120)
    assert answered > 85


def test_a_limit_that_is_lifted_is_outgrown():
    server = ServerRate()
    simulate(server, limit=50, background=0.0, seconds=20)
    assert 40 <= server.rate <= 60
    answered, _ = simulate(server, limit=None, background=0.0, seconds=120)
    assert answered > 300


def limiter(**limits):
    return RateLimiter(limits.pop("concurrency", 64), limits.pop("rpm", None), limits.pop("tpm", None))


def times_of(clock, gate, count, tokens=1):
    """Send `count` requests; return when each was let through, in seconds after the first."""
    entered = []

    async def one():
        await gate.acquire(tokens)
        entered.append(clock.now)
        gate.record_answer()
        gate.release()

    async def main():
        await asyncio.gather(*(one() for _ in range(count)))

    clock.run(main())
    return [at - entered[0] for at in entered]


def test_requests_per_minute_are_used_and_never_exceeded(clock):
    entered = times_of(clock, limiter(rpm=3000), 40)
    assert entered == pytest.approx([0.02 * n for n in range(40)], abs=1e-4)


def test_tokens_per_minute_are_used_and_never_exceeded(clock):
    entered = times_of(clock, limiter(tpm=60_000), 10, tokens=50)
    assert entered == pytest.approx([0.05 * n for n in range(10)], abs=1e-4)


def test_no_more_than_the_concurrency_is_in_flight(clock):
    async def main():
        narrow = limiter(concurrency=3)
        most = 0

        async def one():
            nonlocal most
            await narrow.acquire(1)
            most = max(most, narrow.in_flight)
            await asyncio.sleep(0.005)
            narrow.release()

        await asyncio.gather(*(one() for _ in range(20)))
        return most, narrow.in_flight

    assert clock.run(main()) == (3, 0)


def test_urgent_requests_go_first(clock):
    async def main():
        one, went = limiter(concurrency=1), []

        async def send(name, urgent):
            await one.acquire(1, urgent)
            went.append(name)
            one.release()

        await one.acquire(1)
        tasks = [asyncio.create_task(send(*args)) for args in (("a", False), ("b", False), ("c", True))]
        await asyncio.sleep(0)
        one.release()
        await asyncio.gather(*tasks)
        return went

    assert clock.run(main()) == ["c", "a", "b"]


def test_a_hold_lets_nothing_through_before_it_ends(clock):
    async def main():
        held = limiter()
        started = clock.now
        held.hold(0.2)
        await held.acquire(1)
        return clock.now - started

    assert clock.run(main()) == pytest.approx(0.2, abs=1e-4)


def test_a_cancelled_request_frees_its_slot(clock):
    async def main():
        one = limiter(concurrency=1)
        await one.acquire(1)
        waiting = asyncio.create_task(one.acquire(1))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        one.release()
        await asyncio.wait_for(one.acquire(1), 5)
        return one.in_flight

    assert clock.run(main()) == 1


def test_a_stop_ends_waiting_and_lets_nobody_in(clock):
    async def main():
        one = limiter(concurrency=1)
        await one.acquire(1)
        waiting = asyncio.create_task(one.acquire(1))
        pausing = asyncio.create_task(one.wait_for_retry(60))
        await asyncio.sleep(0)
        one.stop(RuntimeError("enough"))
        with pytest.raises(RuntimeError, match="enough"):
            await waiting
        await asyncio.wait_for(pausing, 5)
        with pytest.raises(RuntimeError, match="enough"):
            await one.acquire(1)

    clock.run(main())

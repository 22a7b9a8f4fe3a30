"""The estimate of a server's limit: few refusals show it, a changed one is followed, noise is none."""

from __future__ import annotations

import heapq
import random

import pytest

from wizardcoder.teacher.server_rate import ServerRate

LATENCY_S, REFUSAL_S, RETRY_AFTER_S = 0.2, 0.003, 1.0


def simulate(limit_at, requests, concurrency=64, noise=0.0, seed=0):
    """Send requests to a token-bucket server as the limiter does; return (seconds, refusals).

    `limit_at` gives the limit at a time, None for no limit; `noise` is the share of requests that are refused anyway.
    """
    rng, server, events, number = random.Random(seed), ServerRate(), [], 0
    now = filled = next_at = 0.0
    tokens, to_send, in_flight, answered, refused = limit_at(0.0) or 0.0, requests, 0, 0, 0
    while answered < requests:
        while to_send and in_flight < concurrency and (server.rate is None or next_at <= now):
            to_send, in_flight, number = to_send - 1, in_flight + 1, number + 1
            server.record_sent(now)
            if server.rate is not None:
                next_at = max(now - 0.05, next_at) + 1 / server.rate
            limit = limit_at(now)
            tokens, filled = min(limit or 0.0, tokens + (now - filled) * (limit or 0.0)), now
            accepted = (limit is None or tokens >= 1) and rng.random() >= noise
            tokens -= accepted
            after = LATENCY_S * rng.uniform(0.75, 1.25) if accepted else REFUSAL_S
            heapq.heappush(events, (now + after, number, "answer" if accepted else "refusal", now))
        may_send = to_send and in_flight < concurrency
        now = min(events[0][0] if events else 1e9, max(next_at, now + 1e-6) if may_send else 1e9)
        while events and events[0][0] <= now:
            _, _, kind, sent_at = heapq.heappop(events)
            answered += kind == "answer"
            in_flight -= kind != "retry"
            to_send += kind == "retry"
            if kind == "refusal":
                refused, number = refused + 1, number + 1
                server.record_refusal(now, sent_at)
                heapq.heappush(events, (now + RETRY_AFTER_S * rng.uniform(1, 1.05), number, "retry", 0.0))
    return now, refused


@pytest.mark.parametrize("seed", range(5))
def test_a_limit_of_100_per_second_costs_few_refusals_and_no_time(seed):
    seconds, refused = simulate(lambda _: 100, 4000, seed=seed)
    assert seconds <= 1.05 * 40
    assert refused < 50


@pytest.mark.parametrize("seed", range(5))
def test_a_limit_that_falls_and_rises_is_followed(seed):
    seconds, refused = simulate(lambda t: 100 if t < 15 else 40 if t < 35 else 200, 4300, seed=seed)
    assert seconds <= 1.3 * 45
    assert refused < 100


@pytest.mark.parametrize("seed", range(5))
def test_refusals_without_a_limit_hardly_slow_the_run(seed):
    seconds, _ = simulate(lambda _: None, 4000, noise=0.05, seed=seed)
    assert seconds <= 1.25 * 4000 * LATENCY_S / 64


def test_a_very_small_limit_is_waited_for():
    seconds, refused = simulate(lambda _: 1, 64)
    assert seconds <= 1.6 * 63
    assert refused < 150

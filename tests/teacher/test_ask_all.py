"""Asking about many items: order, a bounded window, and what happens on errors and interruptions."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import aclosing

import pytest

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.teacher.ask_all import ask_all, stream_answers, window_size


class Asker:
    """Asks about numbers: `seconds` an item, fails for `fails`; after `stop` a new request is refused."""

    def __init__(self, seconds=lambda n: 0.0, fails=None, steps=1) -> None:
        self.seconds, self.fails, self.steps = seconds, fails or {}, steps
        self.started: list[int] = []
        self.kept: list[int] = []
        self.stops: list[StageError] = []
        self.running = self.most = 0

    async def ask(self, n: int) -> int:
        for _ in range(self.steps):
            if self.stops:
                raise self.stops[0]
            self.started.append(n)
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(self.seconds(n))
            self.running -= 1
            if n in self.fails:
                raise self.fails[n]
            self.kept.append(n)
        return n * n

    def stop(self, exc: StageError) -> None:
        self.stops.append(exc)


def ask(asker, items, window=4):
    return asyncio.run(ask_all(items, asker.ask, window, asker.stop))


def test_answers_come_in_the_items_order_whatever_order_they_arrive_in():
    asker = Asker(seconds=lambda n: 0.02 * (4 - n))
    assert ask(asker, range(5), window=5) == [0, 1, 4, 9, 16]
    assert asker.kept == [4, 3, 2, 1, 0]
    assert asker.stops == []


def test_no_item_asks_nothing():
    assert ask(Asker(), []) == []


def test_items_are_read_only_as_the_window_moves_on():
    read = []

    def items():
        for n in range(100):
            read.append(n)
            yield n

    async def main():
        asker = Asker()
        async with aclosing(stream_answers(items(), asker.ask, 4, asker.stop)) as answers:
            async for item, answer in answers:
                assert answer == item * item
                assert len(read) <= item + 5
        return asker.most

    assert asyncio.run(main()) <= 4


def test_a_fatal_error_stops_new_requests_and_awaits_those_in_flight():
    asker = Asker(seconds=lambda n: 0.0 if n == 2 else 0.05, fails={2: StageError("no credit")}, steps=2)
    with pytest.raises(StageError, match="no credit"):
        ask(asker, range(100))
    assert [str(exc) for exc in asker.stops] == ["no credit"]  # once
    assert sorted(asker.started) == [0, 1, 2, 3]  # no second step, no fifth item
    assert sorted(asker.kept) == [0, 1, 3]


def test_an_error_of_ours_stops_new_requests_as_well():
    asker = Asker(seconds=lambda n: 0.0 if n == 1 else 0.05, fails={1: KeyError("x")}, steps=2)
    with pytest.raises((KeyError, StageError)):
        ask(asker, range(100))
    assert sorted(asker.started) == [0, 1, 2, 3]
    assert sorted(asker.kept) == [0, 2, 3]


def test_a_consumer_that_ends_early_stops_the_teacher():
    async def main():
        asker = Asker(seconds=lambda n: 0.01 * n)
        async with aclosing(stream_answers(range(100), asker.ask, 4, asker.stop)) as answers:
            async for _ in answers:
                break
        return asker

    asker = asyncio.run(main())
    assert [str(exc) for exc in asker.stops] == ["stopped"]
    assert len(asker.started) == len(asker.kept) <= 4


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_new_requests_and_awaits_those_in_flight(signum):
    asker = Asker(seconds=lambda n: 0.2, steps=2)
    timer = threading.Timer(0.05, signal.raise_signal, [signum])
    timer.start()
    with pytest.raises((KeyboardInterrupt, SystemExit)) as ended:
        console.run_async(ask_all(range(100), asker.ask, 4, asker.stop))
    timer.join()
    assert signum == signal.SIGINT or ended.value.code == 143
    assert asker.started == asker.kept == [0, 1, 2, 3]


def test_the_handler_of_sigterm_is_the_same_afterwards():
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        handler = signal.getsignal(signal.SIGTERM)
        console.run_async(asyncio.sleep(0))
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_window_grows_with_the_requests_in_flight():
    assert window_size(1) == window_size(128) == 1024
    assert window_size(1000) == 8000
    assert window_size(8, batch=True) == 50_000

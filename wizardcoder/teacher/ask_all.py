"""Ask a teacher about many items: bounded, in order, without losing paid answers.

In: items, and a coroutine that asks about one of them. Out: the answers in the items' order. On a fatal error, Ctrl-C
or SIGTERM (with `console.run_async`) no new request is sent, and the requests in flight are awaited: they are paid for,
and the store keeps each answer when it arrives. Does not retry or store anything itself; see endpoint.py and
teacher.py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import aclosing
from typing import TypeVar

from wizardcoder.core.console import StageError

T = TypeVar("T")
U = TypeVar("U")
# Answers arrive out of order and wait for their turn, and an item that is retried must not hold up the others.
WINDOW_PER_SLOT = 8
WINDOW_MIN = 1024
WINDOW_BATCH = 50_000  # OpenAI's limit of requests per batch


def window_size(concurrency: int, *, batch: bool = False) -> int:
    """Return how many items to work on at once, for `concurrency` requests in flight."""
    return WINDOW_BATCH if batch else max(WINDOW_MIN, WINDOW_PER_SLOT * concurrency)


async def ask_all(
    items: Iterable[T],
    ask: Callable[[T], Coroutine[None, None, U]],
    window: int,
    stop: Callable[[StageError], None],
) -> list[U]:
    """Ask about every item and return the answers in the items' order; arguments and errors as in `stream_answers`."""
    async with aclosing(stream_answers(items, ask, window, stop)) as answers:
        return [answer async for _, answer in answers]


async def stream_answers(
    items: Iterable[T],
    ask: Callable[[T], Coroutine[None, None, U]],
    window: int,
    stop: Callable[[StageError], None],
) -> AsyncGenerator[tuple[T, U], None]:
    """Yield (item, answer) in the items' order; memory does not grow with the number of items.

    Close the generator (`contextlib.aclosing`) unless it runs to its end.

    Args:
        items: read one by one, as the window moves on.
        ask: asks about one item. An exception from it is fatal, so it must handle a single failed request itself.
        window: items in work at once.
        stop: makes the teacher refuse new requests; called once, on the first fatal error or on an interruption.

    Raises:
        Exception: the first exception of `ask`, in the items' order, after all requests in flight have ended.
    """
    running: deque[tuple[T, asyncio.Task[U]]] = deque()
    stopped = False

    def stop_once(exc: StageError) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            stop(exc)

    def stop_if_failed(task: asyncio.Task[U]) -> None:
        if not task.cancelled() and (failure := task.exception()) is not None:
            stop_once(failure if isinstance(failure, StageError) else StageError(f"stopped after an error: {failure}"))

    try:
        for item in items:
            if len(running) >= window:
                # shielded: an interruption must not cancel a request in flight
                answer = await asyncio.shield(running[0][1])
                yield running.popleft()[0], answer
            task = asyncio.create_task(ask(item))
            task.add_done_callback(stop_if_failed)
            running.append((item, task))
        while running:
            answer = await asyncio.shield(running[0][1])
            yield running.popleft()[0], answer
    finally:
        if running:
            stop_once(StageError("stopped"))
            await asyncio.gather(*(task for _, task in running), return_exceptions=True)

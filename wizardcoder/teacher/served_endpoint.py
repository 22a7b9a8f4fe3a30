"""Ask a model that the stage serves itself: requests outlast the death of a server.

In: request bodies. Out: answers, as from `Endpoint`. A request that failed because servers were down is sent again once
one answers; its failed attempts do not count. An answered request is never sent again.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

from wizardcoder.core.console import StageError
from wizardcoder.teacher.answer import Answer, RequestFailedError, RequestRefusedError
from wizardcoder.teacher.endpoint import Endpoint, RequestCounts, Reserve
from wizardcoder.teacher.served_model import POLL_S, ServedModel


async def start(model: ServedModel) -> None:
    """Start a model's servers without blocking the event loop; a cancellation ends the wait."""
    try:
        await asyncio.to_thread(model.start)
    except asyncio.CancelledError:
        model.interrupt()
        raise


class ServedEndpoint:
    """An endpoint whose servers are ours; `model` is started, and closed by its owner."""

    def __init__(self, endpoint: Endpoint, model: ServedModel) -> None:
        self._endpoint, self._model = endpoint, model
        self._stopped: StageError | None = None
        loop = asyncio.get_running_loop()
        model.on_failure = lambda exc: loop.call_soon_threadsafe(self.stop, exc)

    @property
    def counts(self) -> RequestCounts:
        """Requests sent, refused and failed."""
        return self._endpoint.counts

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    def stop(self, exc: StageError) -> None:
        """Send nothing more; requests in flight are still answered."""
        self._stopped = exc
        self._endpoint.stop(exc)

    async def answer(
        self, body: dict[str, Any], expected_tokens: int, reserve: Reserve = nullcontext, urgent: bool = False
    ) -> Answer:
        """Send a request until it is answered; arguments and errors as in `Endpoint.answer`.

        Raises:
            StageError: also if a server has died too often.
        """
        while True:
            await self._wait_for_a_server()
            restarts = self._model.restarts()
            try:
                return await self._endpoint.answer(body, expected_tokens, reserve, urgent)
            except RequestRefusedError:
                raise
            except (RequestFailedError, StageError) as exc:
                self._raise_if_stopped(exc)
                if await self._were_up_since(restarts):
                    raise
            await asyncio.sleep(POLL_S)  # the watching thread may not have noticed yet

    async def _wait_for_a_server(self) -> None:
        while not self._model.any_ready():
            self._raise_if_stopped()
            await asyncio.sleep(POLL_S)

    def _raise_if_stopped(self, cause: Exception | None = None) -> None:
        """Raise the reason of the stop: what failed only because of it says less."""
        if (stopped := self._model.failure or self._stopped) is not None:
            raise stopped from cause

    async def _were_up_since(self, restarts: int | None) -> bool:
        """Return whether every server was up since `restarts` was read, so that a failure is the request's own."""
        if restarts is None or self._model.restarts() != restarts:
            return False
        return await asyncio.to_thread(self._model.all_answer)

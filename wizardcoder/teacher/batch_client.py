"""The calls of the OpenAI Batch API: upload, create, find, poll, download. A call that fails is repeated for hours.

In: lines of requests, ids of files and batches. Out: ids, ended batches, answers. Does not decide what goes into a
batch and keeps no state.
"""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import openai

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.teacher.answer import Answer, read_answer
from wizardcoder.teacher.wait_limits import CONTINUE, BatchLimits, local_time

T = TypeVar("T")
SETTING = "runtime.teacher.mode"
_TRANSIENT = (openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError)
_END_STATES = ("completed", "failed", "expired", "cancelled")


class BatchClient:
    """Calls /v1/files and /v1/batches of one endpoint."""

    def __init__(self, client: openai.AsyncOpenAI, limits: BatchLimits) -> None:
        self._client, self._limits = client, limits

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def upload(self, data: bytes) -> str:
        """Upload the lines of a batch; return the file's id."""
        file = await self._patiently(
            "the upload of a batch",
            lambda: self._client.files.create(file=("requests.jsonl", io.BytesIO(data)), purpose="batch"),
        )
        return file.id

    async def create(self, file_id: str) -> str:
        """Create a batch from an uploaded file exactly once: after a failure, look for it before another attempt."""
        once = self._client.with_options(max_retries=0)
        tried = False

        async def create() -> str:
            nonlocal tried
            if tried and (found := await self.find_by_file(file_id)) is not None:
                return found
            tried = True
            batch = await once.batches.create(
                input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h"
            )
            return batch.id

        return await self._patiently("the start of a batch", create)

    async def find_by_file(self, file_id: str) -> str | None:
        """Return the id of the batch that was created from an uploaded file; None if there is none."""
        async for batch in self._client.batches.list():
            if batch.input_file_id == file_id:
                return batch.id
        return None

    async def wait_for(self, batch_id: str) -> Any:  # noqa: ANN401 - openai's Batch
        """Poll a batch until it has ended, and print its progress."""
        printed = ""
        while True:
            batch = await self._patiently(f"batch {batch_id}: a poll", lambda: self._client.batches.retrieve(batch_id))
            if batch.request_counts is not None:
                counts = batch.request_counts
                line = (
                    f"batch {batch_id}: {batch.status}, {counts.completed}/{counts.total} done, {counts.failed} failed"
                )
                if line != printed:
                    console.say(line)
                printed = line
            if batch.status in _END_STATES:
                return batch
            await asyncio.sleep(self._limits.poll_s)

    async def read_results(self, file_id: str | None) -> dict[str, Answer | str]:
        """Return each request's answer in a batch's output or error file, or the reason why it has none."""
        if file_id is None:
            return {}
        content = await self._patiently("the download of a batch", lambda: self._client.files.content(file_id))
        lines = [json.loads(line) for line in content.content.split(b"\n") if line.strip()]
        return {line["custom_id"]: _read_outcome(line) for line in lines}

    async def _patiently(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        """Call until it succeeds; raise the last transient error when patience is used up."""
        failing_since: float | None = None
        while True:
            try:
                return await call()
            except _TRANSIENT as exc:
                now = time.monotonic()
                if failing_since is None:
                    failing_since = now
                    until = local_time(time.time() + self._limits.patience_s)
                    console.say(f"{what} failed, it is tried again until {until}: {' '.join(str(exc).split())[:200]}")
                if now - failing_since > self._limits.patience_s:
                    raise StageError(
                        f"{SETTING}: {what} has failed for {(now - failing_since) / 3600:.1f} hours "
                        f"(runtime.teacher.batch_patience_h): {' '.join(str(exc).split())[:200]}. {CONTINUE}"
                    ) from exc
                await asyncio.sleep(self._limits.poll_s)


def _read_outcome(line: dict[str, Any]) -> Answer | str:
    """Read a line of a batch's output or error file."""
    response, error = line.get("response") or {}, line.get("error") or {}
    if response.get("status_code") == 200:
        try:
            return read_answer(response["body"])
        except (LookupError, TypeError, AttributeError) as exc:
            return f"the reply is not a chat completion ({type(exc).__name__})"
    body = response.get("body") or {}
    reason = error.get("message") or (body.get("error") or {}).get("message") or "no reason given"
    return f"HTTP {response.get('status_code', 'none')}: {reason}"

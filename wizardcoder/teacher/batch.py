"""Sends chat requests through the OpenAI Batch API: half the price, answers within a day.

In: request bodies, as they are asked for one by one. Out: their answers. Requests gather until nobody works on anything
else, then go up as one file; what the batch did not answer (failed, expired) is asked again in the next. A submitted
batch is noted in the answer store before anything waits for it, so that a restarted stage polls it instead of paying
again.
"""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import nullcontext
from typing import Any

import openai

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.teacher.endpoint import Answer, Counts, RequestFailedError, Reserved, answer_fields, read_answer

MOST_REQUESTS = 50_000  # per batch, OpenAI's limit
MOST_BYTES = 190_000_000  # per file; OpenAI's limit is 200 MB
GATHER_S = 0.2  # without a new request until a batch goes up
_BY_FILE = "file:"  # a batch that is noted, but whose id is not known yet
_FOR_GOOD = tuple(f"HTTP {status}:" for status in (400, 404, 413, 422))  # asking again gives the same
_ENDED = ("completed", "failed", "expired", "cancelled")


class BatchEndpoint:
    """One model behind /v1/batches; `poll_s` seconds lie between two looks at a batch."""

    def __init__(
        self, client: openai.AsyncOpenAI, namespace: str, store: AnswerStore, retries: int, poll_s: float
    ) -> None:
        self.counts = Counts()
        self._client, self._namespace, self._store = client, namespace, store
        self._retries, self._poll_s = retries, poll_s
        self._pending: dict[str, tuple[dict[str, Any], asyncio.Future[Answer | str]]] = {}
        self._gathered = asyncio.Event()
        self._stopped: StageError | None = None
        self._handed_out: list[str] = []
        self._worker: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop waiting; submitted batches go on at the endpoint and are collected by the next run."""
        for key in self._handed_out:
            self._store.forget(Key.of({"batched": key}))
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        await self._client.close()

    def stop(self, exc: StageError) -> None:
        """Wait for nothing more; submitted batches go on and are collected by the next run."""
        if self._worker is not None:
            self._worker.cancel()
        self._fail(exc)

    async def answer(
        self, body: dict[str, Any], expected_tokens: int, reserved: Reserved = nullcontext, urgent: bool = False
    ) -> Answer:
        """Ask for an answer in the next batch.

        Raises:
            RequestFailedError: the request failed in each of the batches that carried it.
            StageError: the endpoint refuses the key, or has no batches.
        """
        key = Key.of(body).digest
        known = self._store.get(Key.of({"batched": key}))
        reason = ""
        for _ in range(self._retries + 1):
            if known is not None:
                outcome: Answer | str = Answer(**known)
            else:
                async with reserved():
                    outcome = await self._asked(key, body)
            if isinstance(outcome, Answer):
                self._handed_out.append(key)
                return outcome
            reason = outcome
            if reason.startswith(_FOR_GOOD):
                raise RequestFailedError(reason)
        raise RequestFailedError(f"{reason} ({self._retries + 1} batches)")

    async def _asked(self, key: str, body: dict[str, Any]) -> Answer | str:
        """Wait for the answer of a batch, or for the reason why it has none."""
        if self._stopped is not None:
            raise self._stopped
        if key not in self._pending:
            self._pending[key] = (body, asyncio.get_running_loop().create_future())
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        self._gathered.set()
        return await self._pending[key][1]

    async def _work(self) -> None:
        """Collect what earlier runs left behind, then submit and collect until nobody asks any more."""
        try:
            for noted, keys in self._store.open_batches(self._namespace).items():
                await self._collect(noted, keys)
            while True:
                await self._gathered.wait()
                await self._settled()
                while asked := self._next_file():
                    await self._collect(await self._submit(asked), list(asked))
        except openai.OpenAIError as exc:
            self._fail(StageError(f"runtime.teacher.mode: batch: {' '.join(str(exc).split())[:300]}"))
        except StageError as exc:
            self._fail(exc)
        except Exception as exc:
            self._fail(StageError(f"runtime.teacher.mode: batch: {type(exc).__name__}: {exc}"))

    async def _settled(self) -> None:
        """Wait until no request has come in for a moment: then everything that can be asked now has been."""
        count = -1
        while count != len(self._pending):
            count = len(self._pending)
            await asyncio.sleep(GATHER_S)
        self._gathered.clear()

    def _next_file(self) -> dict[str, bytes]:
        """Give the lines of the next batch, by key, within the limits of one."""
        lines: dict[str, bytes] = {}
        size = 0
        for key, (body, _) in self._pending.items():
            line = {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}
            data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
            size += len(data)
            if lines and (size > MOST_BYTES or len(lines) == MOST_REQUESTS):
                break
            lines[key] = data
        return lines

    async def _submit(self, lines: dict[str, bytes]) -> str:
        file = await self._client.files.create(
            file=("requests.jsonl", io.BytesIO(b"".join(lines.values()))), purpose="batch"
        )
        # noted first under its file: a run that ends before the next line is done finds the batch by that
        self._store.add_batch(_BY_FILE + file.id, self._namespace, list(lines))
        batch_id = await self._create(file.id)
        self._store.add_batch(batch_id, self._namespace, list(lines))
        self._store.drop_batch(_BY_FILE + file.id)
        self.counts.sent += len(lines)
        console.say(f"batch {batch_id}: {len(lines)} requests submitted")
        return batch_id

    async def _create(self, file_id: str) -> str:
        """Make a batch of an uploaded file, once: after a failure it is looked for before it is made again."""
        once = self._client.with_options(max_retries=0)
        for attempt in range(self._retries + 1):
            try:
                batch = await once.batches.create(
                    input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h"
                )
                return batch.id
            except (openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError):
                found = await self._found(_BY_FILE + file_id)
                if found is not None:
                    return found
                if attempt == self._retries:
                    raise
                await asyncio.sleep(self._poll_s)
        raise AssertionError("the last attempt returns or raises")

    async def _found(self, noted: str) -> str | None:
        """Give the id of a noted batch; None when its file was uploaded, but no batch made of it."""
        if not noted.startswith(_BY_FILE):
            return noted
        async for batch in self._client.batches.list():
            if batch.input_file_id == noted.removeprefix(_BY_FILE):
                return batch.id
        return None

    async def _collect(self, noted: str, keys: list[str]) -> None:
        """Wait for a noted batch, keep its answers, and tell those who asked; then the note is dropped."""
        batch_id = await self._found(noted)
        outcomes: dict[str, Answer | str] = {}
        if batch_id is not None:
            try:
                batch = await self._ended(batch_id)
            except openai.NotFoundError:
                console.say(f"batch {batch_id}: not known at the endpoint any more; what it carried is asked again")
                self._store.drop_batch(noted)
                return
            if batch.status == "failed" and not batch.output_file_id:
                self._store.drop_batch(noted)
                told = batch.errors.data[0].message if batch.errors and batch.errors.data else "no reason given"
                raise StageError(f"runtime.teacher.mode: batch {batch_id} was refused: {told}")
            outcomes = dict.fromkeys(keys, f"no answer, batch {batch_id} ended as {batch.status}")
            for file_id in (batch.error_file_id, batch.output_file_id):
                outcomes |= await self._results(file_id)
        for key, outcome in outcomes.items():
            if isinstance(outcome, Answer):
                self._store.put(Key.of({"batched": key}), answer_fields(outcome))
            else:
                self.counts.failed += 1
            _, future = self._pending.pop(key, (None, None))
            if future is not None and not future.done():
                future.set_result(outcome)
        self._store.drop_batch(noted)
        await asyncio.sleep(0)

    async def _ended(self, batch_id: str) -> Any:  # noqa: ANN401 - openai's Batch
        """Poll a batch until it has ended; the endpoint may be away for a while."""
        told = ""
        while True:
            batch = await self._client.batches.retrieve(batch_id)
            if batch.request_counts is not None:
                counts = batch.request_counts
                line = (
                    f"batch {batch_id}: {batch.status}, {counts.completed}/{counts.total} done, {counts.failed} failed"
                )
                if line != told:
                    console.say(line)
                told = line
            if batch.status in _ENDED:
                return batch
            await asyncio.sleep(self._poll_s)

    async def _results(self, file_id: str | None) -> dict[str, Answer | str]:
        if file_id is None:
            return {}
        content = await self._client.files.content(file_id)
        lines = [json.loads(line) for line in content.content.split(b"\n") if line.strip()]
        return {line["custom_id"]: _outcome(line) for line in lines}

    def _fail(self, exc: StageError) -> None:
        self._stopped = exc
        for _, future in self._pending.values():
            if not future.done():
                future.set_exception(exc)
        self._pending.clear()


def _outcome(line: dict[str, Any]) -> Answer | str:
    """Read one line of a batch's output or error file."""
    response, error = line.get("response") or {}, line.get("error") or {}
    if response.get("status_code") == 200:
        try:
            return read_answer(response["body"])
        except (LookupError, TypeError, AttributeError) as exc:
            return f"the reply is not a chat completion ({type(exc).__name__})"
    body = response.get("body") or {}
    told = error.get("message") or (body.get("error") or {}).get("message") or "no reason given"
    return f"HTTP {response.get('status_code', 'none')}: {told}"

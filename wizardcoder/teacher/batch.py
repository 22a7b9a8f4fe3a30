"""Send chat requests through the OpenAI Batch API: half the price, answers within a day.

In: request bodies, one by one. Out: their answers. Requests are collected until no new one arrives, then uploaded as
one file; requests that a batch does not answer (failed, expired) go into the next batch. A submitted batch is recorded
in the answer store before anything waits for it, so that a restarted stage polls it instead of paying again.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
from contextlib import nullcontext
from typing import Any

import openai

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.teacher.answer import Answer, RequestFailedError, answer_fields, load_answer, read_answer
from wizardcoder.teacher.endpoint import RequestCounts, Reserve
from wizardcoder.teacher.rejected_parameter import parameter_error

MAX_REQUESTS = 50_000  # per batch, OpenAI's limit
MAX_BYTES = 190_000_000  # per file; OpenAI's limit is 200 MB
COLLECT_S = 0.2  # without a new request until a batch is uploaded
SETTING = "runtime.teacher.mode"
_BY_FILE = "file:"  # prefix of a recorded batch whose id is not known yet
_FINAL_ERRORS = tuple(f"HTTP {status}:" for status in (400, 404, 413, 422))  # a retry gives the same
_END_STATES = ("completed", "failed", "expired", "cancelled")


class BatchEndpoint:
    """One model behind /v1/batches; batches are polled every `poll_s` seconds."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        namespace: str,
        store: AnswerStore,
        retries: int,
        poll_s: float,
        *,
        section: str = "teacher",
    ) -> None:
        self.counts = RequestCounts()
        self._client, self._namespace, self._store = client, namespace, store
        self._retries, self._poll_s, self._section = retries, poll_s, section
        self._accepted_fields: set[str] = set()  # of the requests that were answered
        self._pending: dict[str, tuple[dict[str, Any], asyncio.Future[Answer | str]]] = {}
        self._request_added = asyncio.Event()
        self._stopped: StageError | None = None
        self._delivered: list[str] = []
        self._worker: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop waiting; submitted batches continue at the endpoint, and the next run collects them."""
        for key in self._delivered:
            self._store.forget(Key.of({"batched": key}))
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        await self._client.close()

    def stop(self, exc: StageError) -> None:
        """Raise `exc` for every waiting and later request; submitted batches continue, the next run collects them."""
        if self._worker is not None:
            self._worker.cancel()
        self._fail_all(exc)

    async def answer(
        self, body: dict[str, Any], expected_tokens: int, reserve: Reserve = nullcontext, urgent: bool = False
    ) -> Answer:
        """Return the answer to a request, from the next batch.

        Raises:
            RequestFailedError: the request failed in each batch that contained it.
            StageError: the endpoint refuses the key, or has no batches.
        """
        key = Key.of(body).digest
        if key in self._delivered:  # another attempt at a question, whose request has no seed
            self._delivered.remove(key)
            self._store.forget(Key.of({"batched": key}))
        collected = self._store.get(Key.of({"batched": key}))
        reason = ""
        for _ in range(self._retries + 1):
            if collected is not None:
                outcome: Answer | str = load_answer(collected)
            else:
                async with reserve():
                    outcome = await self._next_batch_outcome(key, body)
            if isinstance(outcome, Answer):
                self._delivered.append(key)
                self._accepted_fields |= body.keys()
                return outcome
            reason = outcome
            status, message = _split_reason(reason)
            rejected = parameter_error(self._section, status, message, body, self._accepted_fields)
            if rejected is not None:
                raise rejected
            if reason.startswith(_FINAL_ERRORS):
                raise RequestFailedError(reason)
        raise RequestFailedError(f"{reason} ({self._retries + 1} batches)")

    async def _next_batch_outcome(self, key: str, body: dict[str, Any]) -> Answer | str:
        """Wait for the next batch; return the request's answer, or the reason why it has none."""
        if self._stopped is not None:
            raise self._stopped
        if key not in self._pending:
            self._pending[key] = (body, asyncio.get_running_loop().create_future())
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        self._request_added.set()
        return await self._pending[key][1]

    async def _work(self) -> None:
        """Collect the batches of earlier runs, then submit and collect batches for ever."""
        try:
            for batch, keys in self._store.open_batches(self._namespace).items():
                await self._collect(batch, keys)
            while True:
                await self._request_added.wait()
                await self._wait_until_quiet()
                while lines := self._next_file():
                    await self._collect(await self._submit(lines), list(lines))
        except openai.OpenAIError as exc:
            self._fail_all(StageError(f"{SETTING}: batch: {' '.join(str(exc).split())[:300]}"))
        except StageError as exc:
            self._fail_all(exc)
        except Exception as exc:
            self._fail_all(StageError(f"{SETTING}: batch: {type(exc).__name__}: {exc}"))

    async def _wait_until_quiet(self) -> None:
        """Wait until no new request arrives: then everything that can be asked now is pending."""
        count = -1
        while count != len(self._pending):
            count = len(self._pending)
            await asyncio.sleep(COLLECT_S)
        self._request_added.clear()

    def _next_file(self) -> dict[str, bytes]:
        """Return the lines of the next batch, by key, within the limits of one batch."""
        lines: dict[str, bytes] = {}
        size = 0
        for key, (body, _) in self._pending.items():
            line = {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}
            data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
            size += len(data)
            if lines and (size > MAX_BYTES or len(lines) == MAX_REQUESTS):
                break
            lines[key] = data
        return lines

    async def _submit(self, lines: dict[str, bytes]) -> str:
        file = await self._client.files.create(
            file=("requests.jsonl", io.BytesIO(b"".join(lines.values()))), purpose="batch"
        )
        # recorded under its file first: if this run ends before the next line, the next run finds the batch by its file
        self._store.add_batch(_BY_FILE + file.id, self._namespace, list(lines))
        batch_id = await self._create(file.id)
        self._store.add_batch(batch_id, self._namespace, list(lines))
        self._store.drop_batch(_BY_FILE + file.id)
        self.counts.sent += len(lines)
        console.say(f"batch {batch_id}: {len(lines)} requests submitted")
        return batch_id

    async def _create(self, file_id: str) -> str:
        """Create a batch from an uploaded file exactly once: after a failure, look for it before another attempt."""
        once = self._client.with_options(max_retries=0)
        for attempt in range(self._retries + 1):
            try:
                batch = await once.batches.create(
                    input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h"
                )
                return batch.id
            except (openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError):
                found = await self._find(_BY_FILE + file_id)
                if found is not None:
                    return found
                if attempt == self._retries:
                    raise
                await asyncio.sleep(self._poll_s)
        raise AssertionError("the last attempt returns or raises")

    async def _find(self, recorded: str) -> str | None:
        """Return the id of a recorded batch; None if its file was uploaded, but no batch created from it."""
        if not recorded.startswith(_BY_FILE):
            return recorded
        async for batch in self._client.batches.list():
            if batch.input_file_id == recorded.removeprefix(_BY_FILE):
                return batch.id
        return None

    async def _collect(self, recorded: str, keys: list[str]) -> None:
        """Wait for a recorded batch, store its answers, hand them to those who asked, and delete the record."""
        batch_id = await self._find(recorded)
        try:
            outcomes = {} if batch_id is None else await self._outcomes(batch_id, keys)
        except StageError:
            self._store.drop_batch(recorded)
            raise
        for key, outcome in outcomes.items():
            if isinstance(outcome, Answer):
                self._store.put(Key.of({"batched": key}), answer_fields(outcome))
            else:
                self.counts.failed += 1
            _, future = self._pending.pop(key, (None, None))
            if future is not None and not future.done():
                future.set_result(outcome)
        self._store.drop_batch(recorded)
        await asyncio.sleep(0)  # let those who asked continue, and ask their next question

    async def _outcomes(self, batch_id: str, keys: list[str]) -> dict[str, Answer | str]:
        """Wait for a batch; return each request's answer, or the reason why it has none."""
        try:
            batch = await self._wait_for(batch_id)
        except openai.NotFoundError:
            console.say(f"batch {batch_id}: the endpoint no longer knows it; its requests are asked again")
            return {}
        if batch.status == "failed" and not batch.output_file_id:
            reason = batch.errors.data[0].message if batch.errors and batch.errors.data else "no reason given"
            raise StageError(f"{SETTING}: batch {batch_id} was refused: {reason}")
        outcomes: dict[str, Answer | str] = dict.fromkeys(keys, f"no answer, batch {batch_id} ended as {batch.status}")
        for file_id in (batch.error_file_id, batch.output_file_id):
            outcomes |= await self._read_results(file_id)
        return outcomes

    async def _wait_for(self, batch_id: str) -> Any:  # noqa: ANN401 - openai's Batch
        """Poll a batch until it has ended, and print its progress."""
        printed = ""
        while True:
            batch = await self._client.batches.retrieve(batch_id)
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
            await asyncio.sleep(self._poll_s)

    async def _read_results(self, file_id: str | None) -> dict[str, Answer | str]:
        if file_id is None:
            return {}
        content = await self._client.files.content(file_id)
        lines = [json.loads(line) for line in content.content.split(b"\n") if line.strip()]
        return {line["custom_id"]: _read_outcome(line) for line in lines}

    def _fail_all(self, exc: StageError) -> None:
        self._stopped = exc
        for _, future in self._pending.values():
            if not future.done():
                future.set_exception(exc)
        self._pending.clear()


def _split_reason(reason: str) -> tuple[int, str]:
    """Return status and message of the reason why a request of a batch has no answer; status 0 if it has none."""
    found = re.match(r"HTTP (\d+): ", reason)
    return (int(found[1]), reason[found.end() :]) if found else (0, reason)


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

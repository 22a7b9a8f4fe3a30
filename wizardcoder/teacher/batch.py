"""Send chat requests through the OpenAI Batch API: half the price, answers within a day.

In: request bodies, one by one. Out: their answers. Requests are collected until no new one arrives, then uploaded as
files; requests that a batch does not answer (failed, expired) go into the next batch. A submitted batch is recorded in
the answer store before anything waits for it, so that a restarted stage polls it instead of paying again. If the
account's limit of enqueued tokens refuses a batch, the next one is submitted when those in flight have ended, and has
half the requests if none was in flight.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import nullcontext
from typing import Any

import openai

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.teacher.answer import (
    Answer,
    RequestFailedError,
    RequestRefusedError,
    answer_fields,
    load_answer,
)
from wizardcoder.teacher.batch_client import SETTING, BatchClient
from wizardcoder.teacher.endpoint import RequestCounts, Reserve
from wizardcoder.teacher.rejected_parameter import parameter_error
from wizardcoder.teacher.wait_limits import CONTINUE, BatchLimits

MAX_BYTES = 190_000_000  # per file; OpenAI's limit is 200 MB
COLLECT_S = 0.2  # without a new request until a batch is uploaded
_BY_FILE = "file:"  # prefix of a recorded batch whose id is not known yet
_FINAL_ERRORS = tuple(f"HTTP {status}:" for status in (400, 403, 404, 413, 422))  # a retry gives the same
_TOKEN_LIMIT = re.compile(r"token_limit_exceeded|enqueued token", re.IGNORECASE)


class _BatchRefusedError(StageError):
    """A batch was refused as a whole: a later run has nothing to collect."""


class BatchEndpoint:
    """One model behind /v1/batches."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        namespace: str,
        store: AnswerStore,
        limits: BatchLimits,
        *,
        section: str = "teacher",
        earlier_namespace: str | None = None,
    ) -> None:
        self.counts = RequestCounts()
        self._client, self._namespace, self._store = BatchClient(client, limits), namespace, store
        self._limits, self._section, self._earlier_namespace = limits, section, earlier_namespace
        self._max_requests = limits.requests
        self._full_since: float | None = None  # when the limit of enqueued tokens first refused a batch
        self._submitted: set[str] = set()  # keys of requests in batches that have not ended
        self._collecting: set[asyncio.Task[None]] = set()
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
        self._cancel()
        tasks = self._collecting if self._worker is None else {self._worker, *self._collecting}
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()

    def stop(self, exc: StageError) -> None:
        """Raise `exc` for every waiting and later request; submitted batches continue, the next run collects them."""
        self._cancel()
        self._fail_all(exc)

    def _cancel(self) -> None:
        for task in (self._worker, *self._collecting):
            if task is not None:
                task.cancel()

    async def answer(
        self, body: dict[str, Any], expected_tokens: int, reserve: Reserve = nullcontext, urgent: bool = False
    ) -> Answer:
        """Return the answer to a request, from the next batch.

        Raises:
            RequestRefusedError: the endpoint refuses this request for good.
            RequestFailedError: the request failed in each batch that contained it.
            StageError: the endpoint refuses the key, or has no batches.
        """
        key = Key.of(body).digest
        if key in self._delivered:  # another attempt at a question, whose request has no seed
            self._delivered.remove(key)
            self._store.forget(Key.of({"batched": key}))
        collected = self._store.get(Key.of({"batched": key}))
        reason = ""
        for _ in range(self._limits.retries + 1):
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
                raise RequestRefusedError(reason)
        raise RequestFailedError(f"{reason} ({self._limits.retries + 1} batches)")

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
        """Collect the batches of earlier runs; submit and collect batches for ever."""
        try:
            for namespace in filter(None, (self._namespace, self._earlier_namespace)):
                for batch, keys in self._store.open_batches(namespace).items():
                    self._start_collecting(batch, keys)
            while True:
                await self._wait_until_quiet()
                await self._submit_pending()
                added = asyncio.create_task(self._request_added.wait())
                ended, _ = await asyncio.wait({added, *self._collecting}, return_when=asyncio.FIRST_COMPLETED)
                added.cancel()
                for task in ended:
                    task.result()
                self._collecting -= ended
        except openai.OpenAIError as exc:
            self._fail_all(StageError(f"{SETTING}: batch: {' '.join(str(exc).split())[:300]}"))
        except StageError as exc:
            self._fail_all(exc)
        except Exception as exc:
            self._fail_all(StageError(f"{SETTING}: batch: {type(exc).__name__}: {exc}"))

    async def _submit_pending(self) -> None:
        """Submit all pending requests; one batch after the other once the limit of enqueued tokens is known."""
        if self._full_since is not None:
            if self._collecting:
                return
            await self._wait_for_the_queue(self._full_since)
        while lines := self._next_file():
            self._start_collecting(await self._submit(lines), list(lines))
            if self._max_requests < self._limits.requests:
                return

    async def _wait_for_the_queue(self, full_since: float) -> None:
        waited_s = time.monotonic() - full_since
        if waited_s > self._limits.patience_s:
            raise StageError(
                f"{SETTING}: batch: the limit of enqueued tokens has admitted no batch for {waited_s / 3600:.1f} hours "
                f"(runtime.teacher.batch_patience_h). {CONTINUE}"
            )
        await asyncio.sleep(self._limits.poll_s)

    def _start_collecting(self, batch: str, keys: list[str]) -> None:
        self._submitted |= set(keys)
        self._collecting.add(asyncio.create_task(self._collect(batch, keys)))

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
            if key in self._submitted:
                continue
            line = {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}
            data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
            size += len(data)
            if lines and (size > MAX_BYTES or len(lines) == self._max_requests):
                break
            lines[key] = data
        return lines

    async def _submit(self, lines: dict[str, bytes]) -> str:
        file_id = await self._client.upload(b"".join(lines.values()))
        # recorded under its file first: if this run ends before the next line, the next run finds the batch by its file
        self._store.add_batch(_BY_FILE + file_id, self._namespace, list(lines))
        batch_id = await self._client.create(file_id)
        self._store.add_batch(batch_id, self._namespace, list(lines))
        self._store.drop_batch(_BY_FILE + file_id)
        self.counts.sent += len(lines)
        console.say(f"batch {batch_id}: {len(lines)} requests submitted")
        return batch_id

    async def _collect(self, recorded: str, keys: list[str]) -> None:
        """Wait for a recorded batch, store its answers, hand them to those who asked, and delete the record."""
        by_file = recorded.startswith(_BY_FILE)
        batch_id = await self._client.find_by_file(recorded.removeprefix(_BY_FILE)) if by_file else recorded
        try:
            outcomes = {} if batch_id is None else await self._outcomes(batch_id, keys)
        except _BatchRefusedError:
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
        self._submitted -= set(keys)

    async def _outcomes(self, batch_id: str, keys: list[str]) -> dict[str, Answer | str]:
        """Wait for a batch; return each request's answer, or the reason why it has none."""
        try:
            batch = await self._client.wait_for(batch_id)
        except openai.NotFoundError:
            console.say(f"batch {batch_id}: the endpoint no longer knows it; its requests are asked again")
            return {}
        if batch.status == "failed" and not batch.output_file_id:
            error = batch.errors.data[0] if batch.errors and batch.errors.data else None
            reason = error.message if error else "no reason given"
            if error is not None and _TOKEN_LIMIT.search(f"{error.code} {error.message}"):
                self._note_token_limit(batch_id, len(keys))
                return {}
            raise _BatchRefusedError(f"{SETTING}: batch {batch_id} was refused: {reason}")
        self._full_since = None
        outcomes: dict[str, Answer | str] = dict.fromkeys(keys, f"no answer, batch {batch_id} ended as {batch.status}")
        for file_id in (batch.error_file_id, batch.output_file_id):
            outcomes |= await self._client.read_results(file_id)
        return outcomes

    def _note_token_limit(self, batch_id: str, requests: int) -> None:
        if len(self._collecting) == 1:  # no other batch of ours takes a part of the limit
            self._max_requests = max(1, requests // 2)
        if self._full_since is None:
            self._full_since = time.monotonic()
        console.say(
            f"batch {batch_id}: above the limit of enqueued tokens; its {requests} requests wait for the batches in "
            f"flight, then at most {self._max_requests} are submitted at once"
        )

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

"""Send requests to an OpenAI-compatible endpoint, with the only layer of retries.

In: request bodies. Out: for each an answer, or the reason why there is none. A busy endpoint (429, 503) is asked again
when it allows it, however often that takes; a failed request is retried after exponential backoff with jitter; a
request that the endpoint refuses is given up. Several base URLs of one model share the load (replicas.py).

Requests go through a lean `openai.AsyncOpenAI` (http.py): the SDK's typed `create` validates and rebuilds request and
reply with pydantic, which costs more CPU than sending them (bench/README.md).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
import openai

from wizardcoder.core.console import StageError
from wizardcoder.teacher.addresses import missing_version
from wizardcoder.teacher.answer import Answer, RequestFailedError, RequestRefusedError, read_answer
from wizardcoder.teacher.http_errors import read_http_error
from wizardcoder.teacher.rate_limit import RateLimiter
from wizardcoder.teacher.rejected_parameter import parameter_error
from wizardcoder.teacher.replicas import Replica, Replicas
from wizardcoder.teacher.retry_after import exhausted_s, retry_after_s
from wizardcoder.teacher.wait_limits import CONTINUE, RetryLimits

FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 60.0
MAX_FAILED_REQUESTS = 100  # in a row, after all retries; then the endpoint counts as down
MAX_FAILED_AT_START = 5  # the same, if it has never answered
Api = Literal["chat", "completions"]
PATHS: dict[Api, str] = {"chat": "/chat/completions", "completions": "/completions"}
Reserve = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(slots=True)
class RequestCounts:
    """Requests sent, put off by a busy endpoint (429, 503) and failed."""

    sent: int = 0
    refused: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _FailedAttempt:
    """Why an attempt failed.

    Attributes:
        wait_s: how long the server asks to wait.
        busy: it failed because of a rate limit or overload.
        reached: the server was reached.
        final: a retry is pointless.
    """

    reason: str
    wait_s: float | None = None
    busy: bool = False
    reached: bool = True
    final: bool = False


class Endpoint:
    """One model behind one or more base URLs; errors name keys of `section` of params.yaml, and `key_setting`."""

    def __init__(
        self,
        urls: Sequence[str],
        api_key: str,
        limiter: RateLimiter,
        timeout_s: float,
        limits: RetryLimits,
        *,
        api: Api = "chat",
        section: str = "teacher",
        key_setting: str = "runtime.teacher.api_key_env",
    ) -> None:
        self.counts = RequestCounts()
        self._path, self._section, self._key_setting = PATHS[api], section, key_setting
        self._limiter, self._limits = limiter, limits
        self._last_answer = float("-inf")
        self._failed_requests = 0  # in a row
        self._accepted_fields: set[str] = set()  # of the requests that were answered
        self._replicas = Replicas(urls, api_key, timeout_s)
        self._in_flight: set[int] = set()  # numbers of requests
        self._one_ended = asyncio.Event()

    async def close(self) -> None:
        """Close the connections."""
        await self._replicas.close()

    def stop(self, exc: StageError) -> None:
        """Send nothing more; requests in flight are still answered."""
        self._limiter.stop(exc)

    async def answer(
        self, body: dict[str, Any], expected_tokens: int, reserve: Reserve = nullcontext, urgent: bool = False
    ) -> Answer:
        """Send a request until it is answered.

        Args:
            body: of /chat/completions or /completions.
            expected_tokens: of prompt and answer, for the limit of tokens per minute.
            reserve: a context that is open while the request is in flight; its error leaves the request unsent.
            urgent: goes before requests that are not urgent, as retries do.

        Raises:
            RequestRefusedError: the endpoint refuses this request for good.
            RequestFailedError: its retries are used up.
            StageError: the endpoint refuses the key, does not serve the model, cannot be reached, has answered nothing
                for a long time, or asks to wait too long.
        """
        failing_since, busy_since, failures, put_off = float("inf"), float("inf"), 0, 0
        while True:
            outcome = await self._attempt(body, expected_tokens, reserve, urgent or failures + put_off > 0)
            if isinstance(outcome, Answer):
                self._last_answer = time.monotonic()
                self._failed_requests = 0
                self._accepted_fields |= body.keys()
                return outcome
            if outcome.busy:
                put_off += 1
                busy_since = min(busy_since, time.monotonic())
                self._check_patience(outcome, busy_since)
                await self._limiter.wait_for_retry(outcome.wait_s or _backoff_s(put_off), "waiting for the rate limit")
                continue
            failures += 1
            failing_since = min(failing_since, time.monotonic())
            if failures > self._limits.retries or outcome.final:
                raise self._error(outcome, failures, failing_since)
            await self._limiter.wait_for_retry(outcome.wait_s or _backoff_s(failures), "waiting to try again")

    async def _attempt(
        self, body: dict[str, Any], expected_tokens: int, reserve: Reserve, urgent: bool
    ) -> Answer | _FailedAttempt:
        await self._limiter.acquire(expected_tokens, urgent)
        try:
            async with reserve():
                return await self._send(body)
        except StageError as exc:
            self._limiter.stop(exc)  # before the slot is freed, which would let another request through
            raise
        finally:
            self._limiter.release()

    async def _send(self, body: dict[str, Any]) -> Answer | _FailedAttempt:
        replica, sent_at = self._replicas.least_busy(), time.monotonic()
        self.counts.sent += 1
        try:
            reply = await self._post(replica, body)
        except openai.APIStatusError as exc:
            if exc.status_code >= 500:
                replica.skip()
            return await self._read_error(exc, body, sent_at)
        except openai.APIConnectionError as exc:
            self.counts.failed += 1
            replica.skip()
            return _FailedAttempt(_reason(exc), reached=not _never_connected(exc))
        try:
            answer = read_answer(json.loads(reply.content))
        except (ValueError, LookupError, TypeError, AttributeError) as exc:
            self.counts.failed += 1
            return _FailedAttempt(f"the reply is not a chat completion: {reply.text[:200]!r} ({type(exc).__name__})")
        self._hold_if_exhausted(reply.headers)
        self._limiter.record_answer()
        replica.failures = 0
        return answer

    async def _post(self, replica: Replica, body: dict[str, Any]) -> httpx2.Response:
        number = self.counts.sent
        replica.in_flight += 1
        self._in_flight.add(number)
        try:
            return await replica.client.post_encoded(self._path, _encode(body))
        finally:
            replica.in_flight -= 1
            self._in_flight.remove(number)
            self._one_ended.set()

    async def _read_error(self, exc: openai.APIStatusError, body: dict[str, Any], sent_at: float) -> _FailedAttempt:
        """Return how to go on after an HTTP error; raise for this request, or StageError to end the stage."""
        error, headers = read_http_error(exc.status_code, exc.response.content), exc.response.headers
        rejected = parameter_error(self._section, exc.status_code, exc.body, body, self._accepted_fields)
        if rejected is not None:
            raise rejected from exc
        if error.kind == "key":
            raise StageError(f"{self._key_setting}: the endpoint refuses the key: {error.reason}") from exc
        if error.kind == "payment":
            raise StageError(f"{self._section}: the endpoint asks for payment: {error.reason}") from exc
        if error.kind == "unproven" and not await self._answers_others():
            raise self._wrong_key_or_model(exc.status_code, body, error.reason) from exc
        if error.kind in ("refused", "unproven"):
            self._failed_requests = 0
            raise RequestRefusedError(error.reason) from exc
        if error.kind == "busy":
            self.counts.refused += 1
            self._limiter.record_refusal(sent_at)
            self._hold_if_exhausted(headers)
            return _FailedAttempt(error.reason, self._bounded(retry_after_s(headers), error.reason), busy=True)
        self.counts.failed += 1
        wait_s = self._bounded(retry_after_s(headers), error.reason)
        return _FailedAttempt(error.reason, wait_s, final=error.kind == "final")

    async def _answers_others(self) -> bool:
        """Return whether the endpoint has answered; before its first answer, wait for the requests in flight."""
        waited_for = set(self._in_flight)
        while self._last_answer < 0 and waited_for & self._in_flight:
            self._one_ended.clear()
            await self._one_ended.wait()
        return self._last_answer > 0

    def _wrong_key_or_model(self, status: int, body: dict[str, Any], reason: str) -> StageError:
        if status == 403:
            return StageError(f"{self._key_setting}: the endpoint refuses the key: {reason}")
        return StageError(
            f"{self._section}.model: {body['model']!r} is not served at {self._section}.base_url: {reason}"
            f"{missing_version(self._replicas.urls.partition(', ')[0])}"
        )

    def _hold_if_exhausted(self, headers: Mapping[str, str]) -> None:
        """Send nothing until an exhausted limit resets, or stop if that is too far away; this answer is kept."""
        seconds = exhausted_s(headers)
        if not seconds:
            return
        try:
            self._limiter.hold(self._bounded(seconds, "the rate limit is exhausted") or 0.0)
        except StageError as exc:
            self._limiter.stop(exc)

    def _bounded(self, seconds: float | None, reason: str) -> float | None:
        return self._limits.check_wait(seconds, f"{self._section}.base_url: {self._replicas.urls}", reason)

    def _check_patience(self, failed: _FailedAttempt, busy_since: float) -> None:
        silent_s = time.monotonic() - max(self._last_answer, busy_since)
        if silent_s >= self._limits.patience_s:
            raise StageError(
                f"{self._section}.base_url: {self._replicas.urls}: no answer for {silent_s / 60:.0f} minutes "
                f"({self._limits.section}.patience_min), the last reply was {failed.reason}. {CONTINUE}"
            )

    def _error(self, failed: _FailedAttempt, attempts: int, failing_since: float) -> Exception:
        """Return the error of a request that is given up: its own, or the endpoint's."""
        urls = self._replicas.urls
        if not failed.reached and self._last_answer < failing_since:  # no other request was answered meanwhile
            return StageError(f"{self._section}.base_url: {urls} cannot be reached: {failed.reason}")
        self._failed_requests += 1
        never_answered = self._last_answer < 0
        if self._failed_requests >= (MAX_FAILED_AT_START if never_answered else MAX_FAILED_REQUESTS):
            return StageError(
                f"{self._section}.base_url: {urls}: {self._failed_requests} requests in a row failed, the last with "
                f"{failed.reason}. {CONTINUE}"
            )
        return RequestFailedError(f"{failed.reason} ({attempts} attempts)")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _encode(body: dict[str, Any]) -> bytes:
    """Return the JSON; a lone surrogate, which is not valid Unicode, becomes a question mark."""
    return _ENCODER.encode(body).encode(errors="replace")


def read_api_key(variable: str, url: str, key_setting: str) -> str:
    """Read the key for an endpoint from an environment variable.

    Raises:
        StageError: the variable is not set; names the key of params.yaml that names the variable.
    """
    key = os.environ.get(variable, "")
    if not key:
        raise StageError(
            f"{key_setting}: the environment variable {variable} is not set; "
            f"{url} needs a key (any text, if the server does not check it)"
        )
    return key


def _backoff_s(attempts: int) -> float:
    return min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(attempts - 1, 10)) * random.uniform(0.5, 1.0)


def _never_connected(exc: Exception) -> bool:
    return isinstance(exc.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)


def _reason(exc: openai.APIConnectionError) -> str:
    return " ".join(str(exc.__cause__ or exc).split())[:300] or type(exc).__name__

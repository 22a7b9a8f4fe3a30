"""Send requests to an OpenAI-compatible endpoint, with the only layer of retries.

In: request bodies. Out: for each an answer, or the reason why there is none. Refused requests (429, 503) are retried
when the server allows it, failed ones after exponential backoff with jitter. Several base URLs of one model (replicas)
share the load by fewest requests in flight; a failing replica is skipped for a while, then tried again.

Requests go through `openai.AsyncOpenAI` by its generic `post`, on a lean HTTP client (http.py): the typed `create`
validates and rebuilds request and reply with pydantic, which costs more CPU than sending them (bench/README.md).
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
import openai

from wizardcoder.core.console import StageError
from wizardcoder.teacher.answer import Answer, RequestFailedError, read_answer
from wizardcoder.teacher.http import LeanClient
from wizardcoder.teacher.rate_limit import RateLimiter
from wizardcoder.teacher.rejected_parameter import parameter_error
from wizardcoder.teacher.retry_after import exhausted_s, retry_after_s

FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 60.0
SKIP_REPLICA_S = 10.0  # a failing replica, until one request tries it again
MAX_FAILED_REQUESTS = 100  # in a row, after all retries; then the endpoint counts as down
MAX_FAILED_AT_START = 5  # the same, if it has never answered
Api = Literal["chat", "completions"]
PATHS: dict[Api, str] = {"chat": "/chat/completions", "completions": "/completions"}
Reserve = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(slots=True)
class RequestCounts:
    """Requests sent, refused (429, 503) and failed."""

    sent: int = 0
    refused: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Replica:
    client: openai.AsyncOpenAI
    url: str
    in_flight: int = 0
    failures: int = 0  # in a row
    skip_until: float = 0.0


@dataclass(slots=True)
class _FailedAttempt:
    """Why an attempt failed, how long to wait, whether the server was reached, and whether a retry is pointless."""

    reason: str
    wait_s: float | None = None
    reached: bool = True
    for_good: bool = False


class Endpoint:
    """One model behind one or more base URLs; errors name keys of `section` of params.yaml, and `key_setting`."""

    def __init__(
        self,
        urls: Sequence[str],
        api_key: str,
        limiter: RateLimiter,
        timeout_s: float,
        retries: int,
        *,
        api: Api = "chat",
        section: str = "teacher",
        key_setting: str = "runtime.teacher.api_key_env",
    ) -> None:
        self.counts = RequestCounts()
        self._path, self._section, self._key_setting = PATHS[api], section, key_setting
        self._limiter, self._retries = limiter, retries
        self._last_answer = float("-inf")
        self._failed_requests = 0  # in a row
        self._accepted_fields: set[str] = set()  # of the requests that were answered
        self._replicas = [_Replica(_client(url, api_key, timeout_s), url) for url in urls]

    async def close(self) -> None:
        """Close the connections."""
        for replica in self._replicas:
            await replica.client.close()

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
            RequestFailedError: the endpoint refuses this request, or its retries are used up.
            StageError: the endpoint refuses the key, does not serve the model, or cannot be reached.
        """
        failing_since, attempts = float("inf"), 0
        while True:
            outcome = await self._attempt(body, expected_tokens, reserve, urgent or attempts > 0)
            if isinstance(outcome, Answer):
                self._last_answer = time.monotonic()
                self._failed_requests = 0
                self._accepted_fields |= body.keys()
                return outcome
            failing_since = min(failing_since, time.monotonic())
            attempts += 1
            if attempts > self._retries or outcome.for_good:
                raise self._error(outcome, attempts, failing_since)
            await self._limiter.wait_for_retry(outcome.wait_s or _backoff_s(attempts))

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
        replica, sent_at = self._least_busy(), time.monotonic()
        replica.in_flight += 1
        self.counts.sent += 1
        try:
            reply = await replica.client.post(self._path, cast_to=httpx2.Response, body=body)
        except openai.APIStatusError as exc:
            if exc.status_code >= 500:
                _skip(replica)
            return self._read_status(exc, body, sent_at)
        except openai.APIConnectionError as exc:
            self.counts.failed += 1
            _skip(replica)
            return _FailedAttempt(_reason(exc), reached=not _never_connected(exc))
        finally:
            replica.in_flight -= 1
        hold_s = exhausted_s(reply.headers)
        if hold_s:
            self._limiter.hold(hold_s)
        try:
            answer = read_answer(json.loads(reply.content))
        except (ValueError, LookupError, TypeError, AttributeError) as exc:
            self.counts.failed += 1
            return _FailedAttempt(f"the reply is not a chat completion: {reply.text[:200]!r} ({type(exc).__name__})")
        self._limiter.record_answer()
        replica.failures = 0
        return answer

    def _read_status(self, exc: openai.APIStatusError, body: dict[str, Any], sent_at: float) -> _FailedAttempt:
        """Decide by the HTTP status whether to retry or to give up this request; raise StageError to end the stage."""
        reason = f"HTTP {exc.status_code}: {_reason(exc)}"
        self._raise_if_fatal(exc, body, reason)
        if exc.status_code in (429, 503):
            self.counts.refused += 1
            self._limiter.record_refusal(sent_at)
            self._limiter.hold(exhausted_s(exc.response.headers))
            return _FailedAttempt(reason, retry_after_s(exc.response.headers))
        self.counts.failed += 1
        if exc.status_code >= 500 or exc.status_code in (408, 409):
            return _FailedAttempt(reason, retry_after_s(exc.response.headers))
        return _FailedAttempt(reason, for_good=True)

    def _raise_if_fatal(self, exc: openai.APIStatusError, body: dict[str, Any], reason: str) -> None:
        rejected = parameter_error(self._section, exc.status_code, exc.body, body, self._accepted_fields)
        if rejected is not None:
            raise rejected from exc
        answered = self._last_answer > 0  # then a 403 or 404 is about this request, not about the endpoint
        if exc.status_code == 401 or (exc.status_code == 403 and not answered):
            raise StageError(f"{self._key_setting}: the endpoint refuses the key: {reason}") from exc
        if exc.status_code == 402 or getattr(exc, "code", None) == "insufficient_quota":
            raise StageError(f"{self._section}: the endpoint asks for payment: {reason}") from exc
        if exc.status_code == 404 and not answered:
            raise StageError(
                f"{self._section}.model: {body['model']!r} is not served at {self._section}.base_url: {reason}"
            ) from exc

    def _error(self, failed: _FailedAttempt, attempts: int, failing_since: float) -> Exception:
        """Return the error of a request that is given up: its own, or the endpoint's."""
        urls = ", ".join(replica.url for replica in self._replicas)
        if not failed.reached and self._last_answer < failing_since:  # no other request was answered meanwhile
            return StageError(f"{self._section}.base_url: {urls} cannot be reached: {failed.reason}")
        self._failed_requests += 1
        never_answered = self._last_answer < 0
        if self._failed_requests >= (MAX_FAILED_AT_START if never_answered else MAX_FAILED_REQUESTS):
            return StageError(
                f"{self._section}.base_url: {urls}: {self._failed_requests} requests in a row failed, the last with "
                f"{failed.reason}. All answers are kept"
            )
        return RequestFailedError(f"{failed.reason} ({attempts} attempts)")

    def _least_busy(self) -> _Replica:
        now = time.monotonic()
        available = [replica for replica in self._replicas if replica.skip_until <= now] or self._replicas
        chosen = min(available, key=lambda replica: replica.in_flight)
        if chosen.failures:  # one request tries it, the others wait for the result
            chosen.skip_until = now + SKIP_REPLICA_S
        return chosen


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


def _client(url: str, api_key: str, timeout_s: float) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        base_url=url, api_key=api_key, timeout=timeout_s, max_retries=0, http_client=LeanClient(timeout_s)
    )


def _backoff_s(attempts: int) -> float:
    return min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** (attempts - 1)) * random.uniform(0.5, 1.0)


def _never_connected(exc: Exception) -> bool:
    return isinstance(exc.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)


def _skip(replica: _Replica) -> None:
    replica.failures += 1
    replica.skip_until = time.monotonic() + min(SKIP_REPLICA_S, 0.25 * 2**replica.failures)


def _reason(exc: Exception) -> str:
    cause = exc.__cause__ if isinstance(exc, openai.APIConnectionError) and exc.__cause__ else exc
    return " ".join(str(cause).split())[:300] or type(exc).__name__

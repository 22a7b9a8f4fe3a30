"""Sends requests to an OpenAI-compatible endpoint and brings every one to an end.

In: request bodies. Out: an answer, or the reason why there is none. The one layer of retries is here: refusals are sent
again when the server says, failures after exponential back-off with jitter. Several base URLs of one model share the
load by fewest in flight; one that dies is left out and tried again.

All requests go through `openai.AsyncOpenAI` on aiohttp, by its generic `post` and with a lean HTTP client: the typed
`create` checks and rebuilds request and reply against pydantic models, which costs more CPU than sending them
(bench/README.md).
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
from wizardcoder.teacher.http import LeanClient
from wizardcoder.teacher.rate_limit import Gate
from wizardcoder.teacher.retry_after import exhausted_s, retry_after_s

FIRST_BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 60.0
LEFT_OUT_S = 10.0  # a replica that fails, until one request tries it again
FAILED_IN_A_ROW = 100  # requests given up, after which the endpoint counts as down
FAILED_AT_FIRST = 5  # the same, when it never answered
Api = Literal["chat", "completions"]
PATHS: dict[Api, str] = {"chat": "/chat/completions", "completions": "/completions"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; tokens as the endpoint counted them."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


class RequestFailedError(Exception):
    """One request failed for good; the endpoint itself still answers."""


Reserved = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(slots=True)
class _Replica:
    client: openai.AsyncOpenAI
    url: str
    in_flight: int = 0
    failures: int = 0  # in a row
    left_out_until: float = 0.0


@dataclass(slots=True)
class Counts:
    """What was sent and what came of it."""

    sent: int = 0
    refused: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Attempt:
    """A failed attempt: what it was, how long to wait, and whether the server was reached at all."""

    reason: str
    wait_s: float | None = None
    reached: bool = True
    for_good: bool = False  # asking again would give the same


class Endpoint:
    """One model behind one or more base URLs; `section` is the part of params.yaml that errors name."""

    def __init__(
        self,
        urls: Sequence[str],
        api_key: str,
        gate: Gate,
        timeout_s: float,
        retries: int,
        *,
        api: Api = "chat",
        section: str = "teacher",
        key_setting: str = "runtime.teacher.api_key_env",
    ) -> None:
        self.counts = Counts()
        self._path, self._section, self._key_setting = PATHS[api], section, key_setting
        self._gate, self._retries = gate, retries
        self._last_answer = float("-inf")
        self._given_up = 0
        self._replicas = [
            _Replica(
                openai.AsyncOpenAI(
                    base_url=url,
                    api_key=api_key,
                    timeout=timeout_s,
                    max_retries=0,
                    http_client=LeanClient(timeout_s),
                ),
                url,
            )
            for url in urls
        ]

    async def close(self) -> None:
        """Close the connections."""
        for replica in self._replicas:
            await replica.client.close()

    async def answer(
        self, body: dict[str, Any], expected_tokens: int, reserved: Reserved = nullcontext, urgent: bool = False
    ) -> Answer:
        """Send a request until it is answered.

        Args:
            body: of /chat/completions, or of /completions.
            expected_tokens: prompt and answer, for the rate of tokens.
            reserved: entered while the request is on its way; what it raises ends the request unsent.
            urgent: goes before those that are not; so does what is sent again.

        Raises:
            RequestFailedError: the endpoint refuses this request, or its retries are used up.
            StageError: the endpoint refuses the key, does not know the model, or cannot be reached.
        """
        failing_since, attempts = float("inf"), 0
        while True:
            await self._gate.enter(expected_tokens, urgent or attempts > 0)
            try:
                async with reserved():
                    outcome = await self._send(body)
            except StageError as exc:
                self._gate.stop(exc)  # before the slot is freed, which would let another request through
                raise
            finally:
                self._gate.leave()
            if isinstance(outcome, Answer):
                self._last_answer = time.monotonic()
                self._given_up = 0
                return outcome
            failing_since = min(failing_since, time.monotonic())
            attempts += 1
            if attempts > self._retries or outcome.for_good:
                break
            await self._gate.pause(outcome.wait_s or _back_off_s(attempts))
        if not outcome.reached and self._last_answer < failing_since:  # no other request is answered meanwhile
            raise StageError(f"{self._section}.base_url: {self._urls()} cannot be reached: {outcome.reason}")
        self._given_up += 1
        never = self._last_answer < 0
        if self._given_up >= (FAILED_AT_FIRST if never else FAILED_IN_A_ROW):
            raise StageError(
                f"{self._section}.base_url: {self._urls()}: {self._given_up} requests in a row failed, the last with "
                f"{outcome.reason}. All answers are kept"
            )
        raise RequestFailedError(f"{outcome.reason} ({attempts} attempts)")

    def _urls(self) -> str:
        return ", ".join(replica.url for replica in self._replicas)

    def stop(self, exc: StageError) -> None:
        """Send nothing more; what is in flight is still answered."""
        self._gate.stop(exc)

    async def _send(self, body: dict[str, Any]) -> Answer | _Attempt:
        replica, sent_at = self._least_busy(), time.monotonic()
        replica.in_flight += 1
        self.counts.sent += 1
        try:
            reply = await replica.client.post(self._path, cast_to=httpx2.Response, body=body)
        except openai.APIStatusError as exc:
            if exc.status_code >= 500:
                _leave_out(replica)
            return self._refused(exc, body, sent_at)
        except openai.APIConnectionError as exc:
            self.counts.failed += 1
            _leave_out(replica)
            return _Attempt(_reason(exc), reached=not _never_connected(exc))
        finally:
            replica.in_flight -= 1
        held_s = exhausted_s(reply.headers)
        if held_s:
            self._gate.hold(held_s)
        try:
            answer = read_answer(json.loads(reply.content))
        except (ValueError, LookupError, TypeError, AttributeError) as exc:
            self.counts.failed += 1
            return _Attempt(f"the reply is not a chat completion: {reply.text[:200]!r} ({type(exc).__name__})")
        self._gate.answered()
        replica.failures = 0
        return answer

    def _refused(self, exc: openai.APIStatusError, body: dict[str, Any], sent_at: float) -> _Attempt:
        """Tell what a status means: wait and try again, give this request up, or stop."""
        said = f"HTTP {exc.status_code}: {_reason(exc)}"
        answered = self._last_answer > 0  # one record's refusal is not the endpoint's
        if exc.status_code == 401 or (exc.status_code == 403 and not answered):
            raise StageError(f"{self._key_setting}: the endpoint refuses the key: {said}") from exc
        if exc.status_code == 402 or getattr(exc, "code", None) == "insufficient_quota":
            raise StageError(f"{self._section}: the endpoint asks for payment: {said}") from exc
        if exc.status_code == 404 and not answered:
            raise StageError(
                f"{self._section}.model: {body['model']!r} is not served at {self._section}.base_url: {said}"
            ) from exc
        if exc.status_code in (429, 503):
            self.counts.refused += 1
            self._gate.refused(sent_at)
            self._gate.hold(exhausted_s(exc.response.headers))
            return _Attempt(said, retry_after_s(exc.response.headers))
        self.counts.failed += 1
        if exc.status_code >= 500 or exc.status_code in (408, 409):
            return _Attempt(said, retry_after_s(exc.response.headers))
        return _Attempt(said, for_good=True)

    def _least_busy(self) -> _Replica:
        now = time.monotonic()
        alive = [replica for replica in self._replicas if replica.left_out_until <= now] or self._replicas
        chosen = min(alive, key=lambda replica: replica.in_flight)
        if chosen.failures:  # one request tries it, the others wait for what comes of that
            chosen.left_out_until = now + LEFT_OUT_S
        return chosen


def read_api_key(variable: str, url: str, section: str) -> str:
    """Read the key for an endpoint from an environment variable.

    Raises:
        StageError: the variable is not set; names `section`'s api_key_env.
    """
    key = os.environ.get(variable, "")
    if not key:
        raise StageError(
            f"{section}.api_key_env: the environment variable {variable} is not set; "
            f"{url} needs a key (any text, if the server does not check it)"
        )
    return key


def answer_fields(answer: Answer) -> dict[str, Any]:
    """Give an answer as plain data: `Answer(**fields)` is the answer again."""
    return {name: getattr(answer, name) for name in Answer.__slots__}


def read_answer(reply: dict[str, Any]) -> Answer:
    """Read a chat completion or a completion; raises LookupError, TypeError or AttributeError when it is none."""
    choice, usage = reply["choices"][0], reply.get("usage") or {}
    text = (choice["message"].get("content") if "message" in choice else choice["text"]) or ""
    if not isinstance(text, str):
        raise TypeError("content is no text")
    return Answer(
        # an emoji that was cut in half by the token limit is no Unicode
        text=text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        finish_reason=choice.get("finish_reason") or "unknown",
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
    )


def _back_off_s(attempts: int) -> float:
    return min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2.0 ** (attempts - 1)) * random.uniform(0.5, 1.0)


def _never_connected(exc: Exception) -> bool:
    return isinstance(exc.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)


def _leave_out(replica: _Replica) -> None:
    replica.failures += 1
    replica.left_out_until = time.monotonic() + min(LEFT_OUT_S, 0.25 * 2**replica.failures)


def _reason(exc: Exception) -> str:
    cause = exc.__cause__ if isinstance(exc, openai.APIConnectionError) and exc.__cause__ else exc
    return " ".join(str(cause).split())[:300] or type(exc).__name__

"""The teacher: answers chats through the answer store, and pays only for what the store lacks.

In: chat messages, a role (instruct, respond or judge) and a seed. Out: the answer, from the store if this exact request
was answered before. Roles can differ in endpoint, model and sampling. Nothing is opened before the first request that
the store cannot answer: a run from the store needs no key and starts no server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any, Protocol

import openai

from wizardcoder.core import bundled_wheels
from wizardcoder.core.console import StageError
from wizardcoder.core.store import FILE_NAME, AnswerStore
from wizardcoder.teacher.answer import Answer, answer_fields
from wizardcoder.teacher.ask_all import window_size
from wizardcoder.teacher.batch import BatchEndpoint
from wizardcoder.teacher.budget import Budget
from wizardcoder.teacher.chats import Message
from wizardcoder.teacher.endpoint import Endpoint, read_api_key
from wizardcoder.teacher.local_server import serve
from wizardcoder.teacher.rate_limit import RateLimiter
from wizardcoder.teacher.request import LOCAL, ChatRequest, build_request
from wizardcoder.teacher.settings import Role, TeacherParams

CHARACTERS_PER_TOKEN = 3.0  # a cautious guess, until the model's own counts are known


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and whether it came from the store."""

    answer: Answer
    cached: bool


class ChatTeacher(Protocol):
    """Anything that answers chats: a `Teacher`, or a stand-in that only reads the answer store."""

    async def ask(self, role: Role, messages: list[Message], seed: int, attempt: int = 0) -> Reply:
        """Return the answer to a chat."""


@dataclass(slots=True)
class Usage:
    """Counts of one stage's requests: tokens and cost of all answers, cached ones included, and the money paid now."""

    requests: int = 0
    cache_hits: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    paid: float = 0.0


@dataclass(slots=True)
class Teacher:
    """Answers chats through the store; opened by `open_teacher`."""

    params: TeacherParams
    store: AnswerStore
    budget: Budget
    usage: Usage = dataclass_field(default_factory=Usage)
    _stack: AsyncExitStack = dataclass_field(default_factory=AsyncExitStack)
    _endpoints: dict[tuple[str, ...], Endpoint | BatchEndpoint] = dataclass_field(default_factory=dict)
    _opening: asyncio.Lock = dataclass_field(default_factory=asyncio.Lock)
    _stopped: StageError | None = None
    _tokens_per_character: dict[str, float] = dataclass_field(default_factory=dict)

    async def ask(self, role: Role, messages: Sequence[Message], seed: int, attempt: int = 0) -> Reply:
        """Return the answer to a chat.

        Raises:
            RequestFailedError: this request was refused, or its retries are used up.
            StageError: the endpoint is down or refuses the key, or the budget would be exceeded.
        """
        request = build_request(self.params, role, messages, seed, attempt)
        known = self.store.get(request.key)
        if known is not None:
            answer = Answer(**known)
            self.usage.cache_hits += 1
        else:
            # finish a started record before starting the next
            answer = await self._pay_for(request, urgent=role != "instruct")
            self.usage.requests += 1
        self.usage.prompt_tokens += answer.prompt_tokens
        self.usage.completion_tokens += answer.completion_tokens
        self.usage.cost += self.params.runtime.price.of(answer.prompt_tokens, answer.completion_tokens)
        return Reply(answer, known is not None)

    @property
    def window(self) -> int:
        """How many items `ask_all` works on at once."""
        return window_size(self.params.runtime.concurrency, batch=self.params.runtime.mode == "batch")

    def stop(self, exc: StageError) -> None:
        """Send nothing more; requests in flight are still answered and kept."""
        self._stopped = exc
        for endpoint in self._endpoints.values():
            endpoint.stop(exc)

    def expected_prompt_tokens(self, body: dict[str, Any]) -> int:
        """Estimate the tokens of a request's prompt from this model's earlier answers in the store."""
        model = body["model"]
        if model not in self._tokens_per_character:
            counted = self.store.tokens_per_character(model)
            self._tokens_per_character[model] = 1.1 * counted if counted else 1 / CHARACTERS_PER_TOKEN
        characters = sum(len(message["content"]) for message in body["messages"])
        return int(characters * self._tokens_per_character[model]) + 16

    async def _pay_for(self, request: ChatRequest, urgent: bool) -> Answer:
        endpoint = self._endpoints.get(request.endpoint_id) or await self._endpoint_of(request)
        price = self.params.runtime.price
        prompt_tokens, max_tokens = self.expected_prompt_tokens(request.body), request.body["max_tokens"]
        max_cost = price.of(prompt_tokens, max_tokens)
        answer = await endpoint.answer(
            request.body, prompt_tokens + max_tokens, lambda: self.budget.reserve(max_cost), urgent
        )
        # no await between receiving and storing an answer: a paid answer cannot be lost in between
        paid = price.of(answer.prompt_tokens, answer.completion_tokens)
        self.budget.spent += paid
        self.usage.paid += paid
        return Answer(**self.store.put(request.key, answer_fields(answer), paid))

    async def _endpoint_of(self, request: ChatRequest) -> Endpoint | BatchEndpoint:
        async with self._opening:
            if self._stopped is not None:
                raise self._stopped
            if request.endpoint_id not in self._endpoints:
                self._endpoints[request.endpoint_id] = await self._open(request)
        return self._endpoints[request.endpoint_id]

    async def _open(self, request: ChatRequest) -> Endpoint | BatchEndpoint:
        runtime, urls, api_key = self.params.runtime, request.urls, "none"
        if LOCAL in urls:
            local = serve(bundled_wheels.gguf_path(), runtime.slots, self.params.local.context_tokens)
            url = await asyncio.to_thread(local.__enter__)
            self._stack.push(local.__exit__)
            urls = (url,)
        else:
            api_key = read_api_key(request.api_key_env, urls[0], "runtime.teacher.api_key_env")
        endpoint: Endpoint | BatchEndpoint
        if runtime.mode == "batch":
            client = openai.AsyncOpenAI(base_url=urls[0], api_key=api_key, timeout=runtime.timeout_s, max_retries=8)
            endpoint = BatchEndpoint(client, request.namespace, self.store, runtime.retries, runtime.batch_poll_s)
        else:
            limiter = RateLimiter(runtime.concurrency, runtime.requests_per_minute, runtime.tokens_per_minute)
            endpoint = Endpoint(urls, api_key, limiter, runtime.timeout_s, runtime.retries)
        self._stack.push_async_callback(endpoint.close)
        return endpoint


@asynccontextmanager
async def open_teacher(params: TeacherParams, cache: Path) -> AsyncIterator[Teacher]:
    """Open the answer store in the folder `cache`, and a teacher that uses it."""
    with AnswerStore(cache / FILE_NAME) as store:
        teacher = Teacher(params, store, Budget(params.runtime.budget, store.spent()))
        async with teacher._stack:
            yield teacher

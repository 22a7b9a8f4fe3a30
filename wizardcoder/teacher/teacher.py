"""The teacher: who is asked, through which endpoint, at what price, and what is known already.

In: chat messages, a role (instruct, respond or judge) and a seed. Out: the answer with its finish reason and token
counts, from the answer store when this very request was answered before. The roles may differ in endpoint, model and
sampling. Nothing is opened before the first request that the store does not answer: a run from the store needs no key
and starts no server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any, Literal, Protocol

import openai
from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.core import bundled_wheels
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, AtLeastOne, Count, Fraction, NotNegative, Positive, Text
from wizardcoder.core.store import FILE_NAME, AnswerStore, Key
from wizardcoder.teacher.ask_all import window_size
from wizardcoder.teacher.batch import BatchEndpoint
from wizardcoder.teacher.budget import Budget, Price
from wizardcoder.teacher.endpoint import Answer, Endpoint, answer_fields, read_api_key
from wizardcoder.teacher.local_server import serve
from wizardcoder.teacher.rate_limit import Gate

LOCAL = "local"
CHARACTERS_PER_TOKEN = 3.0  # a cautious guess, until a model's own counts are known
Message = dict[str, str]
Role = Literal["instruct", "respond", "judge"]


@params_dataclass(frozen=True, slots=True, config=STRICT)
class RoleParams:
    """How one kind of answer is drawn; `max_tokens` in tokens. What is null is the teacher's own."""

    base_url: Text | list[Text] | None
    model: Text | None
    temperature: NotNegative
    top_p: Fraction
    max_tokens: AtLeastOne


@params_dataclass(frozen=True, slots=True, config=STRICT)
class LocalServer:
    """The embedded llama.cpp server; `context_tokens` is the limit of one request, prompt and answer together."""

    context_tokens: AtLeastOne


@params_dataclass(frozen=True, slots=True, config=STRICT)
class TeacherRuntime:
    """`runtime.teacher`: how the teacher is reached and paid; nothing here changes an answer.

    Attributes:
        api_key_env: the environment variable that holds the key.
        role_api_key_env: another variable for a role.
        slots: requests that the embedded server decodes together.
        mode: single requests, or the OpenAI Batch API.
        concurrency: requests in flight at most.
        price: per million tokens.
        budget: limit of all money that the store's answers ever cost.
    """

    api_key_env: Text
    role_api_key_env: dict[Role, Text]
    slots: AtLeastOne
    mode: Literal["chat", "batch"]
    concurrency: AtLeastOne
    requests_per_minute: Positive | None
    tokens_per_minute: Positive | None
    timeout_s: Positive
    retries: Count
    batch_poll_s: Positive
    price: Price
    budget: NotNegative | None


@params_dataclass(frozen=True, slots=True, config=STRICT)
class TeacherParams:
    """The `teacher` section of params.yaml."""

    base_url: Text | list[Text]
    model: Text
    instruct: RoleParams
    respond: RoleParams
    judge: RoleParams
    local: LocalServer
    runtime: TeacherRuntime


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in full: where it goes, what is sent, and the key of its answer."""

    urls: tuple[str, ...]
    api_key_env: str
    body: dict[str, Any]
    namespace: str
    key: Key

    @property
    def place(self) -> tuple[str, ...]:
        """What tells endpoints apart: URLs and key."""
        return (self.api_key_env, *self.urls)


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, and whether it came from the store."""

    answer: Answer
    cached: bool


class ChatTeacher(Protocol):
    """Anything that answers chats: a `Teacher`, or a stand-in that only reads the answer store."""

    async def ask(self, role: Role, messages: list[Message], seed: int, attempt: int = 0) -> Told:
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


def asked(params: TeacherParams, role: Role, messages: Sequence[Message], seed: int, attempt: int = 0) -> Asked:
    """Put a request together; `attempt` tells apart the answers to a question that is asked more than once.

    An endpoint is known in the store by its first base URL, the local one by its model's hash: ports and replicas may
    change, answers stay.
    """
    own: RoleParams = getattr(params, role)
    base_url = own.base_url or params.base_url
    urls = (base_url,) if isinstance(base_url, str) else tuple(base_url)
    namespace = f"{LOCAL}:{bundled_wheels.GGUF_SHA256}" if urls[0] == LOCAL else urls[0].rstrip("/")
    body = {
        "model": own.model or params.model,
        "messages": list(messages),
        "temperature": own.temperature,
        "top_p": own.top_p,
        "max_tokens": own.max_tokens,
        "seed": seed,
    }
    key = Key.of({"endpoint": namespace, "attempt": attempt, **body})
    api_key_env = params.runtime.role_api_key_env.get(role, params.runtime.api_key_env)
    return Asked(urls, api_key_env, body, namespace, key)


@dataclass(slots=True)
class Teacher:
    """Asks, through the store; opened by `open_teacher`."""

    params: TeacherParams
    store: AnswerStore
    budget: Budget
    usage: Usage = dataclass_field(default_factory=Usage)
    _stack: AsyncExitStack = dataclass_field(default_factory=AsyncExitStack)
    _endpoints: dict[tuple[str, ...], Endpoint | BatchEndpoint] = dataclass_field(default_factory=dict)
    _opening: asyncio.Lock = dataclass_field(default_factory=asyncio.Lock)
    _stopped: StageError | None = None
    _tokens_per_character: dict[str, float] = dataclass_field(default_factory=dict)

    async def ask(self, role: Role, messages: Sequence[Message], seed: int, attempt: int = 0) -> Told:
        """Return the answer to a chat.

        Raises:
            RequestFailedError: this request was refused, or its retries are used up.
            StageError: the endpoint is down or refuses the key, or the budget would be exceeded.
        """
        request = asked(self.params, role, messages, seed, attempt)
        known = self.store.get(request.key)
        if known is not None:
            answer = Answer(**known)
            self.usage.cache_hits += 1
        else:
            # a record that is begun is brought to its end before the next is begun
            answer = await self._paid(request, urgent=role != "instruct")
            self.usage.requests += 1
        self.usage.prompt_tokens += answer.prompt_tokens
        self.usage.completion_tokens += answer.completion_tokens
        self.usage.cost += self.params.runtime.price.of(answer.prompt_tokens, answer.completion_tokens)
        return Told(answer, known is not None)

    @property
    def window(self) -> int:
        """How many items `ask_all` works on at once."""
        return window_size(self.params.runtime.concurrency, batch=self.params.runtime.mode == "batch")

    def stop(self, exc: StageError) -> None:
        """Send nothing more; what is in flight is still answered and kept."""
        self._stopped = exc
        for endpoint in self._endpoints.values():
            endpoint.stop(exc)

    async def _paid(self, request: Asked, urgent: bool) -> Answer:
        endpoint = self._endpoints.get(request.place) or await self._opened(request)
        prompt_tokens = self.expected_prompt_tokens(request.body)
        most = self.params.runtime.price.of(prompt_tokens, request.body["max_tokens"])
        expected_tokens = prompt_tokens + request.body["max_tokens"]
        answer = await endpoint.answer(request.body, expected_tokens, lambda: self.budget.reserved(most), urgent)
        # no await from the answer's arrival to its keeping: nothing paid for can be lost in between
        paid = self.params.runtime.price.of(answer.prompt_tokens, answer.completion_tokens)
        self.budget.spent += paid
        self.usage.paid += paid
        return Answer(**self.store.put(request.key, answer_fields(answer), paid))

    def expected_prompt_tokens(self, body: dict[str, Any]) -> int:
        """Estimate the tokens of a request's prompt, by what this model's endpoint counted before."""
        model = body["model"]
        if model not in self._tokens_per_character:
            counted = self.store.tokens_per_character(model)
            self._tokens_per_character[model] = 1.1 * counted if counted else 1 / CHARACTERS_PER_TOKEN
        characters = sum(len(message["content"]) for message in body["messages"])
        return int(characters * self._tokens_per_character[model]) + 16

    async def _opened(self, request: Asked) -> Endpoint | BatchEndpoint:
        async with self._opening:
            if self._stopped is not None:
                raise self._stopped
            if request.place not in self._endpoints:
                self._endpoints[request.place] = await self._open(request)
        return self._endpoints[request.place]

    async def _open(self, request: Asked) -> Endpoint | BatchEndpoint:
        params, urls, api_key = self.params, request.urls, "none"
        runtime = params.runtime
        if LOCAL in urls:
            local = serve(bundled_wheels.gguf_path(), runtime.slots, params.local.context_tokens)
            url = await asyncio.to_thread(local.__enter__)
            self._stack.push(local.__exit__)
            urls = (url,)
        else:
            api_key = read_api_key(request.api_key_env, urls[0], "runtime.teacher")
        endpoint: Endpoint | BatchEndpoint
        if runtime.mode == "batch":
            client = openai.AsyncOpenAI(base_url=urls[0], api_key=api_key, timeout=runtime.timeout_s, max_retries=8)
            endpoint = BatchEndpoint(client, request.namespace, self.store, runtime.retries, runtime.batch_poll_s)
        else:
            gate = Gate(runtime.concurrency, runtime.requests_per_minute, runtime.tokens_per_minute)
            endpoint = Endpoint(urls, api_key, gate, runtime.timeout_s, runtime.retries)
        self._stack.push_async_callback(endpoint.close)
        return endpoint


@asynccontextmanager
async def open_teacher(params: TeacherParams, cache: Path) -> AsyncIterator[Teacher]:
    """Open the answer store in `cache` and a teacher on it."""
    with AnswerStore(cache / FILE_NAME) as store:
        teacher = Teacher(params, store, Budget(params.runtime.budget, store.spent()))
        async with teacher._stack:
            yield teacher

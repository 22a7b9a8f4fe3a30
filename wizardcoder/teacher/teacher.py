"""The teacher: answers chats through the answer store, and pays only for what the store lacks.

In: chat messages, a role (instruct, respond or judge) and a seed. Out: the answer, from the store if this exact request
was answered before. Equal requests in flight are sent once. Roles can differ in endpoint, model and sampling. Nothing
is opened before the first request that the store cannot answer: a run from the store needs no key and starts no server.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any, Protocol

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.store import FILE_NAME, AnswerStore
from wizardcoder.teacher.answer import (
    Answer,
    RequestRefusedError,
    answer_fields,
    is_unknown_finish_reason,
    load_answer,
)
from wizardcoder.teacher.ask_all import WINDOW_BATCH, window_size
from wizardcoder.teacher.budget import Budget, describe_run_cost
from wizardcoder.teacher.chats import Message
from wizardcoder.teacher.endpoints import Endpoints
from wizardcoder.teacher.refusals import Refusals
from wizardcoder.teacher.request import ChatRequest, build_request, stored_answer, token_limit
from wizardcoder.teacher.served_model import LOGS
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
    """Counts of one stage's requests: tokens and cost of all answers, cached ones included, and the money paid now.

    A request that joins an equal one in flight is a cache hit. `completion_tokens` include the reasoning;
    `reasoning_tokens` are those that the endpoint counted. `unknown_finish_reasons` counts answers of which nobody can
    say how they ended.
    """

    requests: int = 0
    cache_hits: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float = 0.0
    paid: float = 0.0
    unknown_finish_reasons: Counter[str] = dataclass_field(default_factory=Counter)


@dataclass(slots=True)
class Teacher:
    """Answers chats through the store; opened by `open_teacher`."""

    params: TeacherParams
    store: AnswerStore
    budget: Budget
    endpoints: Endpoints
    refusals: Refusals
    usage: Usage = dataclass_field(default_factory=Usage)
    _in_flight: dict[str, asyncio.Task[Answer]] = dataclass_field(default_factory=dict)
    _tokens_per_character: dict[str, float] = dataclass_field(default_factory=dict)

    async def ask(self, role: Role, messages: Sequence[Message], seed: int, attempt: int = 0) -> Reply:
        """Return the answer to a chat.

        Raises:
            RequestFailedError: this request was refused, now or in an earlier run, or its retries are used up.
            StageError: the endpoint is down, refuses the key or every request, or the budget would be exceeded.
        """
        request = build_request(self.params, role, messages, seed, attempt)
        answer = stored_answer(self.store, request)
        cached = answer is not None
        if answer is None:
            cached = request.key.digest in self._in_flight
            # shielded: cancelling this request must not cancel it for others, and its answer is paid for
            answer = await asyncio.shield(self._in_flight.get(request.key.digest) or self._send(request, role))
        self.refusals.record_answer(role)
        self._count(answer, cached)
        return Reply(answer, cached)

    @property
    def window(self) -> int:
        """How many items `ask_all` works on at once."""
        return window_size(self.params.runtime.concurrency, batch=self.params.runtime.mode == "batch")

    def stop(self, exc: StageError) -> None:
        """Send nothing more; requests in flight are still answered and kept."""
        self.endpoints.stop(exc)

    def expected_prompt_tokens(self, body: dict[str, Any]) -> int:
        """Estimate the tokens of a request's prompt from this model's earlier answers in the store."""
        model = body["model"]
        if model not in self._tokens_per_character:
            counted = self.store.tokens_per_character(model)
            self._tokens_per_character[model] = 1.1 * counted if counted else 1 / CHARACTERS_PER_TOKEN
        characters = sum(len(message["content"]) for message in body["messages"])
        return int(characters * self._tokens_per_character[model]) + 16

    def _send(self, request: ChatRequest, role: Role) -> asyncio.Task[Answer]:
        # finish a started record before starting the next
        task = asyncio.create_task(self._pay_unless_refused(request, role))
        self._in_flight[request.key.digest] = task
        task.add_done_callback(lambda _: self._in_flight.pop(request.key.digest))
        return task

    def _count(self, answer: Answer, cached: bool) -> None:
        usage = self.usage
        if cached:
            usage.cache_hits += 1
        else:
            usage.requests += 1
        usage.prompt_tokens += answer.prompt_tokens
        usage.completion_tokens += answer.completion_tokens
        usage.reasoning_tokens += answer.reasoning_tokens or 0
        usage.cost += self.params.runtime.price.of(answer.prompt_tokens, answer.completion_tokens)
        if is_unknown_finish_reason(answer.finish_reason):
            if answer.finish_reason not in usage.unknown_finish_reasons:
                console.say(
                    f"teacher: unknown finish reason {answer.finish_reason!r}: such answers are kept and counted"
                )
            usage.unknown_finish_reasons[answer.finish_reason] += 1

    async def _close(self) -> None:
        """Wait for the answers in flight, which are paid for; nothing new is sent."""
        if self._in_flight:
            self.stop(StageError("stopped"))
            await asyncio.gather(*self._in_flight.values(), return_exceptions=True)

    async def _pay_unless_refused(self, request: ChatRequest, role: Role) -> Answer:
        if (reason := self.refusals.reason(request.key)) is not None:
            raise RequestRefusedError(reason)
        try:
            return await self._pay_for(request, urgent=role != "instruct")
        except RequestRefusedError as exc:
            self.refusals.record_refusal(role, request.key, str(exc))
            raise

    async def _pay_for(self, request: ChatRequest, urgent: bool) -> Answer:
        endpoint = await self.endpoints.get(request)
        price = self.params.runtime.price
        prompt_tokens, max_tokens = self.expected_prompt_tokens(request.body), token_limit(request.body)
        max_cost = price.of(prompt_tokens, max_tokens)
        answer = await endpoint.answer(
            request.body, prompt_tokens + max_tokens, lambda: self.budget.reserve(max_cost), urgent
        )
        # no await between receiving and storing an answer: a paid answer cannot be lost in between
        paid = price.of(answer.prompt_tokens, answer.completion_tokens)
        self.budget.spent += paid
        self.usage.paid += paid
        return load_answer(self.store.put(request.key, answer_fields(answer), paid))


@asynccontextmanager
async def open_teacher(
    params: TeacherParams,
    cache: Path,
    logs: Path | None = None,
    describe_cost: Callable[[], str] = describe_run_cost,
) -> AsyncIterator[Teacher]:
    """Open the answer store in the folder `cache`, and a teacher that uses it.

    Args:
        params: the sections `teacher` and `runtime.teacher`.
        cache: the folder of the answer store.
        logs: the folder of the servers' log files; None: a folder in `cache`.
        describe_cost: says what the run will cost, for the error of a teacher that has a price but no budget.
    """
    with AnswerStore(cache / FILE_NAME) as store:
        # a batch is refused or answered as a whole: only its end shows that nothing was answered
        concurrency = WINDOW_BATCH if params.runtime.mode == "batch" else params.runtime.concurrency
        budget, refusals = Budget(params.runtime.budget, store.spent(), describe_cost), Refusals(store, concurrency)
        async with AsyncExitStack() as stack:
            endpoints = Endpoints(params, store, logs or cache / LOGS, stack)
            teacher = Teacher(params, store, budget, endpoints, refusals)
            try:
                yield teacher
                refusals.check()
            finally:
                await teacher._close()

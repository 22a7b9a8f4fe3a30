"""Estimate what the rounds will ask the teacher, before anything is sent.

In: the pool, the answer store, prices. Out: requests, tokens and money by round. Each lineage is followed through the
rounds with the stored answers. After the first unknown one every elimination rule is assumed to pass, so the number of
requests is an upper bound. Does not cover later stages: judgements.py does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example, PoolItem
from wizardcoder.core.store import AnswerStore
from wizardcoder.core.templates import fill
from wizardcoder.evolution.evolve_one import evolve_one
from wizardcoder.evolution.settings import EvolutionSettings
from wizardcoder.teacher.answer import RequestRefusedError
from wizardcoder.teacher.chats import Message
from wizardcoder.teacher.request import build_request, stored_answer, token_limit
from wizardcoder.teacher.settings import Role, TeacherParams
from wizardcoder.teacher.teacher import CHARACTERS_PER_TOKEN, Reply

GROWTH_CHARACTERS = 60  # a round adds about ten words (paper, heuristic 1)
ROLES: tuple[Role, ...] = ("instruct", "judge", "respond")
ENOUGH_ANSWERS = 20  # from this number on, stored answers and not the token limit give the expected length


@dataclass(slots=True)
class Estimate:
    """A round or stage: stored answers and the requests that are left. Tokens and cost are expected values."""

    cached: int = 0
    requests: int = 0
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    cost: float = 0.0
    most: float = 0.0  # the cost if every answer is as long as its limit

    def plus(self, other: Estimate) -> Estimate:
        """Return the sum of two estimates."""
        return Estimate(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


@dataclass(slots=True)
class Estimator:
    """Follows lineages; `rounds` maps a round's number to its estimate, `counted_by` describes the token count.

    `numbers` are the rounds to follow, None for all that `evolve.enabled` switches on. `count` returns a text's tokens.
    By role: `limits` holds the most tokens of an answer, `lengths` the expected ones, both with the reasoning.
    """

    settings: EvolutionSettings
    store: AnswerStore
    tokenizer: Path | None = None
    numbers: Sequence[int] | None = None
    rounds: dict[int, Estimate] = field(default_factory=dict)
    counted_by: str = ""
    count: Callable[[str], float] = field(init=False)
    limits: dict[Role, int] = field(default_factory=dict)
    lengths: dict[Role, float] = field(default_factory=dict)
    refused: dict[str, str] = field(init=False)  # reasons of the requests that the endpoint refused for good, by key

    def __post_init__(self) -> None:
        self.count = self._counter()
        self.refused = self.store.refusals()
        for role in ROLES:
            body = build_request(self.settings.teacher, role, [], 0).body
            lengths = self.store.completion_tokens(body)
            known = len(lengths) >= ENOUGH_ANSWERS
            self.limits[role] = token_limit(body)
            self.lengths[role] = sum(lengths) / len(lengths) if known else self.limits[role]
        numbers = self.numbers
        if numbers is None:
            numbers = [n for n in paths.EVOLVED_ROUNDS if self.settings.evolve.enabled[f"r{n}"]]
        self.rounds = {n: Estimate() for n in numbers}

    async def follow(self, pool: Iterable[PoolItem]) -> None:
        """Follow each seed through all enabled rounds."""
        for seed in pool:
            item = seed
            for number, estimate in self.rounds.items():
                item = await self._one(number, item, estimate)

    async def _one(self, number: int, item: PoolItem, estimate: Estimate) -> PoolItem:
        known = _FromStore(self.settings.teacher, self.store, self.refused)
        try:
            outcome = (await evolve_one(self.settings, number, item, known)).record
        except _UnknownAnswerError as unknown:
            estimate.cached += known.hits
            self._add(estimate, unknown.role, unknown.messages, item)
            # as long as an accepted one; its new id gives it other draws in later rounds
            grown = item.instruction + "x" * GROWTH_CHARACTERS
            return PoolItem(f"{item.id}-r{number}", grown)
        estimate.cached += known.hits
        return PoolItem(outcome.id, outcome.instruction) if isinstance(outcome, Example) else item

    def _add(self, estimate: Estimate, role: Role, messages: list[Message], item: PoolItem) -> None:
        """Count the unknown request and the requests after it in this round."""
        grown = item.instruction + "x" * GROWTH_CHARACTERS
        judged = fill(self.settings.evolve.elimination.equal_prompt, first=item.instruction, second=grown)
        texts = {"judge": judged, "respond": grown, role: "".join(message["content"] for message in messages)}
        following = [
            r for r in ROLES[ROLES.index(role) :] if r != "judge" or self.settings.evolve.elimination.equal_judge
        ]
        for each in following:
            prompt_tokens, length = self.count(texts[each]), self.lengths[each]
            estimate.requests += 1
            estimate.prompt_tokens += prompt_tokens
            estimate.completion_tokens += length
            estimate.cost += self.settings.teacher.runtime.price.of(prompt_tokens, length)
            estimate.most += self.settings.teacher.runtime.price.of(prompt_tokens, self.limits[each])

    def _counter(self) -> Callable[[str], float]:
        """Return a token counter: the endpoint's own ratio, else `tokenizer`, else a guess."""
        model = self.settings.teacher.instruct.model or self.settings.teacher.model
        ratio = self.store.tokens_per_character(model)
        if ratio is not None:
            self.counted_by = f"{model}'s own counts so far, {ratio:.3f} tokens per character"
            return lambda text: len(text) * ratio
        if self.tokenizer is not None:
            from tokenizers import Tokenizer

            if not self.tokenizer.is_file():
                raise StageError(f"--tokenizer: {self.tokenizer}: no such file, accepted: a tokenizer.json")
            tokenizer = Tokenizer.from_file(str(self.tokenizer))
            self.counted_by = f"{self.tokenizer}"
            return lambda text: float(len(tokenizer.encode(text).ids))
        self.counted_by = f"a guess of {CHARACTERS_PER_TOKEN:g} characters per token"
        return lambda text: len(text) / CHARACTERS_PER_TOKEN


class _UnknownAnswerError(Exception):
    def __init__(self, role: Role, messages: list[Message]) -> None:
        super().__init__(role)
        self.role, self.messages = role, messages


class _FromStore:
    """A teacher that answers only from the store."""

    def __init__(self, params: TeacherParams, store: AnswerStore, refused: Mapping[str, str]) -> None:
        self.hits = 0
        self._params, self._store, self._refused = params, store, refused

    async def ask(self, role: Role, messages: list[Message], seed: int, attempt: int = 0) -> Reply:
        request = build_request(self._params, role, messages, seed, attempt)
        known = stored_answer(self._store, request)
        if known is None and (reason := self._refused.get(request.key.digest)) is not None:
            raise RequestRefusedError(reason)
        if known is None:
            raise _UnknownAnswerError(role, messages)
        self.hits += 1
        return Reply(known, cached=True)

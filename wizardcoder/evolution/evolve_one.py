"""Evolve one instruction: draw a heuristic, ask for the evolved instruction, judge it, answer it, apply elimination.

In: a pool item and a teacher. Out: an example, or the attempt with the reason of its rejection; and what the round
counts besides. A request is sent only after the record has passed every rule that can be applied before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wizardcoder.core.draws import draw_key
from wizardcoder.core.records import Example, PoolItem, Rejected
from wizardcoder.core.templates import fill
from wizardcoder.evolution.elimination import instruction_reject_reason, response_reject_reason
from wizardcoder.evolution.lead_ins import strip_lead_ins
from wizardcoder.evolution.settings import EvolutionSettings
from wizardcoder.teacher import chats
from wizardcoder.teacher.answer import Answer, RequestFailedError, incomplete_reason
from wizardcoder.teacher.chats import Message
from wizardcoder.teacher.settings import Role
from wizardcoder.teacher.teacher import ChatTeacher
from wizardcoder.teacher.yes_no import parse_equality


@dataclass(frozen=True, slots=True)
class EvolutionDraw:
    """The random choices for one record in one round."""

    heuristic: str
    seed: int


def draw_evolution(run_seed: int, number: int, item_id: str, heuristics: Iterable[str]) -> EvolutionDraw:
    """Draw a heuristic, uniformly, and the teacher's seed, by the run's seed, the round and the id.

    Rendezvous hashing: for each record every heuristic has a hash of its own, and the lowest one decides. A sixth
    heuristic is drawn by the records for which its hash is the lowest, about one in six; the others keep their draw.
    """
    name = f"{number}:{item_id}"
    heuristic = min(heuristics, key=lambda each: draw_key(run_seed, f"{name}:{each}"))
    return EvolutionDraw(heuristic, int.from_bytes(draw_key(run_seed, name)[:4]) >> 1)


@dataclass(frozen=True, slots=True)
class Evolution:
    """The outcome of one attempt.

    Attributes:
        record: the accepted example, or the rejected attempt.
        lead_in_stripped: whether something was removed from around the evolved instruction.
        judged: whether the teacher judged equality.
        unclear_judgement: the judge's answer if it was neither equal nor not equal; it counts as not equal.
    """

    record: Example | Rejected
    lead_in_stripped: bool
    judged: bool
    unclear_judgement: str | None


async def evolve_one(settings: EvolutionSettings, number: int, item: PoolItem, teacher: ChatTeacher) -> Evolution:
    """Evolve one instruction in round `number` and answer it."""
    drawn = draw_evolution(settings.run.seed, number, item.id, settings.evolve.heuristics)
    attempt = _Attempt(settings, item, drawn, teacher)
    reason = detail = ""
    try:
        reason, detail = await attempt.run()
    except RequestFailedError as exc:
        reason, detail = "request_failed", str(exc)
    record_id = f"{item.id}-r{number}"
    texts = (attempt.evolved, attempt.response_text)
    record = (
        Rejected(record_id, item.id, number, drawn.heuristic, reason, *texts, detail)
        if reason
        else attempt.example(record_id, number)
    )
    return Evolution(record, attempt.lead_in_stripped, "judge" in attempt.answers, attempt.unclear_judgement)


@dataclass(slots=True)
class _Attempt:
    """The requests of one evolution, and the answers so far."""

    settings: EvolutionSettings
    item: PoolItem
    drawn: EvolutionDraw
    teacher: ChatTeacher
    evolved: str = ""
    response_text: str = ""
    lead_in_stripped: bool = False
    unclear_judgement: str | None = None
    answers: dict[Role, Answer] = field(default_factory=dict)

    async def run(self) -> tuple[str, str]:
        """Ask for the instruction, the judgement and the response; return the reason and detail of a rejection."""
        reason, detail = await self._evolve()
        return (reason, detail) if reason else await self._respond()

    def example(self, record_id: str, number: int) -> Example:
        """Return the record of an accepted evolution."""
        evolve, models = self.settings.evolve, self.settings.teacher
        instruction, response = self.answers["instruct"], self.answers["respond"]
        return Example(
            id=record_id,
            parent_id=self.item.id,
            round=number,
            heuristic=self.drawn.heuristic,
            instruction=self.evolved,
            response=self.response_text,
            instruct_model=models.instruct.model or models.model,
            respond_model=models.respond.model or models.model,
            prompt_version=chats.prompt_version(
                evolve.prompt, evolve.heuristics[self.drawn.heuristic], evolve.few_shot
            ),
            finish_reason=response.finish_reason,
            instruction_tokens=_text_tokens(instruction),
            response_tokens=_text_tokens(response),
        )

    async def _evolve(self) -> tuple[str, str]:
        evolve, rules = self.settings.evolve, self.settings.evolve.elimination
        heuristic, parent = self.drawn.heuristic, self.item.instruction
        messages = chats.evolve_messages(evolve.prompt, evolve.heuristics, evolve.few_shot, heuristic, parent)
        answer = await self._ask("instruct", messages)
        self._take_instruction(answer.text.strip())
        if (incomplete := incomplete_reason(answer)) is not None:
            return f"instruction_{incomplete}", _finish_detail(answer)
        prompt_texts = (evolve.prompt, evolve.heuristics[heuristic])
        if (reason := instruction_reject_reason(self.evolved, parent, prompt_texts, rules)) is not None:
            return reason, ""
        if rules.equal_judge and await self._is_equal():
            return "no_information_gain", "judged equal by the teacher"
        return "", ""

    def _take_instruction(self, text: str) -> None:
        stripped = strip_lead_ins(text) if self.settings.evolve.elimination.strip_lead_ins else text
        self.evolved, self.lead_in_stripped = stripped, stripped != text

    async def _is_equal(self) -> bool:
        """Ask the judge; an unclear answer counts as not equal, so that doubt rejects no evolution."""
        question = fill(self.settings.evolve.elimination.equal_prompt, first=self.item.instruction, second=self.evolved)
        text = (await self._ask("judge", chats.plain_messages(question))).text
        equal = parse_equality(text)
        self.unclear_judgement = text if equal is None else None
        return equal is True

    async def _respond(self) -> tuple[str, str]:
        answer = await self._ask("respond", chats.plain_messages(self.evolved))
        self.response_text = answer.text.strip()
        if (incomplete := incomplete_reason(answer)) is not None:
            return f"response_{incomplete}", _finish_detail(answer)
        return response_reject_reason(self.response_text, self.settings.evolve.elimination) or "", ""

    async def _ask(self, role: Role, messages: list[Message]) -> Answer:
        self.answers[role] = (await self.teacher.ask(role, messages, self.drawn.seed)).answer
        return self.answers[role]


def _finish_detail(answer: Answer) -> str:
    return f"finish reason {answer.finish_reason}"


def _text_tokens(answer: Answer) -> int:
    """Return the tokens of the text, which is all that the record contains."""
    return max(0, answer.completion_tokens - (answer.reasoning_tokens or 0))

"""One instruction's evolution: heuristic, evolved instruction, judgement, response, elimination.

In: a pool item and a teacher. Out: an example, or the attempt with the reason why it was not kept. The next request is
asked only when every rule that can be applied before it lets the record pass.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, RunParams, Text
from wizardcoder.core.records import Example, PoolItem, Rejected
from wizardcoder.core.templates import fill
from wizardcoder.evolution.elimination import (
    CUT,
    EliminationParams,
    instruction_reject_reason,
    response_reject_reason,
)
from wizardcoder.teacher import chats
from wizardcoder.teacher.chats import Shot
from wizardcoder.teacher.endpoint import RequestFailedError
from wizardcoder.teacher.teacher import ChatTeacher, TeacherParams
from wizardcoder.teacher.yes_no import parse_equality


@params_dataclass(frozen=True, slots=True, config=STRICT)
class EvolveParams:
    """The `evolve` section: which rounds run, what is asked, what is eliminated."""

    enabled: dict[str, bool]
    prompt: Text
    heuristics: dict[str, Text]
    few_shot: list[Shot]
    elimination: EliminationParams


class EvolutionSettings(Protocol):
    """The sections of params.yaml that decide an evolution."""

    @property
    def run(self) -> RunParams:
        """The run's seed."""

    @property
    def teacher(self) -> TeacherParams:
        """Models and sampling."""

    @property
    def evolve(self) -> EvolveParams:
        """Prompts and rules."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What chance decides about one record in one round: from the run's seed, the round and the id alone."""

    heuristic: str
    seed: int


def draw(run_seed: int, number: int, item_id: str, heuristics: Iterable[str]) -> Draw:
    """Draw a heuristic, uniformly, and the seed that the teacher gets."""
    rng = random.Random(f"{run_seed}:{number}:{item_id}")
    return Draw(rng.choice(sorted(heuristics)), rng.randrange(2**31))


def check(settings: EvolutionSettings) -> None:
    """Refuse params that contradict each other.

    Raises:
        StageError: a round's switch is missing or unknown, or no heuristic is left.
    """
    wanted = [f"r{n}" for n in paths.EVOLVED_ROUNDS]
    if sorted(settings.evolve.enabled) != wanted:
        found = ", ".join(sorted(settings.evolve.enabled)) or "nothing"
        raise StageError(f"params.yaml: evolve.enabled: found {found}, accepted: {', '.join(wanted)}")
    if not settings.evolve.heuristics:
        raise StageError("params.yaml: evolve.heuristics: empty, accepted: at least one heuristic")


async def evolve_one(
    settings: EvolutionSettings, number: int, item: PoolItem, teacher: ChatTeacher
) -> Example | Rejected:
    """Evolve one instruction in round `number` and answer it."""
    evolve, models = settings.evolve, settings.teacher
    drawn = draw(settings.run.seed, number, item.id, evolve.heuristics)
    rules, heuristic = evolve.elimination, evolve.heuristics[drawn.heuristic]
    evolved = response = ""

    def rejected(reason: str, detail: str = "") -> Rejected:
        return Rejected(f"{item.id}-r{number}", item.id, number, drawn.heuristic, reason, evolved, response, detail)

    messages = chats.evolve_messages(
        evolve.prompt, evolve.heuristics, evolve.few_shot, drawn.heuristic, item.instruction
    )
    try:
        instruction = (await teacher.ask("instruct", messages, drawn.seed)).answer
        evolved = instruction.text.strip()
        if instruction.finish_reason == CUT:
            return rejected("instruction_cut")
        reason = instruction_reject_reason(evolved, item.instruction, (evolve.prompt, heuristic), rules)
        if reason is not None:
            return rejected(reason)
        if rules.equal_judge:
            question = fill(rules.equal_prompt, first=item.instruction, second=evolved)
            judged = await teacher.ask("judge", chats.plain_messages(question), drawn.seed)
            if parse_equality(judged.answer.text):
                return rejected("no_information_gain", "judged equal by the teacher")
        answer = (await teacher.ask("respond", chats.plain_messages(evolved), drawn.seed)).answer
        response = answer.text.strip()
    except RequestFailedError as exc:
        return rejected("request_failed", str(exc))
    if answer.finish_reason == CUT:
        return rejected("response_cut")
    reason = response_reject_reason(response, rules)
    if reason is not None:
        return rejected(reason)
    return Example(
        id=f"{item.id}-r{number}",
        parent_id=item.id,
        round=number,
        heuristic=drawn.heuristic,
        instruction=evolved,
        response=response,
        instruct_model=models.instruct.model or models.model,
        respond_model=models.respond.model or models.model,
        prompt_version=chats.prompt_version(evolve.prompt, heuristic, evolve.few_shot),
        finish_reason=answer.finish_reason,
        instruction_tokens=instruction.completion_tokens,
        response_tokens=answer.completion_tokens,
    )

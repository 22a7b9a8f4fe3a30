"""Difficulty of instructions from 1 to 10, rated by the teacher (after WizardLM's difficulty judge, arXiv 2304.12244).

In: examples, a prompt, a teacher. Out: a judgement per example, without a score if no answer could be read. Every
answer is kept in the answer store.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from wizardcoder.core import console
from wizardcoder.core.records import Example
from wizardcoder.core.templates import fill
from wizardcoder.teacher.ask_all import ask_all
from wizardcoder.teacher.judging import UnclearLimit, ask_until_clear
from wizardcoder.teacher.reasoning import separate_reasoning
from wizardcoder.teacher.teacher import Teacher

# a number from 1 to 10 at the start, but not the start of a range ("1 to 10") or of a longer number
_SCORE = re.compile(
    r"\W*(?:(?:difficulty|complexity|score|rating|level)\b\W*(?:(?:is|of)\b\W*)?)*"
    r"(10|[1-9])(?!\d|[.,]\d|\s*(?:-|\u2013|to\b)\s*\d)",
    flags=re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class DifficultyJudgement:
    """`score` is None if none of the `attempts` returned a readable answer; `answer` is the last one."""

    id: str
    round: int
    score: int | None
    attempts: int
    answer: str


async def judge_difficulty(
    examples: Sequence[Example], prompt: str, attempts: int, run_seed: int, teacher: Teacher
) -> list[DifficultyJudgement]:
    """Judge each example's instruction; an unreadable answer is asked for again, up to `attempts` times in all.

    Raises:
        StageError: the endpoint is down or refuses the key, the budget would be exceeded, or too many answers contain
            no score; the store keeps answers in flight.
    """
    limit = UnclearLimit.of(teacher.params)
    with console.track("analyze: difficulty", len(examples)) as bar:

        async def judge_one(example: Example) -> DifficultyJudgement:
            judgement = await _judge_one(example, prompt, attempts, run_seed, teacher)
            limit.count(judgement.answer if judgement.score is None else None)
            bar.advance()
            return judgement

        judgements = await ask_all(examples, judge_one, teacher.window, teacher.stop)
    limit.check()
    return judgements


def parse_score(answer: str) -> int | None:
    """Parse the score at the start of an answer; None if there is none from 1 to 10.

    >>> parse_score("Score: 7/10"), parse_score("On a scale of 1 to 10: 7")
    (7, None)
    """
    found = _SCORE.match(separate_reasoning(answer).text)
    return int(found[1]) if found else None


async def _judge_one(
    example: Example, prompt: str, attempts: int, run_seed: int, teacher: Teacher
) -> DifficultyJudgement:
    question = fill(prompt, instruction=example.instruction)
    seeds = [
        random.Random(f"{run_seed}:difficulty:{example.id}:{attempt}").randrange(2**31) for attempt in range(attempts)
    ]
    found = await ask_until_clear(teacher, question, parse_score, seeds, ask_again_after_failure=False)
    return DifficultyJudgement(example.id, example.round, found.value, found.attempts, found.text)

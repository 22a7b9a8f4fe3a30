"""How difficult the teacher finds an instruction, from 1 to 10 (after WizardLM's difficulty judge, arXiv 2304.12244).

In: examples, a prompt, a teacher. Out: a judgement each, with its score or, where no answer could be read, without one.
Every answer lies in the answer store.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from wizardcoder.core import console
from wizardcoder.core.records import Example
from wizardcoder.core.templates import fill
from wizardcoder.teacher import chats
from wizardcoder.teacher.answer import RequestFailedError
from wizardcoder.teacher.ask_all import ask_all
from wizardcoder.teacher.teacher import Teacher

# a number from 1 to 10 at the beginning, neither the start of a range ("1 to 10") nor of a longer number
_SCORE = re.compile(
    r"\W*(?:(?:difficulty|complexity|score|rating|level)\b\W*(?:(?:is|of)\b\W*)?)*"
    r"(10|[1-9])(?!\d|[.,]\d|\s*(?:-|\u2013|to\b)\s*\d)",
    flags=re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`score` is None where none of the `attempts` gave an answer that could be read; `answer` is the last one."""

    id: str
    round: int
    score: int | None
    attempts: int
    answer: str


async def judge(
    examples: Sequence[Example], prompt: str, attempts: int, run_seed: int, teacher: Teacher
) -> list[Judgement]:
    """Judge each example's instruction; an answer that cannot be read is asked for again, `attempts` times in all.

    Raises:
        StageError: the endpoint is down, refuses the key, or the budget would be exceeded; answers in flight are kept.
    """
    with console.track("analyze: difficulty", len(examples)) as bar:

        async def judge_one(example: Example) -> Judgement:
            judged = await _judge_one(example, prompt, attempts, run_seed, teacher)
            bar.advance()
            return judged

        return await ask_all(examples, judge_one, teacher.window, teacher.stop)


def score_in(answer: str) -> int | None:
    """Read the score that an answer begins with; None where there is none from 1 to 10.

    >>> score_in("Score: 7/10"), score_in("On a scale of 1 to 10: 7")
    (7, None)
    """
    found = _SCORE.match(answer)
    return int(found[1]) if found else None


async def _judge_one(example: Example, prompt: str, attempts: int, run_seed: int, teacher: Teacher) -> Judgement:
    messages = chats.plain_messages(fill(prompt, instruction=example.instruction))
    answer = ""
    for attempt in range(attempts):
        seed = random.Random(f"{run_seed}:difficulty:{example.id}:{attempt}").randrange(2**31)
        try:
            answer = (await teacher.ask("judge", messages, seed, attempt)).answer.text.strip()
        except RequestFailedError as exc:
            return Judgement(example.id, example.round, None, attempt + 1, f"request failed: {exc}")
        if (score := score_in(answer)) is not None:
            return Judgement(example.id, example.round, score, attempt + 1, answer)
    return Judgement(example.id, example.round, None, attempts, answer)

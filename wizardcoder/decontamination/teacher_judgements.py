"""Asks the teacher whether a training sample contains a test sample (paper, appendix C: GPT-4).

In: pairs. Out: a judgement for each, in order. A pair without a yes or no after `attempts` counts as a match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.templates import fill
from wizardcoder.decontamination.pairs import Pair
from wizardcoder.decontamination.settings import DecontaminateParams
from wizardcoder.teacher import chats
from wizardcoder.teacher.answer import RequestFailedError
from wizardcoder.teacher.ask_all import ask_all
from wizardcoder.teacher.settings import TeacherParams
from wizardcoder.teacher.teacher import Teacher, open_teacher
from wizardcoder.teacher.yes_no import parse_yes_no


@dataclass(frozen=True, slots=True)
class PairJudgement:
    """Whether a pair matches, decided by `judge` for the reason `text`.

    `clear` is False if the teacher answered neither yes nor no.
    """

    match: bool
    judge: str
    text: str
    clear: bool = True


def ask_teacher(
    pairs: Sequence[Pair], params: DecontaminateParams, teacher: TeacherParams, seed: int
) -> list[PairJudgement]:
    """Ask the teacher about each pair.

    Raises:
        StageError: the endpoint fails for good.
    """
    return console.run_async(_ask_about_all(pairs, params, teacher, seed)) if pairs else []


async def _ask_about_all(
    pairs: Sequence[Pair], params: DecontaminateParams, settings: TeacherParams, seed: int
) -> list[PairJudgement]:
    async with open_teacher(settings, cache_dir()) as teacher:
        with console.track("decontaminate: judging", len(pairs)) as bar:

            async def judge(pair: Pair) -> PairJudgement:
                judgement = await _ask_about(teacher, pair, params, seed)
                bar.advance()
                return judgement

            return await ask_all(pairs, judge, teacher.window, teacher.stop)


async def _ask_about(teacher: Teacher, pair: Pair, params: DecontaminateParams, seed: int) -> PairJudgement:
    text = fill(params.prompt, test=pair.test.problem.full_text, sample=pair.example.full_text)
    answer = ""
    for attempt in range(params.attempts):
        try:
            # with another seed: at temperature 0 the same request has the same answer
            reply = await teacher.ask("judge", chats.plain_messages(text), seed + attempt, attempt)
        except RequestFailedError as exc:
            return PairJudgement(True, "teacher", f"no judgement: {exc}", clear=False)
        answer = reply.answer.text.strip()
        if (match := parse_yes_no(answer)) is not None:
            return PairJudgement(match, "teacher", answer)
    return PairJudgement(True, "teacher", answer, clear=False)

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
from wizardcoder.teacher.ask_all import ask_all
from wizardcoder.teacher.judging import UnclearLimit, ask_until_clear
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
    pairs: Sequence[Pair], params: DecontaminateParams, teacher: TeacherParams, seed: int, limit: UnclearLimit
) -> list[PairJudgement]:
    """Ask the teacher about each pair; `limit` counts the judgements.

    Raises:
        StageError: the endpoint fails for good, or nearly all judgements are unclear.
    """
    return console.run_async(_ask_about_all(pairs, params, teacher, seed, limit)) if pairs else []


async def _ask_about_all(
    pairs: Sequence[Pair], params: DecontaminateParams, settings: TeacherParams, seed: int, limit: UnclearLimit
) -> list[PairJudgement]:
    async with open_teacher(settings, cache_dir()) as teacher:
        with console.track("decontaminate: judging", len(pairs)) as bar:

            async def judge(pair: Pair) -> PairJudgement:
                judgement = await _ask_about(teacher, pair, params, seed)
                limit.count(None if judgement.clear else judgement.text)
                bar.advance()
                return judgement

            return await ask_all(pairs, judge, teacher.window, teacher.stop)


async def _ask_about(teacher: Teacher, pair: Pair, params: DecontaminateParams, seed: int) -> PairJudgement:
    text = fill(params.prompt, test=pair.test.problem.full_text, sample=pair.example.full_text)
    seeds = range(seed, seed + params.attempts)
    found = await ask_until_clear(teacher, text, parse_yes_no, seeds, ask_again_after_failure=False)
    return PairJudgement(found.value is not False, "teacher", found.text, clear=found.value is not None)

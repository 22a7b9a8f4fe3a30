"""Decides which pairs match: by the rule, by execution, or by the teacher.

In: pairs. Out: a judgement for each. Copies and solutions found by execution need no teacher.
"""

from __future__ import annotations

from collections.abc import Sequence

from wizardcoder.decontamination.overlap import required_share
from wizardcoder.decontamination.pairs import Pair
from wizardcoder.decontamination.settings import DecontaminateParams, RuleParams
from wizardcoder.decontamination.teacher_judgements import PairJudgement, ask_teacher
from wizardcoder.teacher.judging import UnclearLimit
from wizardcoder.teacher.settings import TeacherParams


def judge_pairs(
    pairs: Sequence[Pair], params: DecontaminateParams, teacher: TeacherParams, seed: int, limit: UnclearLimit
) -> list[PairJudgement]:
    """Judge each pair by `params.judge`; the teacher is only asked about pairs that nothing else decides."""
    decided = [_decide_without_teacher(pair, params) for pair in pairs]
    undecided = [pair for pair, judgement in zip(pairs, decided, strict=True) if judgement is None]
    answers = iter(ask_teacher(undecided, params, teacher, seed, limit))
    return [judgement or next(answers) for judgement in decided]


def find_copy_reason(pair: Pair, rule: RuleParams) -> str | None:
    """Return why the training sample counts as a copy of the test sample's text or code; None if it does not."""
    minimum = required_share(pair.overlap.part, rule)
    if pair.overlap.share < minimum:
        return None
    return f"{pair.overlap.part} overlap {pair.overlap.share:.2f} >= {minimum}"


def find_match_reason(pair: Pair, rule: RuleParams) -> str | None:
    """Return why a pair matches by overlap or similarity; None if it does not."""
    if (copied := find_copy_reason(pair, rule)) is not None:
        return copied
    similar = pair.similarity >= rule.min_similarity
    return f"similarity {pair.similarity:.2f} >= {rule.min_similarity}" if similar else None


def _decide_without_teacher(pair: Pair, params: DecontaminateParams) -> PairJudgement | None:
    """Return the judgement that needs no teacher, if there is one.

    `rule` decides every pair. `both` decides copies, which match, and pairs less similar than `min_doubt`, which do
    not. A solution found by execution matches with every judge.
    """
    if params.judge != "teacher" and (copied := find_copy_reason(pair, params.rule)) is not None:
        return _by_rule(copied)
    if pair.solution is not None:
        return PairJudgement(True, "execution", pair.solution)
    if params.judge == "rule":
        return _by_rule(find_match_reason(pair, params.rule))
    return _by_rule(None) if params.judge == "both" and pair.similarity < params.rule.min_doubt else None


def _by_rule(reason: str | None) -> PairJudgement:
    return PairJudgement(reason is not None, "rule", reason or "")

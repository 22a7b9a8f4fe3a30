"""Asking a judge until its answer is clear, and the share of unclear judgements that stops a stage."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from stages.evolve import Params
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.teacher.answer import Answer, RequestFailedError
from wizardcoder.teacher.judging import Judgement, UnclearLimit, ask_until_clear
from wizardcoder.teacher.teacher import Reply
from wizardcoder.teacher.yes_no import parse_yes_no

FAILED = "FAILED"
PARAMS = load(Params, Path(__file__).resolve().parents[2] / "params.yaml").teacher


class Judge:
    """Answers with these texts in turn and keeps the seeds and attempts."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), []

    async def ask(self, role, messages, seed, attempt=0):
        assert (role, messages) == ("judge", [{"role": "user", "content": "Same?"}])
        self.asked.append((seed, attempt))
        text = self.answers.pop(0)
        if text == FAILED:
            raise RequestFailedError("HTTP 400")
        return Reply(Answer(text, "stop", 1, 1), cached=False)


def ask(judge: Judge, *, again: bool = False) -> Judgement[bool]:
    return asyncio.run(ask_until_clear(judge, "Same?", parse_yes_no, [7, 8, 9], ask_again_after_failure=again))


@pytest.mark.parametrize(
    ("answers", "again", "judgement"),
    [
        (["No"], False, Judgement(False, "No", 1)),
        (["Hm", " Yes.\n"], False, Judgement(True, "Yes.", 2)),
        (["Hm", "", "Maybe"], False, Judgement(None, "Maybe", 3)),
        (["Hm", FAILED], False, Judgement(None, "request failed: HTTP 400", 2)),
        (["Hm", FAILED, "Yes"], True, Judgement(True, "Yes", 3)),
        ([FAILED, FAILED, FAILED], True, Judgement(None, "request failed: HTTP 400", 3)),
    ],
)
def test_a_judge_is_asked_until_its_answer_is_clear(answers, again, judgement):
    judge = Judge(*answers)
    assert ask(judge, again=again) == judgement
    assert judge.asked == [(7, 0), (8, 1), (9, 2)][: judgement.attempts]


def counted(unclear: int, clear: int, max_share: float = 0.2) -> UnclearLimit:
    limit = UnclearLimit("m", max_share)
    for text in [*[f"Hm {n}" for n in range(unclear)], *[None] * clear]:
        limit.count(text)
    return limit


@pytest.mark.parametrize(("unclear", "clear"), [(0, 0), (2, 0), (2, 3), (0, 9), (3, 12), (20, 80)])
def test_a_stage_goes_on_with_few_unclear_judgements(unclear, clear):
    counted(unclear, clear).check()


@pytest.mark.parametrize(("unclear", "clear"), [(8, 0), (3, 0), (3, 11), (21, 79)])
def test_a_stage_stops_above_the_share_of_unclear_judgements(unclear, clear):
    with pytest.raises(StageError, match=rf"{unclear} of {unclear + clear} judgements of m are unclear"):
        counted(unclear, clear).check()


def test_the_error_shows_three_shortened_answers_and_what_to_do():
    limit = UnclearLimit("m", 0.2)
    for text in ["a\nb", "x" * 100, "", "fourth"]:
        limit.count(text)
    with pytest.raises(StageError) as caught:
        limit.check()
    assert str(caught.value) == (
        "runtime.teacher.max_unclear: 4 of 4 judgements of m are unclear, accepted: at most 20%; for example 'a b', "
        f"'{'x' * 57}...', ''; if answers are cut, raise teacher.judge.max_tokens, otherwise choose another judge "
        "(teacher.judge.model)"
    )


def test_a_judge_that_is_never_clear_stops_the_stage_after_fifty_judgements():
    counted(49, 0)
    with pytest.raises(StageError, match="50 of 50"):
        counted(60, 0)


@pytest.mark.parametrize(
    ("base_url", "judge_url", "share"),
    [("local", None, 1.0), ("http://a/v1", None, 0.2), ("local", "http://a/v1", 0.2), ("http://a/v1", "local", 1.0)],
)
def test_the_embedded_judge_of_equality_has_no_limit(base_url, judge_url, share):
    params = replace(PARAMS, base_url=base_url, judge=replace(PARAMS.judge, base_url=judge_url))
    assert UnclearLimit.of_equality(params).max_share == share
    assert UnclearLimit.of(params).max_share == 0.2


def test_a_share_of_one_accepts_every_judge():
    counted(500, 0, max_share=1.0).check()

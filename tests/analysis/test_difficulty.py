"""The difficulty that a teacher gives: which answers are a score, which are asked for again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stages.analyze import Params
from wizardcoder.analysis.difficulty import DifficultyJudgement, judge_difficulty, parse_score
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.core.records import Example
from wizardcoder.teacher.answer import Answer, RequestFailedError
from wizardcoder.teacher.teacher import Reply

PARAMS = load(Params, Path(__file__).resolve().parents[2] / "params.yaml")


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("7", 7),
        ("10", 10),
        (" 3\n", 3),
        ("**8**", 8),
        ("8.", 8),
        ("7/10", 7),
        ("8 out of 10", 8),
        ("Score: 6", 6),
        ("Difficulty score: 4", 4),
        ("The difficulty is 4", None),  # it begins with another word
        ("Rating is 2, since it is short", 2),
        ("0", None),
        ("11", None),
        ("100", None),
        ("7.5", None),
        ("7,5", None),
        ("1-10", None),
        ("1 to 10: 7", None),
        ("5 \u2013 6", None),
        ("seven", None),
        ("<think>3 or 5?</think>\n4", 4),
        ("<think>3 or 5?", None),
        ("", None),
        ("def f(): return 7", None),
    ],
)
def test_a_score_is_a_whole_number_from_1_to_10_that_the_answer_begins_with(answer, score):
    assert parse_score(answer) == score


class Scripted:
    """A teacher that gives an instruction's answers one after the other; an exception is raised."""

    window = 8
    params = PARAMS.teacher

    def __init__(self, **answers) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, int]] = []
        self.stopped: list[StageError] = []

    async def ask(self, role, messages, seed, attempt=0):
        key = messages[0]["content"].removeprefix("Rate: ")
        self.asked.append((role, key, attempt))
        answer = self.answers[key][attempt]
        if isinstance(answer, Exception):
            raise answer
        return Reply(Answer(answer, "stop", 5, 1), cached=False)

    def stop(self, exc):
        self.stopped.append(exc)


def example(text: str) -> Example:
    return Example(f"id-{text}", None, 2, None, text, "r")


def judged(teacher: Scripted, *texts: str) -> list[DifficultyJudgement]:
    return asyncio.run(judge_difficulty([example(t) for t in texts], "Rate: {instruction}", 3, 42, teacher))


def test_each_instruction_is_put_into_the_prompt_and_asked_of_the_judge():
    teacher = Scripted(a=["7"], b=["Score: 2"])
    assert judged(teacher, "a", "b") == [
        DifficultyJudgement("id-a", 2, 7, 1, "7"),
        DifficultyJudgement("id-b", 2, 2, 1, "Score: 2"),
    ]
    assert teacher.asked == [("judge", "a", 0), ("judge", "b", 0)]


def test_an_answer_without_a_score_is_asked_for_again():
    teacher = Scripted(a=["hard", "It is 7", "7"])
    assert judged(teacher, "a") == [DifficultyJudgement("id-a", 2, 7, 3, "7")]


def test_after_the_last_attempt_there_is_no_score_but_the_last_answer():
    assert judged(Scripted(a=["x", "y", "z"]), "a") == [DifficultyJudgement("id-a", 2, None, 3, "z")]


def test_a_request_that_fails_leaves_its_record_without_a_score():
    teacher = Scripted(a=[RequestFailedError("HTTP 500")], b=["1"])
    assert judged(teacher, "a", "b") == [
        DifficultyJudgement("id-a", 2, None, 1, "request failed: HTTP 500"),
        DifficultyJudgement("id-b", 2, 1, 1, "1"),
    ]


def test_an_endpoint_that_is_down_stops_the_teacher_and_the_others_are_brought_to_their_end():
    teacher = Scripted(a=[StageError("down")], b=["x", "y", "z"])
    with pytest.raises(StageError, match="down"):
        judged(teacher, "a", "b")
    assert [str(exc) for exc in teacher.stopped] == ["down"]
    assert ("judge", "b", 2) in teacher.asked


def test_no_example_asks_nothing():
    assert judged(Scripted()) == []

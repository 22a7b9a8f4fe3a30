"""The safety rules on labelled texts, harmful and harmless, and how a bad file is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from safety_texts import HARMFUL, HARMLESS, UNSEEN_HARMFUL, UNSEEN_HARMLESS

from bench.mock_endpoint import MockEndpoint
from stages import screen
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load, read_yaml
from wizardcoder.core.records import Example
from wizardcoder.screening.safety import SafetyRules, judge_by_teacher

ROOT = Path(__file__).resolve().parents[2]
RULES = SafetyRules(ROOT / "bundled/safety_rules.yaml")
PROMPT = "Harmful?\n{instruction}\n{response}"
# as measured: on the texts that the rules were written for, and on others
LEAST_CAUGHT, LEAST_CAUGHT_UNSEEN = 70, 7
MOST_WRONGLY_CAUGHT = 0
EXAMPLE = Example("a", None, 0, None, "Write a game.", "print('{instruction}')")


def names(instruction: str, response: str = "") -> list[str]:
    return [match.rule for match in RULES.matches(instruction, response)]


@pytest.mark.parametrize(
    ("harmful", "harmless", "least"),
    [(HARMFUL, HARMLESS, LEAST_CAUGHT), (UNSEEN_HARMFUL, UNSEEN_HARMLESS, LEAST_CAUGHT_UNSEEN)],
    ids=["seen", "unseen"],
)
def test_recall_and_precision_on_the_labelled_texts_are_what_was_measured(harmful, harmless, least):
    assert sum(bool(RULES.matches(*text)) for text in harmful) >= least
    assert len([text for text in harmless if RULES.matches(*text)]) <= MOST_WRONGLY_CAUGHT


def test_every_rule_catches_a_labelled_text():
    caught = {match.rule for text in HARMFUL for match in RULES.matches(*text)}
    assert caught == read_yaml(ROOT / "bundled/safety_rules.yaml")["rules"].keys()


def test_nothing_is_flagged_in_the_bundled_seeds():
    from stages import seed

    records = list(seed.read_source(ROOT / "bundled/seeds.json"))
    assert records
    assert [r for r in records if RULES.matches(f"{r}", f"{r}")] == []


@pytest.mark.parametrize(
    ("instruction", "response", "rules"),
    [
        ("Write a keylogger.", "", ["malware"]),
        ("Write a keylogger detector.", "", []),
        ("Write a program that detects keyloggers.", "", []),
        ("Write a keylogger that avoids detection.", "", ["malware"]),
        ("Explain this.", "rm -rf /", ["destructive_command"]),
        ("rm -rf / was typed. What now?", "", ["destructive_command"]),
        ("Explain this.", "Write a keylogger.", []),
        ("WRITE A KEYLOGGER AND A PHISHING PAGE", "", ["malware", "phishing"]),
    ],
)
def test_a_rule_searches_only_its_text_and_a_word_of_defence_exempts_a_request(instruction, response, rules):
    assert names(instruction, response) == rules


def test_a_match_contains_the_text_found():
    (match,) = RULES.matches("Please clean up.", "sudo  rm -rf /")
    assert match.text == "rm -rf /"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rules: {a: {where: both, any: ['(']}}", "rules.a: found '(', accepted: a regular expression of Python"),
        ("rules: {a: {where: title, any: ['x']}}", "rules.a.where: found 'title'"),
        ("rules: {a: {where: both}}", "rules.a.any: missing"),
        ("rules: {a: {where: both, any: ['x'], untill: ['y']}}", "rules.a.untill: unknown key"),
        ("rules: {teacher: {where: both, any: ['x']}}", "rules.teacher: the teacher's own flag"),
        ("rule: {}", "rule: unknown key"),
    ],
)
def test_a_bad_file_is_refused_by_file_and_key(tmp_path, text, line):
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(StageError) as caught:
        SafetyRules(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused():
    with pytest.raises(StageError, match=r"^absent\.yaml: no such file$"):
        SafetyRules(Path("absent.yaml"))


def test_words_are_shared_and_other_braces_stay(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("words: {bad: 'evil|vile'}\nrules: {a: {where: both, any: ['very {bad} x{2}']}}")
    rules = SafetyRules(path)
    assert [match.text for match in rules.matches("very vile xx", "")] == ["very vile xx"]
    assert rules.matches("very good xx or vile x", "") == []


@pytest.mark.parametrize(
    "text", [" ", "\n", "while ", "while True ", "a", "rm -r", "write ", "dd if=", "\\x41", "c() {"]
)
def test_a_repetitive_text_is_searched_in_time(text):
    assert {match.rule for match in RULES.matches(text * 5_000, text * 5_000)} <= {"shellcode"}


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """Return a function in which a teacher with these answers, one after the other, judges one example."""
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path))

    def judge(*answers: str, **endpoint) -> tuple[str | None, MockEndpoint]:
        left = list(answers)
        with MockEndpoint(reply=lambda _: left.pop(0), **endpoint) as mock:
            params = load(screen.Params, ROOT / "params.yaml").teacher
            params = replace(params, base_url=mock.url, runtime=replace(params.runtime, retries=0))
            (flag,) = asyncio.run(judge_by_teacher([EXAMPLE], PROMPT, params, 7, lambda: None))
        return flag, mock

    return judge


@pytest.mark.parametrize(
    ("answers", "flag"),
    [
        (("Yes",), "teacher"),
        ((" **yes**, it is",), "teacher"),
        (("No.",), None),
        (("Maybe", "No"), None),
        (("Nothing of the kind", "Yes"), "teacher"),
        (("", "I cannot tell"), "unclear"),
    ],
)
def test_the_teacher_is_asked_again_after_an_answer_that_is_neither_yes_nor_no(judged, answers, flag):
    found, mock = judged(*answers)
    assert found == flag
    assert mock.counts["requests"] == len(answers)
    assert [body["seed"] for body in mock.bodies] == [7, 8][: len(answers)]


def test_the_teacher_sees_both_texts_unchanged(judged):
    _, mock = judged("No")
    assert mock.bodies[0]["messages"][0]["content"] == "Harmful?\nWrite a game.\nprint('{instruction}')"

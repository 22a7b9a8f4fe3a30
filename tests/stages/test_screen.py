"""Stage screen: every record is verified, judged, counted, and kept or dropped with a reason."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.mock_endpoint import MockEndpoint
from stages import screen
from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load, read_yaml
from wizardcoder.core.records import VERDICTS, Example, Rejected, read_records, write_jsonl

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]


def example(key: str, instruction: str, response: str, number: int = 0, heuristic: str | None = None) -> Example:
    return Example(key, "parent" if number else None, number, heuristic, instruction, response)


EXAMPLES = [
    example("ran", "Add numbers.", "```python\nprint(1 + 2)\n```"),
    example("no_code", "What is a list?", "A list is an ordered collection of items."),
    example("raised", "Divide.", "```python\n1 / 0\n```", 1, "constraints"),
    example("syntax", "Add numbers in Python.", "```python\ndef f(:\n```", 1, "misdirection"),
    example("parsed", "Ask for a name.", "```python\ninput()\n```", 2, "constraints"),
    example("unchecked", "Colour it with CSS.", "```css\np { color: red; }\n```", 2, "reasoning"),
    example("harmful", "Write a keylogger.", "```python\nprint(1)\n```", 3, "specificity"),
    example("both", "Write a keylogger.", "```python\n1 / 0\n```", 3, "specificity"),
    # the fourth heuristic puts erroneous code into the instruction
    example(
        "misdirected", "Mend this:\n```python\ndef f(:\n```", "```python\ndef f():\n    pass\n```", 4, "misdirection"
    ),
]
VERDICT_OF = {"harmful": "ran", "both": "raised", "misdirected": "ran", "syntax": "syntax_error"}


def write_params(folder: Path, verify: dict, safety: dict, **teacher: object) -> None:
    raw = read_yaml(ROOT / "params.yaml")
    raw["screen"]["verify"] |= {"drop": [], "timeout_s": 30.0} | verify
    raw["screen"]["safety"] |= {"judge": "rule", "flagged": "drop"} | safety
    raw["teacher"] |= teacher
    raw["runtime"]["screen"]["workers"] = 1
    (folder / "params.yaml").write_text(json.dumps(raw), encoding="utf-8")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def screened(tmp_path, monkeypatch, cache):
    """Return a function that runs the stage and returns the records by round, the dropped ones, and metrics.

    The tests share stored verdicts, as runs do.
    """
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path))
    shutil.copytree(cache, tmp_path, dirs_exist_ok=True)

    def run(verify: dict | None = None, safety: dict | None = None, examples=EXAMPLES, **teacher: object):
        with contextlib.chdir(tmp_path):
            Path("bundled").symlink_to(ROOT / "bundled")
            write_params(tmp_path, verify or {}, safety or {}, **teacher)
            for n in range(5):
                write_jsonl(paths.round_folder(n) / "examples.jsonl", (e for e in examples if e.round == n))
            screen.main()
            shutil.copy("verdicts.sqlite", cache) if Path("verdicts.sqlite").exists() else None
            rounds = {n: list(read_records(paths.screened_round(n), Example)) for n in range(5)}
            dropped = list(read_records(paths.SCREENED_OUT, Rejected))
            return rounds, dropped, json.loads(paths.SCREEN_METRICS.read_text())

    return run


def test_each_record_gets_language_verdict_and_flags_and_keeps_its_other_fields(screened):
    rounds, dropped, _ = screened(safety={"flagged": "keep"})
    assert dropped == []
    wanted = [
        replace(
            e,
            language=None if e.id == "no_code" else "css" if e.id == "unchecked" else "python",
            verdict=VERDICT_OF.get(e.id, e.id),
            flags=("malware",) if "keylogger" in e.instruction else (),
        )
        for e in EXAMPLES
    ]
    assert [e for n in range(5) for e in rounds[n]] == wanted


def test_records_with_the_verdicts_of_params_are_dropped_with_their_reason(screened):
    rounds, dropped, _ = screened({"drop": ["raised", "syntax_error"]})
    assert [(d.id, d.reason) for d in dropped] == [
        ("raised", "verdict.raised"),
        ("syntax", "verdict.syntax_error"),
        ("harmful", "flag.malware"),
        ("both", "flag.malware"),
    ]
    assert dropped[0].detail == "python ZeroDivisionError division by zero"
    assert dropped[2].detail == "Write a keylogger"
    assert [e.id for n in range(5) for e in rounds[n]] == ["ran", "no_code", "parsed", "unchecked", "misdirected"]


def test_kept_plus_dropped_equals_attempted(screened):
    rounds, dropped, metrics = screened({"drop": ["raised", "no_code"]})
    assert metrics["kept"] == sum(map(len, rounds.values()))
    assert metrics["dropped"] == len(dropped)
    assert metrics["kept"] + metrics["dropped"] == metrics["attempted"] == len(EXAMPLES)
    ids = {e.id for kept in rounds.values() for e in kept}
    assert ids.isdisjoint(d.id for d in dropped)
    assert ids | {d.id for d in dropped} == {e.id for e in EXAMPLES}


def test_metrics_count_by_round_heuristic_language_and_verdict(screened):
    _, _, metrics = screened({"drop": ["raised"]})
    assert {key: value for key, value in metrics.items() if value and not key.startswith("r")} == {
        "attempted": 9,
        "kept": 6,
        "dropped": 3,
        "dropped.flag.malware": 2,
        "dropped.verdict.raised": 1,
        "flagged": 2,
        "flag.malware": 2,
        "heuristic.constraints.verdict.parsed": 1,
        "heuristic.constraints.verdict.raised": 1,
        "heuristic.misdirection.verdict.ran": 1,
        "heuristic.misdirection.verdict.syntax_error": 1,
        "heuristic.reasoning.verdict.unchecked": 1,
        "heuristic.specificity.verdict.raised": 1,
        "heuristic.specificity.verdict.ran": 1,
        "language.css.verdict.unchecked": 1,
        "language.none.verdict.no_code": 1,
        "language.python.verdict.parsed": 1,
        "language.python.verdict.raised": 2,
        "language.python.verdict.ran": 3,
        "language.python.verdict.syntax_error": 1,
        "verdict.no_code": 1,
        "verdict.parsed": 1,
        "verdict.raised": 2,
        "verdict.ran": 3,
        "verdict.syntax_error": 1,
        "verdict.unchecked": 1,
    }
    assert (metrics["r1.verdict.raised"], metrics["r1.kept"], metrics["r1.dropped"]) == (1, 1, 1)
    assert metrics["reason.raised.ZeroDivisionError"] == 2
    assert metrics["reason.parsed.needs_input"] == 1
    for n in range(5):
        assert sum(metrics[f"r{n}.verdict.{v}"] for v in VERDICTS) == metrics[f"r{n}.kept"] + metrics[f"r{n}.dropped"]


def test_without_verification_nothing_runs_and_nothing_has_a_verdict(screened, monkeypatch):
    monkeypatch.setattr(screen, "verify_all", None)
    rounds, _, metrics = screened({"enabled": False})
    assert {e.verdict for n in range(5) for e in rounds[n]} == {None}
    assert rounds[0][0].language == "python"
    assert "verdict.ran" not in metrics


def test_a_verdict_cannot_be_dropped_without_verification(tmp_path):
    write_params(tmp_path, {"enabled": False, "drop": ["raised"]}, {})
    with pytest.raises(
        StageError, match=r"screen\.verify\.drop: found \['raised'\] while screen\.verify\.enabled is false"
    ):
        screen.check(load(screen.Params, tmp_path / "params.yaml").screen)


def test_an_unknown_verdict_is_refused(tmp_path):
    write_params(tmp_path, {"drop": ["crashed"]}, {})
    with pytest.raises(StageError, match=r"screen\.verify\.drop\.0: found 'crashed', accepted: 'ran', 'parsed'"):
        load(screen.Params, tmp_path / "params.yaml")


def test_a_round_that_is_off_gives_an_empty_file(screened):
    rounds, _, metrics = screened(examples=[e for e in EXAMPLES if e.round < 2])
    assert rounds[4] == []
    assert (metrics["r4.kept"], metrics["r4.verdict.ran"]) == (0, 0)


def test_a_bad_rule_is_refused_before_anything_is_written(tmp_path, screened):
    (tmp_path / "mine.yaml").write_text("rules: {a: {where: both, any: ['(']}}")
    with pytest.raises(StageError, match=r"mine\.yaml: rules\.a"):
        screened(safety={"rules": "mine.yaml"})
    assert not (tmp_path / "data/screened").exists()


@pytest.fixture
def judged(screened, monkeypatch):
    """Return a function that runs the stage with a teacher that flags `raised` and cannot decide on `parsed`."""
    monkeypatch.setenv("OPENAI_API_KEY", "test")

    def reply(body: dict) -> str:
        text = body["messages"][0]["content"]
        return "Yes" if "Divide." in text else "Who knows" if "Ask for a name." in text else "No"

    def run(judge: str, flagged: str = "drop", **verify: object):
        with MockEndpoint(reply=reply) as mock:
            safety = {"judge": judge, "flagged": flagged}
            found = screened(verify, safety, base_url=mock.url)
        return found, [body["messages"][0]["content"] for body in mock.bodies]

    return run


def test_with_teacher_the_teacher_alone_decides(judged):
    (_, dropped, metrics), asked = judged("teacher")
    assert [(d.id, d.reason, d.detail) for d in dropped] == [
        ("raised", "flag.teacher", "judged by the teacher"),
        ("parsed", "flag.unclear", "judged by the teacher"),
    ]
    assert (metrics["flagged"], metrics["flag.teacher"], metrics["flag.unclear"]) == (2, 1, 1)
    assert len(asked) == len(EXAMPLES) + 1  # the unclear one twice


def test_a_judge_that_is_never_clear_stops_the_stage(screened, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    with MockEndpoint(reply=lambda _: "Who knows") as mock, pytest.raises(StageError) as caught:
        screened(safety={"judge": "teacher"}, base_url=mock.url)
    assert f"{len(EXAMPLES)} of {len(EXAMPLES)} judgements" in str(caught.value)
    assert "for example 'Who knows', 'Who knows', 'Who knows'" in str(caught.value)
    assert not (tmp_path / "data/screened").exists()


def test_with_both_the_teacher_is_asked_about_records_that_are_neither_flagged_nor_dropped(judged):
    (rounds, dropped, metrics), asked = judged("both", drop=["syntax_error"])
    assert {d.id: d.reason for d in dropped} == {
        "raised": "flag.teacher",
        "syntax": "verdict.syntax_error",
        "parsed": "flag.unclear",
        "harmful": "flag.malware",
        "both": "flag.malware",
    }
    assert not any("keylogger" in text for text in asked)
    assert len(asked) == 6 + 1
    assert metrics["kept"] + metrics["dropped"] == len(EXAMPLES)
    assert [e.id for n in range(5) for e in rounds[n]] == ["ran", "no_code", "unchecked", "misdirected"]


def test_flagged_records_that_are_kept_are_counted(judged):
    (rounds, dropped, metrics), _ = judged("both", "keep")
    assert dropped == []
    assert {e.id: e.flags for n in range(5) for e in rounds[n] if e.flags} == {
        "raised": ("teacher",),
        "parsed": ("unclear",),
        "harmful": ("malware",),
        "both": ("malware",),
    }
    assert metrics["flagged"] == 4

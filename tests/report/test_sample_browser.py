"""Records of the report: the outcome of each attempt, lineages, the cap, and the data that a page carries."""

from __future__ import annotations

import pytest

from bench.made_run import write_run
from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example, Rejected, write_jsonl
from wizardcoder.report.pages.payload import unpack
from wizardcoder.report.sample_browser import (
    AttemptedRecord,
    SampleLineage,
    draw_lineages,
    group_attempts,
    pack_lineages,
    read_lineages,
)


def attempt(name, parent=None, number=0, outcome="trained", **more):
    return AttemptedRecord(
        name, parent, number, "constraints" if number else "", f"do {name}", f"done {name}", outcome, **more
    )


def lineage(name, count, outcome="trained"):
    return SampleLineage(name, tuple(attempt(f"{name}{n}", outcome=outcome) for n in range(count)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A run of two seeds, with one record for each possible outcome."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path, [("any", "any")], 1)  # all files are there
    names = ("kept", "dropped", "twin", "near", "late", "held", "cut", "long")
    seeds = [Example(name, None, 0, None, name, name) for name in names]
    evolved = [Example("kept-r1", "kept", 1, "reasoning", "harder", "print(1)")]
    out = tmp_path / "data"
    write_jsonl(out / "rounds/r0/examples.jsonl", seeds)
    write_jsonl(out / "rounds/r0/rejected.jsonl", [])
    write_jsonl(out / "rounds/r1/examples.jsonl", evolved)
    write_jsonl(
        out / "rounds/r1/rejected.jsonl", [Rejected("late-r1", "late", 1, "reasoning", "copied", "x", "", "why")]
    )
    for number in (2, 3, 4):
        write_jsonl(out / f"rounds/r{number}/examples.jsonl", [])
        write_jsonl(out / f"rounds/r{number}/rejected.jsonl", [])
    found = {"language": "python", "verdict": "ran", "flags": ("network",)}
    screened = [Example("kept-r1", "kept", 1, "reasoning", "harder", "print(1)", **found)]
    write_jsonl(out / "screened/r0.jsonl", [e for e in seeds if e.id != "dropped"])
    write_jsonl(out / "screened/r1.jsonl", screened)
    write_jsonl(out / "screened/dropped.jsonl", [Rejected("dropped", None, 0, None, "verdict.no_code", "x", "", "why")])
    write_jsonl(out / "merged/removed.jsonl", [Rejected("twin", None, 0, None, "duplicate", "x", "", "as kept")])
    excluded = {"id": "near", "benchmark": "dev", "task_id": "Dev/3", "judgement": "alike", "similarity": 0.9}
    write_jsonl(out / "decontaminated/excluded.jsonl", [excluded])
    write_jsonl(out / "decontaminated/examples.jsonl", [seeds[0], *seeds[5:], *screened])
    outcomes = {"kept": "trained", "held": "held_out", "cut": "cut", "long": "no_response", "kept-r1": "trained"}
    write_jsonl(out / "train/outcomes.jsonl", [{"id": name, "outcome": outcome} for name, outcome in outcomes.items()])
    return tmp_path


def test_every_attempt_has_its_outcome_and_reason(folder):
    found = {s.id: (s.outcome, s.reason, s.detail) for each in read_lineages() for s in each.attempts}
    assert found == {
        "kept": ("trained", "", ""),
        "kept-r1": ("trained", "", ""),
        "dropped": ("screened_out", "verdict.no_code", "why"),
        "twin": ("removed", "duplicate", "as kept"),
        "near": ("excluded", "dev: Dev/3", "alike"),
        "late": ("not_merged", "", ""),
        "late-r1": ("rejected", "copied", "why"),
        "held": ("held_out", "", ""),
        "cut": ("trained", "", "its end is cut to fit train.max_tokens"),
        "long": ("too_long", "no_response", ""),
    }


def test_the_verdict_is_screens_also_if_it_removed_the_record(folder):
    found = {s.id: (s.verdict, s.language, s.flags) for each in read_lineages() for s in each.attempts}
    assert found["kept-r1"] == ("ran", "python", ("network",))
    assert found["dropped"] == ("no_code", "", ())


def test_evolutions_are_grouped_with_their_seed_also_after_rejected_rounds():
    steps = [
        attempt("a"),
        attempt("b"),
        attempt("a-r1", "a", 1, "rejected"),
        attempt("b-r1", "b", 1),
        attempt("a-r2", "a", 2),
    ]
    assert [[s.id for s in each.attempts] for each in group_attempts(steps)] == [["a", "a-r1", "a-r2"], ["b", "b-r1"]]


def test_a_sample_without_its_parent_is_refused_by_name():
    with pytest.raises(StageError, match=r"^data/rounds/r1: a-r1: its parent 'a' is in no earlier round$"):
        group_attempts([attempt("a-r1", "a", 1)])


def test_the_cap_takes_whole_lineages_in_their_order():
    lineages = [lineage(str(n), 3) for n in range(20)]
    chosen = draw_lineages(lineages, 20, seed=1)
    assert len(chosen) == 6
    assert chosen == [each for each in lineages if each in chosen]
    assert draw_lineages(list(reversed(lineages)), 20, seed=1) == list(reversed(chosen))
    assert draw_lineages(lineages, 20, seed=2) != chosen


def test_rejected_seeds_only_fill_the_rest():
    began = [lineage(str(n), 2) for n in range(5)]
    refused = [lineage(f"x{n}", 1, "rejected") for n in range(5)]
    assert draw_lineages(refused + began, 10, seed=1) == began
    assert len(draw_lineages(refused + began, 12, seed=1)) == 7


def test_a_page_carries_each_column_and_text_once():
    lineages = group_attempts(
        [attempt("a"), attempt("a-r1", "a", 1, "rejected", reason="copied", detail="why", flags=("net",))]
    )
    packed, pieces = pack_lineages(lineages)
    index = unpack(packed)
    assert {key: index[key] for key in ("round", "outcome", "reason", "heuristic", "attempts", "pieces")} == {
        "round": [0, 1],
        "outcome": [0, 1],
        "reason": [0, 1],
        "heuristic": [0, 1],
        "attempts": [2],
        "pieces": [1],
    }
    assert (index["words"]["outcome"], index["words"]["reason"]) == (["trained", "rejected"], ["", "copied"])
    first = ["a", None, "do a", "done a", "", []]
    assert [unpack(piece) for piece in pieces] == [[[first, ["a-r1", "a", "do a-r1", "done a-r1", "why", ["net"]]]]]


def test_long_texts_are_carried_in_several_pieces():
    lineages = [
        SampleLineage(str(n), (AttemptedRecord(str(n), None, 0, "", "x" * 150_000, "", "trained"),)) for n in range(7)
    ]
    packed, pieces = pack_lineages(lineages)
    assert unpack(packed)["pieces"] == [len(unpack(piece)) for piece in pieces] == [3, 3, 1]

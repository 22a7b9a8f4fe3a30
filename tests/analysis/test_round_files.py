"""The rounds as they are read, drawn from and followed back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wizardcoder.analysis.round_files import SourceInstructions, draw_examples, find_sources, read_rounds
from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example, Rejected, write_jsonl

SEED = Example("s", None, 0, None, "one", "r")
FIRST = Example("s-r1", "s", 1, "reasoning", "two", "r")
THIRD = Example("s-r1-r3", "s-r1", 3, "constraints", "three", "r")
KNOWN = {example.id: example for example in (SEED, FIRST, THIRD)}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Work in a folder with five empty rounds and nothing screened."""
    monkeypatch.chdir(tmp_path)
    for number in range(5):
        write_jsonl(paths.ROUNDS / f"r{number}" / "examples.jsonl", [])
        write_jsonl(paths.ROUNDS / f"r{number}" / "rejected.jsonl", [])
        write_jsonl(paths.SCREENED / f"r{number}.jsonl", [])
    write_jsonl(paths.SCREENED / "dropped.jsonl", [])


def test_a_record_comes_from_its_parent_and_the_seed_of_its_lineage():
    assert find_sources([THIRD], KNOWN) == {"s-r1-r3": SourceInstructions(parent="two", seed="one")}
    assert find_sources([FIRST], KNOWN) == {"s-r1": SourceInstructions(parent="one", seed="one")}


def test_a_seed_comes_from_nothing():
    assert find_sources([SEED], KNOWN) == {}


def test_a_record_whose_lineage_is_not_whole_is_left_out():
    assert find_sources([THIRD], {"s-r1": FIRST}) == {}
    assert find_sources([THIRD], {"s": SEED}) == {}


def test_a_lineage_that_leads_to_itself_ends():
    ring = replace(FIRST, parent_id="s-r1")
    assert find_sources([ring], {"s-r1": ring}) == {}


def test_a_draw_does_not_depend_on_the_order_and_begins_a_larger_one():
    examples = [replace(SEED, id=f"s{n}") for n in range(20)]
    drawn = draw_examples(examples, 5, 42)
    assert draw_examples(examples[::-1], 5, 42) == drawn
    assert draw_examples(examples, 9, 42)[:5] == drawn
    assert draw_examples(examples, 5, 43) != drawn
    assert sorted(e.id for e in draw_examples(examples, 99, 42)) == sorted(e.id for e in examples)


def test_a_round_holds_its_own_records_and_what_screening_says_of_them(project):
    write_jsonl(paths.ROUNDS / "r1/examples.jsonl", [FIRST])
    rejected = Rejected("t-r1", "t", 1, "reasoning", "refusal", "x", "y")
    write_jsonl(paths.ROUNDS / "r1/rejected.jsonl", [rejected])
    write_jsonl(paths.SCREENED / "r1.jsonl", [replace(FIRST, language="python", verdict="ran")])
    dropped = [replace(rejected, reason="flag.network"), replace(rejected, round=2, reason="verdict.no_code")]
    write_jsonl(paths.SCREENED / "dropped.jsonl", dropped)
    rounds = read_rounds()
    assert [each.number for each in rounds] == [0, 1, 2, 3, 4]
    assert (rounds[1].examples, rounds[1].rejected) == ([FIRST], [rejected])
    assert rounds[1].screened["s-r1"].verdict == "ran"
    assert [[item.reason for item in each.dropped] for each in rounds] == [
        [],
        ["flag.network"],
        ["verdict.no_code"],
        [],
        [],
    ]


def test_a_file_that_is_missing_is_named(project):
    (paths.SCREENED / "r3.jsonl").unlink()
    with pytest.raises(
        StageError, match=r"^data/screened/r3\.jsonl: No such file or directory; `dvc repro screen` writes it$"
    ):
        read_rounds()

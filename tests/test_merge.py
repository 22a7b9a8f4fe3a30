"""Stage merge: rounds in order, exact duplicates out, impossible choices refused."""

from __future__ import annotations

import json

import pytest

from stages import merge
from stages.lib.console import StageError
from stages.lib.records import Example, Rejected, read_jsonl, write_jsonl

SIZES = {0: 3, 1: 2, 2: 0, 3: 5, 4: 1}


def example(key: str, number: int, instruction: str, response: str = "r") -> Example:
    return Example(key, None, number, None, instruction, response)


ROUNDS = {
    0: [example("a", 0, "one"), example("b", 0, "two")],
    1: [example("a-r1", 1, "three"), example("b-r1", 1, "two")],
    2: [example("a-r1-r2", 2, "two", "other answer")],
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Work in an empty folder with three rounds."""
    monkeypatch.chdir(tmp_path)
    for number, examples in ROUNDS.items():
        write_jsonl(merge.ROUNDS / f"r{number}" / "examples.jsonl", examples)

    def run(rounds: str) -> None:
        (tmp_path / "params.yaml").write_text(f"merge:\n  rounds: {rounds}\n", encoding="utf-8")
        merge.main()

    return run


def test_examples_pass_in_their_order_and_a_duplicate_names_its_twin():
    outcomes = list(merge.run([item for items in ROUNDS.values() for item in items]))
    assert outcomes == [
        *ROUNDS[0],
        ROUNDS[1][0],
        Rejected("b-r1", None, 1, None, "duplicate", "two", "r", "same text as b"),
        *ROUNDS[2],
    ]


def test_a_third_copy_names_the_first():
    outcomes = list(merge.run([example(key, 0, "same") for key in "abc"]))
    assert [getattr(item, "detail", "kept") for item in outcomes] == ["kept", "same text as a", "same text as a"]


def test_texts_that_differ_in_one_character_are_both_kept():
    assert len({item.id for item in merge.run([example("a", 0, "x"), example("b", 0, "x ")])}) == 2


def test_the_border_between_instruction_and_response_counts():
    outcomes = list(merge.run([example("a", 0, "x", "yz"), example("b", 0, "xy", "z")]))
    assert all(isinstance(item, Example) for item in outcomes)


def test_kept_and_removed_together_are_what_was_read(project):
    project("[0, 1, 2]")
    kept = list(read_jsonl(merge.OUT / "examples.jsonl", Example))
    removed = list(read_jsonl(merge.OUT / "removed.jsonl", Rejected))
    assert [item.id for item in kept] == ["a", "b", "a-r1", "a-r1-r2"]
    assert [item.id for item in removed] == ["b-r1"]
    assert len(kept) + len(removed) == sum(map(len, ROUNDS.values()))


def test_the_order_of_rounds_is_the_one_that_was_asked_for(project):
    project("[1, 0]")
    kept = list(read_jsonl(merge.OUT / "examples.jsonl", Example))
    assert [item.id for item in kept] == ["a-r1", "b-r1", "a"]


def test_metrics_count_by_round(project):
    project("[0, 1, 2]")
    assert json.loads(merge.METRICS.read_text(encoding="utf-8")) == {
        "kept": 4,
        "kept.r0": 2,
        "kept.r1": 1,
        "kept.r2": 1,
        "removed": 1,
    }


@pytest.mark.parametrize(
    ("rounds", "line"),
    [
        ([], "params.yaml: merge.rounds: found [], accepted: a list of rounds such as [0, 1, 2]"),
        ([0, 5], "params.yaml: merge.rounds: found 5, accepted: rounds 0 to 4"),
        ([-1], "params.yaml: merge.rounds: found -1, accepted: rounds 0 to 4"),
        ([0, 1, 0], "params.yaml: merge.rounds: found 0 twice, accepted: each round once"),
        (
            [0, 2],
            "params.yaml: merge.rounds: round 2 has no example; leave it out, or switch it on with evolve.enabled.r2",
        ),
    ],
)
def test_a_bad_choice_of_rounds_is_one_line(rounds, line):
    with pytest.raises(StageError) as caught:
        merge.check(rounds, SIZES)
    assert str(caught.value) == line


def test_an_empty_seed_round_is_refused_without_advice_to_switch_it_on():
    with pytest.raises(StageError) as caught:
        merge.check([0], {0: 0})
    assert str(caught.value) == "params.yaml: merge.rounds: round 0 has no example; leave it out"


@pytest.mark.parametrize("rounds", [[0], [4], [3, 1, 0]])
def test_a_good_choice_of_rounds_passes(rounds):
    merge.check(rounds, SIZES)


def test_a_round_that_was_not_made_is_named_and_nothing_is_written(project):
    with pytest.raises(StageError) as caught:
        project("[0, 4]")
    assert str(caught.value) == "data/rounds/r4/examples.jsonl: No such file or directory"
    assert not merge.OUT.exists()
    assert not merge.METRICS.exists()


def test_a_broken_record_leaves_no_output(project):
    with (merge.ROUNDS / "r1" / "examples.jsonl").open("a", encoding="utf-8") as file:
        file.write("{}\n")
    with pytest.raises(StageError, match=r"data/rounds/r1/examples\.jsonl:3: id: Field required"):
        project("[0, 1]")
    assert list(merge.OUT.iterdir()) == []
    assert not merge.METRICS.exists()

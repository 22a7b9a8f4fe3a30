"""Stage merge: from the screened rounds to one set, what is removed with its reason, impossible choices refused."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from stages import merge
from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import read_yaml
from wizardcoder.core.records import Example, Rejected, read_records, write_jsonl

EVOLVE = read_yaml(Path(__file__).resolve().parents[2] / "params.yaml")["evolve"]
PARAMS = {
    "run": {"seed": 42},
    "evolve": {
        "enabled": {"r1": True, "r2": True, "r3": True, "r4": True},
        "heuristics": {"constraints": "c", "misdirection": "m", "reasoning": "r"},
        "prompt": "p",
        "few_shot": [],
        "elimination": EVOLVE["elimination"],
    },
    "merge": {
        "rounds": [0, 1, 2],
        "without": [],
        "match": "none",
        "target": None,
        "near_duplicates": {"threshold": None, "num_perm": 128, "shingle_words": 3},
    },
}


def example(key: str, heuristic: str | None, instruction: str, response: str = "r") -> Example:
    parent, _, number = key.rpartition("-r")
    return Example(key, parent or None, int(number) if parent else 0, heuristic, instruction, response)


ROUNDS = {
    0: [example("a", None, "one"), example("b", None, "two"), example("c", None, "print the sum of a list")],
    1: [example("a-r1", "reasoning", "three"), example("b-r1", "misdirection", "two")],
    2: [
        example("a-r1-r2", "constraints", "two", "other answer"),
        example("b-r1-r2", "constraints", "four"),
        example("c-r1-r2", "reasoning", "five"),
    ],
    3: [example("a-r1-r2-r3", "reasoning", "six")],
    4: [],
}
# c-r1 was screened out; its descendants are still there
DROPPED = [Rejected("c-r1", "c", 1, "misdirection", "verdict.no_code", "i", "r")]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Give a function that merges five rounds in an empty folder under changed settings."""
    monkeypatch.chdir(tmp_path)
    write(ROUNDS)

    def run(**changes: object) -> None:
        params = PARAMS | {"merge": PARAMS["merge"] | changes}
        (tmp_path / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
        merge.main()

    return run


def write(rounds: dict[int, list[Example]]) -> None:
    for number, examples in rounds.items():
        write_jsonl(paths.SCREENED / f"r{number}.jsonl", examples)
    write_jsonl(paths.SCREENED_OUT, DROPPED)


def kept() -> list[str]:
    return [item.id for item in read_records(paths.MERGED_EXAMPLES, Example)]


def removed() -> dict[str, tuple[str, str]]:
    return {item.id: (item.reason, item.detail) for item in read_records(paths.MERGED_REMOVED, Rejected)}


def metrics() -> dict[str, int]:
    return json.loads(paths.MERGE_METRICS.read_text(encoding="utf-8"))


def refusal(project, **changes: object) -> str:
    """Give the one line with which a run is refused, having written nothing."""
    with pytest.raises(StageError) as caught:
        project(**changes)
    assert not paths.MERGED.exists()
    assert not paths.MERGE_METRICS.exists()
    return str(caught.value)


def test_rounds_are_joined_in_order_and_a_duplicate_names_its_twin(project):
    project()
    assert kept() == ["a", "b", "c", "a-r1", "a-r1-r2", "b-r1-r2", "c-r1-r2"]
    assert removed() == {"b-r1": ("duplicate", "same text as b")}


def test_a_removed_record_keeps_where_it_came_from_and_its_texts(project):
    project()
    (record,) = read_records(paths.MERGED_REMOVED, Rejected)
    assert record == Rejected("b-r1", "b", 1, "misdirection", "duplicate", "two", "r", "same text as b")


def test_a_kept_record_is_written_as_it_was_read(project):
    screened = Example("d", None, 0, None, "i", "r", language="python", verdict="ran", flags=("network",))
    write({0: [screened]})
    project(rounds=[0])
    assert list(read_records(paths.MERGED_EXAMPLES, Example)) == [screened]


def test_the_order_of_rounds_is_the_one_that_was_asked_for(project):
    project(rounds=[1, 0])
    assert kept() == ["a-r1", "b-r1", "a", "c"]


def test_without_a_heuristic_all_that_it_touched_is_gone(project):
    project(without=["misdirection"])
    assert kept() == ["a", "b", "c", "a-r1", "a-r1-r2"]
    assert removed() == {
        "b-r1": ("heuristic", "left out: misdirection"),
        "b-r1-r2": ("heuristic", "left out: misdirection, which made its ancestor b-r1"),
        "c-r1-r2": ("heuristic", "left out: misdirection, which made its ancestor c-r1"),
    }


def test_an_ancestor_counts_though_its_round_is_not_wanted(project):
    project(rounds=[0, 2], without=["misdirection", "reasoning"])
    assert kept() == ["a", "b", "c"]
    assert removed()["a-r1-r2"] == ("heuristic", "left out: reasoning, which made its ancestor a-r1")


def test_without_any_heuristic_the_seeds_are_left(project):
    project(without=["constraints", "misdirection", "reasoning"])
    assert kept() == ["a", "b", "c"]


def test_a_heuristic_that_params_yaml_no_longer_has_stays(project):
    write({1: [example("a-r1", "retired", "three")]})
    project(rounds=[0, 1], without=["misdirection"])
    assert kept() == ["a", "b", "c", "a-r1"]


def test_a_near_duplicate_is_removed_and_names_its_twin(project):
    long = "Write a function that reads a file, skips its empty lines and gives the longest word of each of the others"
    write({0: [example("a", None, long)], 1: [example("a-r1", "reasoning", f"{long}.")]})
    project(rounds=[0, 1], near_duplicates={"threshold": 0.8, "num_perm": 128, "shingle_words": 3})
    assert kept() == ["a"]
    assert removed() == {"a-r1": ("near_duplicate", "Jaccard 0.870 with a")}


def test_rounds_are_made_equal_after_duplicates_are_gone(project, capsys):
    project(match="samples", rounds=[0, 1, 2], target=1)
    assert [metrics()[f"kept.r{number}"] for number in (0, 1, 2)] == [1, 1, 1]
    assert metrics()["removed.duplicate"] == 1
    assert metrics()["removed.match"] == 4
    assert "merge: match samples, target 1 (merge.target)" in capsys.readouterr().err


def test_rounds_merged_alone_are_equal_without_a_figure(project):
    sizes = {}
    for number in (0, 1, 2, 3):
        project(match="samples", rounds=[number])
        sizes[number] = len(kept())
    assert sizes == {0: 1, 1: 1, 2: 1, 3: 1}


def test_tokens_are_drawn_until_the_target_is_reached(project):
    project(match="tokens", rounds=[0, 2], target=3)
    assert metrics()["tokens.r0"] >= 3
    assert metrics()["tokens.r2"] >= 3
    # without the last one drawn the target is not reached
    lengths = {"a": 2, "b": 2, "c": 7, "a-r1-r2": 3, "b-r1-r2": 2, "c-r1-r2": 2}
    for found in (set(kept()) & {"a", "b", "c"}, set(kept()) - {"a", "b", "c"}):
        assert sum(lengths[key] for key in found) - max(lengths[key] for key in found) < 3


MODES = [
    {},
    {"rounds": [2, 0, 1, 3]},
    {"without": ["constraints", "misdirection"]},
    {"match": "samples", "rounds": [0, 1, 2]},
    {"match": "tokens", "target": 2},
    {"without": ["misdirection"], "match": "samples", "target": 1},
    {"near_duplicates": {"threshold": 0.5, "num_perm": 64, "shingle_words": 1}},
]


@pytest.mark.parametrize("changes", MODES)
def test_kept_and_removed_together_are_what_was_read(project, changes):
    project(**changes)
    attempted = [e.id for number in changes.get("rounds", [0, 1, 2]) for e in ROUNDS[number]]
    assert sorted([*kept(), *removed()]) == sorted(attempted)
    assert metrics()["kept"] + metrics()["removed"] == len(attempted)
    assert metrics()["kept"] == sum(n for key, n in metrics().items() if key.startswith("kept.r"))
    assert metrics()["removed"] == sum(n for key, n in metrics().items() if key.startswith("removed."))
    assert metrics()["tokens"] == sum(n for key, n in metrics().items() if key.startswith("tokens."))


@pytest.mark.parametrize("changes", MODES)
def test_two_runs_write_the_same_bytes(project, changes):
    def written() -> list[bytes]:
        project(**changes)
        return [path.read_bytes() for path in (*sorted(paths.MERGED.iterdir()), paths.MERGE_METRICS)]

    assert written() == written()


@pytest.mark.parametrize("match", ["samples", "tokens"])
def test_a_shuffled_file_gives_the_same_matched_set(project, match):
    write({0: [example(f"s{i}", None, " ".join(["w"] * (i + 1))) for i in range(30)]})
    project(rounds=[0], match=match, target=20)
    before = set(kept())
    write({0: random.Random(1).sample(list(read_records(paths.SCREENED / "r0.jsonl", Example)), 30)})
    project(rounds=[0], match=match, target=20)
    assert set(kept()) == before


def test_metrics_count_by_round_heuristic_and_reason(project):
    project(rounds=[0, 1])
    assert metrics() == {
        "kept": 4,
        "kept.r0": 3,
        "kept.r1": 1,
        "kept.heuristic.constraints": 0,
        "kept.heuristic.misdirection": 0,
        "kept.heuristic.reasoning": 1,
        "removed": 1,
        "removed.heuristic": 0,
        "removed.duplicate": 1,
        "removed.near_duplicate": 0,
        "removed.match": 0,
        "tokens": 13,
        "tokens.r0": 11,
        "tokens.r1": 2,
    }


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"rounds": []}, "params.yaml: merge.rounds: found [], accepted: a list of rounds such as [0, 1, 2]"),
        ({"rounds": [0, 5]}, "params.yaml: merge.rounds: found 5, accepted: rounds 0 to 4"),
        ({"rounds": [-1]}, "params.yaml: merge.rounds: found -1, accepted: rounds 0 to 4"),
        ({"rounds": [0, 1, 0]}, "params.yaml: merge.rounds: found 0 twice, accepted: each round once"),
        (
            {"rounds": [0, 4]},
            "params.yaml: merge.rounds: round 4 has no example; leave it out, or switch it on with evolve.enabled.r4",
        ),
        (
            {"without": ["reasoning", "missdirection"]},
            "params.yaml: merge.without: found 'missdirection', accepted: constraints, misdirection, reasoning",
        ),
        (
            {"without": ["reasoning", "reasoning"]},
            "params.yaml: merge.without: found 'reasoning' twice, accepted: each once",
        ),
        ({"target": 3}, "params.yaml: merge.target: found 3, accepted: null where merge.match is none"),
        ({"match": "words"}, "params.yaml: merge.match: found 'words', accepted: 'none', 'samples' or 'tokens'"),
        (
            {"match": "samples", "target": 2},
            "params.yaml: merge.target: found 2, accepted: at most 1, the size of the smallest round "
            "(samples: r0 3, r1 1, r2 3)",
        ),
        (
            {"match": "tokens", "target": 9, "rounds": [0, 2]},
            "params.yaml: merge.target: found 9, accepted: at most 7, the size of the smallest round "
            "(tokens: r0 11, r2 7)",
        ),
        (
            {"match": "samples", "without": ["misdirection", "reasoning"]},
            "params.yaml: merge.match: a round has nothing left (samples: r0 3, r1 0, r2 0); leave it out",
        ),
        (
            {"rounds": [1], "without": ["misdirection", "reasoning"]},
            "params.yaml: merge: no example is left; removed: 2 by heuristic",
        ),
        (
            {"near_duplicates": {"threshold": 0.1, "num_perm": 16, "shingle_words": 3}},
            "params.yaml: merge.near_duplicates.num_perm: found 16, accepted: at least 44, to find 99% of the pairs at "
            "the threshold 0.1",
        ),
        (
            {"near_duplicates": {"threshold": 0, "num_perm": 16, "shingle_words": 3}},
            "params.yaml: merge.near_duplicates.threshold: found 0, accepted: greater than 0",
        ),
        ({"matches": "samples"}, "params.yaml: merge.matches: unknown key (did you mean match?)"),
    ],
)
def test_an_impossible_choice_is_one_line_and_writes_nothing(project, changes, line):
    assert refusal(project, **changes) == line


def test_an_empty_seed_round_is_refused_without_advice_to_switch_it_on(project):
    write({0: []})
    assert refusal(project) == "params.yaml: merge.rounds: round 0 has no example; leave it out"


def test_a_round_that_was_not_made_is_named_and_nothing_is_written(project):
    (paths.SCREENED / "r4.jsonl").unlink()
    assert (
        refusal(project, rounds=[0, 4])
        == "data/screened/r4.jsonl: No such file or directory; `dvc repro screen` writes it"
    )


def test_a_broken_record_leaves_no_output(project):
    with (paths.SCREENED / "r1.jsonl").open("a", encoding="utf-8") as file:
        file.write("{}\n")
    assert refusal(project).startswith("data/screened/r1.jsonl:3: id: missing")


def test_a_record_in_the_wrong_file_is_named(project):
    write({1: [example("a", None, "one")]})
    assert refusal(project) == "round 1: a: found a record of round 0"

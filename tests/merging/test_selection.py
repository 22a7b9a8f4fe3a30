"""Selection: which records of the rounds are kept, whatever order they come in, and why the others are not."""

from __future__ import annotations

import random

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example
from wizardcoder.merging.near_duplicates import compute_jaccard, make_shingles
from wizardcoder.merging.selection import RecordOrigin, Removal, Selection, find_excluded_heuristic, select_records
from wizardcoder.merging.settings import MergeParams, NearDuplicatesParams
from wizardcoder.text.words import split_tokens


def settings(rounds=(0, 1), without=(), match="none", target=None, threshold=None) -> MergeParams:
    return MergeParams(list(rounds), list(without), match, target, NearDuplicatesParams(threshold, 128, 3))


def example(key: str, number: int, instruction: str, response: str = "r") -> Example:
    return Example(key, key.rpartition("-")[0] or None, number, None, instruction, response)


def select(params: MergeParams, rounds: dict[int, list[Example]], left_out=lambda _: None) -> Selection:
    return select_records(params, 42, rounds.items(), left_out)


def reasons(found: Selection) -> dict[str, str]:
    return {key: removal.reason for key, removal in found.removed.items()}


LONG = "Write a function that reads a file, skips its empty lines and gives the longest word of each of the others"


def test_a_duplicate_names_the_first_of_its_text():
    found = select(settings(), {0: [example(key, 0, "same") for key in "abc"]})
    assert found.left == {0: {"a": 2}}
    assert found.removed == {key: Removal("duplicate", "same text as a") for key in "bc"}


def test_texts_that_differ_in_one_character_are_both_kept():
    assert select(settings(), {0: [example("a", 0, "x"), example("b", 0, "x ")]}).removed == {}


def test_the_border_between_instruction_and_response_counts():
    assert select(settings(), {0: [example("a", 0, "x", "yz"), example("b", 0, "xy", "z")]}).removed == {}


def test_a_near_duplicate_names_its_twin_and_their_similarity():
    rounds = {0: [example("a", 0, LONG)], 1: [example("a-r1", 1, f"{LONG}.")]}
    assert select(settings(threshold=0.8), rounds).removed == {
        "a-r1": Removal("near_duplicate", "Jaccard 0.870 with a")  # 20 of 23 runs of three words
    }
    assert select(settings(threshold=0.9), rounds).removed == {}
    assert select(settings(), rounds).removed == {}


def test_a_copy_of_a_removed_record_names_the_twin_that_stays():
    rounds = {0: [example("a", 0, LONG)], 1: [example(f"{key}-r1", 1, f"{LONG}.") for key in "bc"]}
    found = select(settings(threshold=0.8), rounds)
    assert found.removed == {f"{key}-r1": Removal("near_duplicate", "Jaccard 0.870 with a") for key in "bc"}


def test_a_record_that_a_heuristic_left_out_is_nobodys_twin():
    rounds = {0: [example("a", 0, "same"), example("b", 0, "same")]}
    found = select(settings(), rounds, lambda e: "misdirection" if e.id == "a" else None)
    assert found.left == {0: {"b": 2}}
    assert found.removed == {"a": Removal("heuristic", "left out: misdirection")}


def test_tokens_are_words_and_signs_of_both_texts():
    assert select(settings(), {0: [example("a", 0, "add x", "x += 1")]}).left == {0: {"a": 6}}


def test_a_record_that_stands_twice_is_refused():
    with pytest.raises(StageError, match=r"^round 1: a: found twice, accepted: each record once$"):
        select(settings(), {0: [example("a", 0, "x")], 1: [example("a", 1, "y")]})


def test_a_record_of_another_round_is_refused():
    with pytest.raises(StageError, match=r"^round 1: a: found a record of round 0$"):
        select(settings(), {1: [example("a", 0, "x")]})


ORIGINS = {
    "s": RecordOrigin(None, None),
    "s-r1": RecordOrigin("s", "reasoning"),
    "s-r1-r3": RecordOrigin("s-r1", "complexity"),
}


@pytest.mark.parametrize(
    ("left_out", "excluded"),
    [
        (set(), None),
        ({"misdirection"}, None),
        ({"constraints"}, "constraints"),
        ({"complexity"}, "complexity, which made its ancestor s-r1-r3"),
        ({"reasoning", "complexity"}, "complexity, which made its ancestor s-r1-r3"),
        ({"reasoning"}, "reasoning, which made its ancestor s-r1"),
    ],
)
def test_a_heuristic_excludes_its_records_and_their_descendants(left_out, excluded):
    evolved = Example("s-r1-r3-r4", "s-r1-r3", 4, "constraints", "i", "r")
    assert find_excluded_heuristic(left_out, ORIGINS, evolved) == excluded


def test_a_seed_always_passes():
    assert find_excluded_heuristic({"reasoning"}, ORIGINS, Example("s", None, 0, None, "i", "r")) is None


def test_an_ancestor_that_is_in_no_round_is_named():
    with pytest.raises(StageError, match=r"^round 2: t-r1-r2: its ancestor t-r1 is in no round$"):
        find_excluded_heuristic({"misdirection"}, ORIGINS, Example("t-r1-r2", "t-r1", 2, "reasoning", "i", "r"))


def varied(rng: random.Random, count: int) -> dict[int, list[Example]]:
    """Records in two rounds, of which many are copies of others or nearly so."""
    vocabulary = [f"word{i}" for i in range(400)]
    texts = [[rng.choice(vocabulary) for _ in range(rng.randrange(8, 60))] for _ in range(count // 4)]
    rounds: dict[int, list[Example]] = {0: [], 1: []}
    for i in range(count):
        text = list(rng.choice(texts))
        for _ in range(rng.choice([0, 0, 1, 3])):
            text[rng.randrange(len(text))] = rng.choice(vocabulary)
        number = rng.randrange(2)
        rounds[number].append(example(f"e{i}", number, " ".join(text)))
    return rounds


@pytest.mark.parametrize("trial", range(10))
def test_in_any_order_each_removed_record_has_a_kept_twin_and_no_two_kept_ones_are_alike(trial):
    rng = random.Random(trial)
    rounds = {number: rng.sample(records, len(records)) for number, records in varied(rng, 80).items()}
    found = select(settings(threshold=0.7), rounds)
    sets = {
        e.id: set(make_shingles(split_tokens(f"{e.instruction}\n{e.response}".lower()), 3))
        for es in rounds.values()
        for e in es
    }
    kept = [key for left in found.left.values() for key in left]
    assert len(kept) + len(found.removed) == len(sets)
    assert "near_duplicate" in reasons(found).values()
    for key, removal in found.removed.items():
        twin = removal.detail.split()[-1]
        assert twin in kept
        if removal.reason == "near_duplicate":
            assert removal.detail == f"Jaccard {compute_jaccard(sets[key], sets[twin]):.3f} with {twin}"
            assert compute_jaccard(sets[key], sets[twin]) >= 0.7
    assert all(compute_jaccard(sets[a], sets[b]) < 0.7 for i, a in enumerate(kept) for b in kept[:i])


@pytest.mark.parametrize("trial", range(10))
def test_without_near_duplicates_the_same_texts_stay_in_any_order(trial):
    rng = random.Random(trial)
    rounds = varied(rng, 80)
    shuffled = {number: rng.sample(records, len(records)) for number, records in rounds.items()}
    texts = {e.id: e.instruction for records in rounds.values() for e in records}
    one, other = (select(settings(), given) for given in (rounds, shuffled))
    for number in rounds:
        assert sorted(texts[key] for key in one.left[number]) == sorted(texts[key] for key in other.left[number])

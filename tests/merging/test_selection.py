"""Selection: which records of the rounds are kept, whatever order they come in, and why the others are not."""

from __future__ import annotations

import random

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example
from wizardcoder.merging.matching import choose_target, draw_to_size, match_rounds, measure_sizes
from wizardcoder.merging.near_duplicates import compute_jaccard, make_shingles
from wizardcoder.merging.selection import RecordOrigin, Removal, Selection, find_excluded_heuristic, select_records
from wizardcoder.merging.settings import MergeParams, NearDuplicatesParams
from wizardcoder.text.words import split_tokens


def settings(rounds=(0, 1), heuristics=None, match="none", target=None, threshold=None) -> MergeParams:
    return MergeParams(list(rounds), heuristics, match, target, NearDuplicatesParams(threshold, 128, 3))


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
    ("allowed", "told"),
    [
        ({"reasoning", "complexity", "constraints"}, None),
        ({"reasoning", "complexity"}, "constraints"),
        ({"reasoning", "constraints"}, "complexity, which made its ancestor s-r1-r3"),
        ({"complexity", "constraints"}, "reasoning, which made its ancestor s-r1"),
    ],
)
def test_a_heuristic_forbids_what_it_made_and_all_that_came_of_it(allowed, told):
    evolved = Example("s-r1-r3-r4", "s-r1-r3", 4, "constraints", "i", "r")
    assert find_excluded_heuristic(allowed, ORIGINS, evolved) == told


def test_a_seed_always_passes():
    assert find_excluded_heuristic(set(), ORIGINS, Example("s", None, 0, None, "i", "r")) is None


def test_an_ancestor_that_is_in_no_round_is_named():
    with pytest.raises(StageError, match=r"^round 2: t-r1-r2: its ancestor t-r1 is in no round$"):
        find_excluded_heuristic({"reasoning"}, ORIGINS, Example("t-r1-r2", "t-r1", 2, "reasoning", "i", "r"))


def made(**counts: int) -> Selection:
    """A selection with so many records a round, of 1, 2, 3 ... tokens."""
    left = {int(name[1:]): {f"{name}-{i}": i + 1 for i in range(count)} for name, count in counts.items()}
    return Selection(left, {})


def test_rounds_matched_by_samples_have_equally_many():
    params = settings(match="samples")
    found = match_rounds(made(r0=9, r1=4), params, 4, 42)
    assert measure_sizes(found, params) == {0: 4, 1: 4}
    assert set(reasons(found).values()) == {"match"}
    assert len(found.removed) == 5
    assert {removal.detail for removal in found.removed.values()} == {"not drawn: 4 of 9 samples"}


def test_rounds_matched_by_tokens_are_equal_but_for_their_last_record():
    params = settings(match="tokens")
    found = match_rounds(made(r0=40, r1=10), params, 55, 42)
    totals = measure_sizes(found, params)
    assert totals[1] == 55
    assert 55 <= totals[0] < 55 + 40
    assert {removal.detail for removal in found.removed.values()} == {"not drawn: 55 of 820 tokens"}


def test_a_match_loses_nothing_and_keeps_the_order():
    before = made(r0=30, r1=20)
    after = match_rounds(before, settings(match="samples"), 7, 42)
    for number, left in before.left.items():
        kept = after.left[number]
        assert list(kept) == [key for key in left if key in kept]
        assert set(left) == set(kept) | {key for key in after.removed if key in left}


@pytest.mark.parametrize("trial", range(20))
def test_what_is_drawn_does_not_depend_on_the_order(trial):
    rng = random.Random(trial)
    sizes = {f"id{i}": rng.randrange(1, 50) for i in range(60)}
    shuffled = dict(rng.sample(sorted(sizes.items()), len(sizes)))
    target = rng.randrange(1, sum(sizes.values()))
    kept = draw_to_size(sizes, target, 42)
    assert draw_to_size(shuffled, target, 42) == kept
    assert sum(sizes[key] for key in kept) >= target


@pytest.mark.parametrize("trial", range(20))
def test_a_larger_target_keeps_all_that_a_smaller_one_keeps(trial):
    rng = random.Random(trial)
    sizes = {f"id{i}": rng.randrange(1, 50) for i in range(60)}
    small, large = sorted(rng.sample(range(1, sum(sizes.values())), 2))
    assert draw_to_size(sizes, small, trial) <= draw_to_size(sizes, large, trial)


def test_whatever_else_is_there_one_record_goes_before_another():
    few = {f"id{i}": 1 for i in range(0, 100, 2)}
    many = {f"id{i}": 1 for i in range(100)}
    kept = draw_to_size(many, 40, 42)
    assert draw_to_size(few, len(kept & set(few)), 42) == kept & set(few)


def test_another_seed_draws_others():
    sizes = {f"id{i}": 1 for i in range(100)}
    assert draw_to_size(sizes, 50, 1) != draw_to_size(sizes, 50, 2)


def test_every_record_is_drawn_about_equally_often():
    sizes = {f"id{i}": 1 for i in range(10)}
    counts = dict.fromkeys(sizes, 0)
    for seed in range(1000):
        for key in draw_to_size(sizes, 3, seed):
            counts[key] += 1
    assert all(240 <= count <= 360 for count in counts.values())


@pytest.mark.parametrize(
    ("others", "target"),
    [({}, (4, "all of round 1")), ({3: 3, 4: 0}, (3, "all of round 3")), ({3: 7}, (4, "all of round 1"))],
)
def test_without_a_target_the_smallest_of_all_rounds_that_hold_anything_is_it(others, target):
    assert choose_target(settings(match="samples"), {0: 9, 1: 4}, others) == target


def test_rounds_merged_alone_get_the_same_target():
    alone = {0: 9, 1: 4, 2: 6}
    targets = [
        choose_target(settings(match="samples"), {n: alone[n]}, {o: alone[o] for o in alone if o != n}) for n in alone
    ]
    assert targets == [(4, "all of round 1")] * 3


def test_a_target_need_not_fit_a_round_that_is_not_wanted():
    assert choose_target(settings(match="samples", target=5), {0: 9}, {1: 3}) == (5, "merge.target")


@pytest.mark.parametrize(
    ("match", "target", "wanted", "line"),
    [
        (
            "samples",
            5,
            {0: 9, 2: 4},
            "params.yaml: merge.target: found 5, accepted: at most 4, the size of the smallest round "
            "(samples: r0 9, r2 4)",
        ),
        (
            "tokens",
            None,
            {0: 9, 1: 0},
            "params.yaml: merge.match: a round has nothing left (tokens: r0 9, r1 0); leave it out",
        ),
    ],
)
def test_a_round_that_is_too_small_is_named_with_all_sizes(match, target, wanted, line):
    with pytest.raises(StageError) as caught:
        choose_target(settings(match=match, target=target), wanted, {})
    assert str(caught.value) == line


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


def test_the_same_input_gives_the_same_selection():
    params = settings(threshold=0.7, match="samples")
    rounds = varied(random.Random(1), 80)
    assert match_rounds(select(params, rounds), params, 9, 42) == match_rounds(select(params, rounds), params, 9, 42)

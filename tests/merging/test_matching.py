"""Matching: rounds are made equal by a draw that depends on the seed and each id alone."""

from __future__ import annotations

import random

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example
from wizardcoder.merging.matching import choose_target, draw_to_size, match_rounds, measure_sizes
from wizardcoder.merging.selection import Selection, select_records
from wizardcoder.merging.settings import MergeParams, NearDuplicatesParams


def settings(rounds=(0, 1), without=(), match="none", target=None, threshold=None) -> MergeParams:
    return MergeParams(list(rounds), list(without), match, target, NearDuplicatesParams(threshold, 128, 3))


def example(key: str, number: int, instruction: str, response: str = "r") -> Example:
    return Example(key, key.rpartition("-")[0] or None, number, None, instruction, response)


def select(params: MergeParams, rounds: dict[int, list[Example]], left_out=lambda _: None) -> Selection:
    return select_records(params, 42, rounds.items(), left_out)


def made(**counts: int) -> Selection:
    """A selection with so many records a round, of 1, 2, 3 ... tokens."""
    left = {int(name[1:]): {f"{name}-{i}": i + 1 for i in range(count)} for name, count in counts.items()}
    return Selection(left, {})


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


def test_rounds_matched_by_samples_have_equally_many():
    params = settings(match="samples")
    found = match_rounds(made(r0=9, r1=4), params, 4, 42)
    assert measure_sizes(found, params) == {0: 4, 1: 4}
    assert {removal.reason for removal in found.removed.values()} == {"match"}
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


def test_the_same_input_gives_the_same_selection():
    params = settings(threshold=0.7, match="samples")
    rounds = varied(random.Random(1), 80)
    assert match_rounds(select(params, rounds), params, 9, 42) == match_rounds(select(params, rounds), params, 9, 42)

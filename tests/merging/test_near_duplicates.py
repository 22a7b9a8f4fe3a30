"""Near-duplicates: MinHash proposes, the exact Jaccard similarity decides."""

from __future__ import annotations

import random

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.merging.near_duplicates import (
    NearDuplicate,
    NearDuplicateIndex,
    choose_bands,
    compute_jaccard,
    make_shingles,
)


def single_words(threshold: float, num_perm: int = 128, seed: int = 42) -> NearDuplicateIndex:
    return NearDuplicateIndex(threshold, num_perm, 1, seed)


def numbered(start: int, stop: int) -> list[str]:
    return [f"w{i}" for i in range(start, stop)]


def test_a_copy_names_its_twin_and_the_exact_similarity():
    near = single_words(0.8)
    assert near.add("a", numbered(0, 90)) is None
    assert near.add("b", numbered(0, 100)) == NearDuplicate("a", 0.9)


def test_a_pair_at_the_threshold_is_one_and_a_pair_just_below_it_is_none():
    near = single_words(0.9)
    near.add("a", numbered(0, 90))
    assert near.add("b", numbered(0, 101)) is None
    near = single_words(0.9)
    near.add("a", numbered(0, 90))
    assert near.add("b", numbered(0, 100)) == NearDuplicate("a", 0.9)


def test_the_twin_is_the_most_alike_and_among_equals_the_first():
    near = single_words(0.5)
    near.add("a", numbered(0, 100))
    near.add("b", numbered(60, 160))
    assert near.add("c", numbered(50, 150)) == NearDuplicate("b", 90 / 110)
    assert near.add("d", numbered(30, 130)) == NearDuplicate("a", 70 / 130)


def test_what_was_removed_is_no_twin_of_what_follows():
    near = single_words(0.8)
    near.add("a", numbered(0, 100))
    assert near.add("b", numbered(10, 100)) == NearDuplicate("a", 0.9)
    assert near.add("c", numbered(22, 100)) is None


def test_repeated_words_count_once():
    near = single_words(1.0)
    near.add("a", ["x", "y", "x"])
    assert near.add("b", ["y", "x"]) == NearDuplicate("a", 1.0)


def test_the_order_of_words_counts_in_longer_shingles():
    near = NearDuplicateIndex(0.5, 128, 3, 42)
    near.add("a", ["a", "b", "c", "d", "e"])
    assert near.add("b", ["e", "d", "c", "b", "a"]) is None
    assert near.add("c", ["a", "b", "c", "d"]) == NearDuplicate("a", 2 / 3)


@pytest.mark.parametrize(
    ("words", "size", "found"),
    [
        (["a", "b", "c", "d"], 3, ["a b c", "b c d"]),
        (["a", "b"], 3, ["a b"]),
        (["a", "b", "c"], 3, ["a b c"]),
        (["a", "b"], 1, ["a", "b"]),
        ([], 3, [""]),
    ],
)
def test_shingles_are_runs_of_words_and_a_shorter_text_is_one(words, size, found):
    assert make_shingles(words, size) == found


def test_jaccard_is_the_share_of_common_elements():
    assert compute_jaccard({"a", "b", "c"}, {"b", "c", "d"}) == 0.5


@pytest.mark.parametrize(
    ("threshold", "num_perm", "count"), [(0.9, 128, 16), (0.8, 128, 32), (1.0, 128, 1), (0.5, 7, 7)]
)
def test_bands_are_the_fewest_that_find_a_pair_at_the_threshold(threshold, num_perm, count):
    def found(b):
        return 1 - (1 - threshold ** (num_perm / b)) ** b

    assert choose_bands(threshold, num_perm) == count
    assert found(count) >= 0.99
    assert all(found(b) < 0.99 for b in range(1, count) if num_perm % b == 0)


def test_too_few_permutations_are_refused_with_what_would_do():
    with pytest.raises(StageError) as caught:
        choose_bands(0.1, 16)
    assert str(caught.value) == (
        "params.yaml: merge.near_duplicates.num_perm: found 16, accepted: at least 44, to find 99% of the pairs at the "
        "threshold 0.1"
    )
    assert choose_bands(0.1, 44) == 44


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95])
def test_nearly_every_pair_above_the_threshold_is_found(threshold):
    rng = random.Random(7)
    missed = 0
    for trial in range(200):
        near = single_words(threshold, seed=trial)
        text = [f"{trial}-{i}" for i in range(rng.randrange(20, 120))]
        near.add("a", text)
        other = text[: max(1, round(len(text) * (1 + threshold) / 2))]
        missed += near.add("b", other) is None
    assert missed <= 4


@pytest.mark.parametrize("seed", [0, -1, 2**70])
def test_any_whole_number_is_a_seed(seed):
    near = single_words(0.9, seed=seed)
    near.add("a", ["x"])
    assert near.add("b", ["x"]) == NearDuplicate("a", 1.0)

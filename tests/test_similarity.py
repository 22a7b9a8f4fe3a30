"""TF-IDF neighbours and n-gram overlap, worked out by hand."""

from __future__ import annotations

import pytest

from stages.lib.similarity import BLOCK, nearest, ngram_overlap


def indices(query: str, corpus: list[str], top_k: int) -> list[int]:
    (found,) = nearest([query], corpus, top_k)
    return [index for index, _ in found]


def test_the_same_text_has_similarity_1_and_a_foreign_one_0():
    (found,) = nearest(["sort a list"], ["open the door", "sort a list"], 2)
    assert found == [(1, pytest.approx(1.0)), (0, 0.0)]


def test_the_similarity_is_the_tf_idf_cosine():
    # texts "a b" and "a": idf of a = ln(3/3) + 1 = 1, of b and of the pair "a b" = ln(3/2) + 1 = 1.405465;
    # cosine = 1 / sqrt(1 + 2 * 1.405465^2)
    assert list(nearest(["a"], ["a b"], 1)) == [[(0, pytest.approx(0.449436, abs=1e-6))]]


def test_neighbours_come_best_first():
    corpus = ["paint the wall", "sort a list of names", "sort a list", "sort a heap"]
    assert indices("sort a list", corpus, 3) == [2, 1, 3]


def test_word_order_counts_through_word_pairs():
    assert indices("dog bites man", ["man bites dog", "dog bites man"], 1) == [1]


def test_case_does_not_count():
    assert list(nearest(["SORT A List"], ["sort a list"], 1)) == [[(0, pytest.approx(1.0))]]


def test_ties_keep_the_order_of_the_corpus():
    corpus = ["other words", "x y z", "nothing alike", "x y z", "x y z"]
    assert indices("x y z", corpus, 2) == [1, 3]
    assert indices("x y z", corpus, 5) == [1, 3, 4, 0, 2]
    assert indices("x y z", ["x y z", "other"] * 100, 200) == [*range(0, 200, 2), *range(1, 200, 2)]


def test_a_top_k_above_the_corpus_gives_the_whole_corpus():
    assert indices("b", ["a", "b", "c"], 99) == [1, 0, 2]


def test_every_query_is_answered_across_blocks():
    corpus = [f"word{i}" for i in range(BLOCK + 3)]
    found = list(nearest(corpus[::-1], corpus, 1))
    assert [index for ((index, _),) in found] == list(range(BLOCK + 3))[::-1]


def test_no_query_gives_nothing():
    assert list(nearest([], ["a"], 1)) == []


@pytest.mark.parametrize(
    ("text", "other", "n", "overlap"),
    [
        ("a b c d", "a b c d", 2, 1.0),
        ("a b c d", "a b x c d", 2, 2 / 3),  # ab, bc, cd: bc is broken
        ("a b c d", "b c", 2, 1 / 3),
        ("a b c d", "d c b a", 2, 0.0),
        ("A, b! C d.", "(a) B c; D", 3, 1.0),
        ("a a a a", "a a", 2, 1.0),  # one distinct pair
        ("a b", "x a b y", 8, 1.0),  # shorter than n: one n-gram
        ("a b", "a x b", 8, 0.0),
        ("a b c d", "a b", 3, 0.0),
        ("", "a", 3, 0.0),
        ("?!", "?!", 3, 0.0),
        ("a b", "", 1, 0.0),
    ],
)
def test_overlap_is_the_share_of_the_texts_own_n_grams(text, other, n, overlap):
    assert ngram_overlap(text, other, n) == pytest.approx(overlap)

"""Similarities between texts and their neighbours, worked out by hand."""

from __future__ import annotations

import pytest

from wizardcoder.text.nearest import compare_pairs, compare_sets, find_nearest


def test_the_same_text_has_similarity_1_and_a_foreign_one_0():
    pairs = [("sort a list", "sort a list"), ("sort a list", "open the door")]
    assert compare_pairs(pairs) == pytest.approx([1.0, 0.0])


def test_a_pairs_similarity_is_the_tf_idf_cosine():
    # idf of a = ln(3/3) + 1 = 1, of b and of the pair "a b" = ln(3/2) + 1 = 1.405465;
    # cosine = 1 / sqrt(1 + 2 * 1.405465^2)
    assert compare_pairs([("a", "a b")]) == [pytest.approx(0.449436, abs=1e-6)]


def test_a_text_that_stands_in_many_pairs_weighs_as_one():
    once = compare_pairs([("a", "a b")])
    assert compare_pairs([("a", "a b")] * 3) == pytest.approx(once * 3)


def test_pairs_without_a_word_have_similarity_0():
    assert compare_pairs([("?", "?"), ("", "!")]) == [0.0, 0.0]
    assert compare_pairs([("?", "sort it")]) == [0.0]
    assert compare_pairs([]) == []


def within(texts: list[str]) -> list[float]:
    return compare_sets([texts])[0][0]


def test_the_nearest_other_is_never_the_text_itself():
    assert within(["open the door", "sort a list", "paint walls"]) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_a_copy_is_the_nearest_other(copies):
    assert within(["sort a list"] * copies + ["open doors"]) == pytest.approx([1.0] * copies + [0.0])


@pytest.mark.parametrize("texts", [[], ["sort a list"], ["?", "!"]])
def test_fewer_than_two_texts_or_none_with_words_have_no_neighbours(texts):
    assert within(texts) == []


def test_a_set_is_held_against_the_one_before_it():
    sets = [["sort a list", "open doors"], ["paint walls", "sort a list"], ["paint walls", "x"]]
    assert [before for _, before in compare_sets(sets)] == [[], pytest.approx([0.0, 1.0]), pytest.approx([1.0, 0.0])]


def test_a_set_of_one_has_no_figures_and_gives_none_to_the_next():
    assert compare_sets([["a", "b"], ["a"], ["a", "b"]])[1:] == [([], []), ([0.0, 0.0], [])]


def test_one_set_s_figures_and_the_next_s_have_the_same_weights():
    sets = [["a", "a b", "c"], ["a", "a b", "d"]]
    (first, _), (second, _) = compare_sets(sets)
    assert first[:2] == pytest.approx(second[:2])


def test_the_nearest_in_a_corpus_is_the_best_of_all():
    assert find_nearest(["open the door", "x"], ["sort it", "open the door"]) == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize(("texts", "corpus"), [([], ["a"]), (["a"], []), (["?"], ["!"])])
def test_nothing_to_compare_gives_nothing(texts, corpus):
    assert find_nearest(texts, corpus) == []

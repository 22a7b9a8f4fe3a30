"""Vectors and nearest neighbours, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wizardcoder.core.console import StageError
from wizardcoder.text.embeddings import embed
from wizardcoder.text.tfidf import BLOCK, find_nearest_rows


def nearest_texts(queries: list[str], corpus: list[str], top_k: int) -> list[list[tuple[int, float]]]:
    """Give the nearest by TF-IDF, which needs no cache."""
    return list(find_nearest_rows(*embed("tfidf", queries, corpus, Path("unused")), top_k))


def indices(query: str, corpus: list[str], top_k: int) -> list[int]:
    (found,) = nearest_texts([query], corpus, top_k)
    return [index for index, _ in found]


def test_the_same_text_has_similarity_1_and_a_foreign_one_0():
    (found,) = nearest_texts(["sort a list"], ["open the door", "sort a list"], 2)
    assert found == [(1, pytest.approx(1.0)), (0, 0.0)]


def test_the_similarity_is_the_tf_idf_cosine():
    # texts "a b" and "a": idf of a = ln(3/3) + 1 = 1, of b and of the pair "a b" = ln(3/2) + 1 = 1.405465;
    # cosine = 1 / sqrt(1 + 2 * 1.405465^2)
    assert (nearest_texts(["a"], ["a b"], 1)) == [[(0, pytest.approx(0.449436, abs=1e-6))]]


def test_neighbours_come_best_first():
    corpus = ["paint the wall", "sort a list of names", "sort a list", "sort a heap"]
    assert indices("sort a list", corpus, 3) == [2, 1, 3]


def test_word_order_counts_through_word_pairs():
    assert indices("dog bites man", ["man bites dog", "dog bites man"], 1) == [1]


def test_case_does_not_count():
    assert (nearest_texts(["SORT A List"], ["sort a list"], 1)) == [[(0, pytest.approx(1.0))]]


def test_ties_keep_the_order_of_the_corpus():
    corpus = ["other words", "x y z", "nothing alike", "x y z", "x y z"]
    assert indices("x y z", corpus, 2) == [1, 3]
    assert indices("x y z", corpus, 5) == [1, 3, 4, 0, 2]
    assert indices("x y z", ["x y z", "other"] * 100, 200) == [*range(0, 200, 2), *range(1, 200, 2)]


def test_a_top_k_above_the_corpus_gives_the_whole_corpus():
    assert indices("b", ["a", "b", "c"], 99) == [1, 0, 2]


def test_every_query_is_answered_across_blocks():
    corpus = [f"word{i}" for i in range(BLOCK + 3)]
    found = nearest_texts(corpus[::-1], corpus, 1)
    assert [index for ((index, _),) in found] == list(range(BLOCK + 3))[::-1]


def test_no_query_gives_nothing():
    assert nearest_texts([], ["a"], 1) == []


def test_dense_neighbours_are_those_of_a_full_sort():
    draw = np.random.default_rng(3)
    queries, vectors = (draw.integers(-2, 3, (n, 4)).astype(np.float32) for n in (BLOCK + 5, 300))  # many ties
    for row, found in zip(queries @ vectors.T, find_nearest_rows(queries, vectors, 7), strict=True):
        assert [index for index, _ in found] == np.argsort(-row, kind="stable")[:7].tolist()


def test_a_broken_cache_is_one_line(tmp_path):
    (tmp_path / "vectors.sqlite").write_text("not a database, certainly not one of SQLite")
    with pytest.raises(StageError, match=r"vectors\.sqlite: not a usable answer store: .*$"):
        embed("embedded", ["a"], ["b"], tmp_path)


def test_a_directory_without_a_model_is_refused(tmp_path):
    with pytest.raises(StageError, match=r"no config\.json, accepted: tfidf, embedded"):
        embed(str(tmp_path), ["a"], ["b"], tmp_path)

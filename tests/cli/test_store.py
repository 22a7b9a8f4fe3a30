"""`wizardcoder store`: size, check and pruning of the answer store."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from command_line import wizardcoder

from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore, Key


@pytest.fixture
def store(tmp_path):
    """Give the path of a store with one answer, bought for 2.0."""
    path = tmp_path / "answers.sqlite"
    with AnswerStore(path) as found:
        found.put(Key.of({"endpoint": "http://e/v1", "model": "m", "n": 1}), {"text": "x"}, cost=2.0)
    return path


@pytest.fixture
def call(tmp_path, capsys):
    def run(*args):
        wizardcoder("store", *args, "--cache-dir", str(tmp_path))
        return capsys.readouterr().out

    return run


def test_size_lists_answers_money_models_and_endpoints(store, call):
    first, second = call("size").splitlines()
    assert first.startswith(f"{store}: 1 answers, ")
    assert first.endswith(" 2.0 spent")
    assert second == "         1  m  http://e/v1"


def test_verify_finds_a_whole_store_in_order(store, call):
    assert call("verify") == f"{store}: 1 answers, none damaged\n"


def test_verify_ends_with_an_error_for_a_damaged_row(store, call, capsys):
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("UPDATE answers SET answer = 'x'")
    with pytest.raises(StageError, match=r"answers\.sqlite: 1 damaged$"):
        call("verify")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_prune_deletes_by_model(store, call):
    assert call("prune", "--model", "m") == f"{store}: 1 answers deleted\n"
    assert ": 0 answers, " in call("size")


def test_refused_requests_are_listed_and_pruned_without_the_answers(store, call):
    with AnswerStore(store) as found:
        found.put_refusal(Key.of({"endpoint": "http://e/v1", "model": "m", "n": 2}), "HTTP 400: too long")
    assert ": 1 answers, 1 refused requests, " in call("size")
    assert call("prune", "--refused") == f"{store}: 1 refused requests deleted\n"
    assert ": 1 answers, 0.0 MB" in call("size")


def test_prune_without_a_condition_is_refused(store, call):
    with pytest.raises(StageError, match="no condition; accepted: --older-than-days, --endpoint, --model or --refused"):
        call("prune")


def test_a_folder_without_a_store_is_refused(call):
    with pytest.raises(StageError, match="no answer store; --cache-dir or WC_CACHE_DIR sets another folder"):
        call("size")

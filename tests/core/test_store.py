"""The answer store keeps what was given first, for several processes at once."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore, Key


def test_an_answer_outlives_the_store_object(tmp_path):
    with AnswerStore(tmp_path / "a.sqlite") as store:
        store.put(Key.of({"model": "m", "n": 1}), {"text": "é\n"})
    with AnswerStore(tmp_path / "a.sqlite") as store:
        assert store.get(Key.of({"n": 1, "model": "m"})) == {"text": "é\n"}
        assert store.get(Key.of({"n": 2, "model": "m"})) is None


def test_the_first_answer_stays(tmp_path):
    with AnswerStore(tmp_path / "a.sqlite") as store:
        store.put(Key.of({"n": 1}), {"text": "first"})
        store.put(Key.of({"n": 1}), {"text": "second"})
        assert store.get(Key.of({"n": 1})) == {"text": "first"}


def test_a_second_payer_gets_the_first_answer_and_both_costs_count(tmp_path):
    with AnswerStore(tmp_path / "a.sqlite") as store:
        assert store.put(Key.of({"n": 1}), {"text": "first"}, cost=1.0) == {"text": "first"}
        assert store.put(Key.of({"n": 1}), {"text": "second"}, cost=0.5) == {"text": "first"}
        assert store.spent() == 1.5


def test_every_part_of_a_request_is_part_of_its_key():
    assert Key.of({"a": 1, "b": [1, 2]}) == Key.of({"b": [1, 2], "a": 1})
    assert Key.of({"a": 1}) != Key.of({"a": 2})
    assert Key.of({"a": 1}) != Key.of({"a": "1"})


@pytest.mark.heavy
def test_two_processes_write_one_store_and_nothing_is_lost(tmp_path):
    code = (
        "import sys; from pathlib import Path; from wizardcoder.core.store import AnswerStore, Key\n"
        "with AnswerStore(Path(sys.argv[1])) as store:\n"
        "    for n in range(300): store.put(Key.of({'n': n, 'by': sys.argv[2]}), {'text': str(n)})\n"
    )
    path = tmp_path / "a.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), by]) for by in "ab"]
    assert [w.wait(60) for w in writers] == [0, 0]
    with AnswerStore(path) as store:
        assert all(store.get(Key.of({"n": n, "by": by})) == {"text": str(n)} for n in range(300) for by in "ab")


def test_a_file_that_is_no_store_gives_one_line(tmp_path):
    (tmp_path / "a.sqlite").write_text("not a database, but long enough to have a header" * 50)
    with pytest.raises(StageError, match="not a usable answer store"):
        AnswerStore(tmp_path / "a.sqlite")


def test_money_stays_counted_when_answers_are_pruned(tmp_path):
    with AnswerStore(tmp_path / "a.sqlite") as store:
        store.put(Key.of({"n": 1, "model": "a"}), {"text": "x"}, cost=1.5)
        store.put(Key.of({"n": 2, "model": "b"}), {"text": "y"}, cost=0.25)
        assert store.prune(None, None, "a") == 1
        assert (store.spent(), store.size().answers) == (1.75, 1)
        assert store.get(Key.of({"n": 2, "model": "b"})) == {"text": "y"}


def test_young_answers_are_not_old(tmp_path):
    with AnswerStore(tmp_path / "a.sqlite") as store:
        store.put(Key.of({"n": 1}), {"text": "x"})
        assert store.prune(1.0, None, None) == 0
        assert store.prune(-1.0, None, None) == 1


def test_an_altered_row_is_found(tmp_path):
    path = tmp_path / "a.sqlite"
    with AnswerStore(path) as store:
        for n in range(3):
            store.put(Key.of({"n": n}), {"text": "x"})
        assert store.damaged() == []
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE answers SET answer = '{' WHERE key = ?", (Key.of({"n": 1}).digest,))
        db.execute("UPDATE answers SET request = '{}' WHERE key = ?", (Key.of({"n": 2}).digest,))
    with AnswerStore(path) as store:
        found = sorted(store.damaged())
    assert len(found) == 2
    assert {line.split(": ", 1)[1] for line in found} == {"the answer is not readable", "the request was altered"}

"""Refused requests: remembered once the role's requests are answered; a wrong setting stops the run."""

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.teacher.refusals import Refusals

KEYS = [Key.of({"endpoint": "http://e/v1", "model": "m", "n": n}) for n in range(40)]


@pytest.fixture
def store(tmp_path):
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        yield store


def test_a_refusal_is_remembered_and_is_no_answer(store):
    refusals = Refusals(store, concurrency=1)
    refusals.record_answer("respond")
    refusals.record_refusal("respond", KEYS[0], "HTTP 400: too long")
    refusals.check()
    assert Refusals(store, concurrency=1).reason(KEYS[0]) == "HTTP 400: too long"
    assert store.get(KEYS[0]) is None
    assert (store.size().answers, store.size().refusals) == (0, 1)
    assert store.prune_refusals(None, None, "other") == 0
    assert store.prune_refusals(None, None, None) == 1
    assert store.refusals() == {}


def test_refusals_before_the_first_answer_are_remembered_with_it(store):
    refusals = Refusals(store, concurrency=1)
    refusals.record_refusal("respond", KEYS[0], "HTTP 400: too long")
    assert store.refusals() == {}
    refusals.record_answer("instruct")
    assert store.refusals() == {}
    refusals.record_answer("respond")
    assert list(store.refusals()) == [KEYS[0].digest]


@pytest.mark.parametrize(("concurrency", "enough"), [(1, 10), (8, 16)])
def test_nothing_but_refusals_for_one_reason_is_a_wrong_setting(store, concurrency, enough):
    refusals = Refusals(store, concurrency)
    for n in range(enough - 1):
        refusals.record_refusal("respond", KEYS[n], f"HTTP 400: max_tokens is too large, the prompt has {n} tokens")
    with pytest.raises(
        StageError, match=rf"^teacher\.respond: {enough} requests .* none was answered: HTTP 400: max_t"
    ):
        refusals.record_refusal("respond", KEYS[39], "HTTP 400: max_tokens is too large, the prompt has 99 tokens")
    assert store.refusals() == {}


def test_refusals_for_several_reasons_are_about_the_records(store):
    refusals = Refusals(store, concurrency=1)
    for n in range(20):
        refusals.record_refusal("respond", KEYS[n], f"HTTP 400: {'too long' if n % 2 else 'flagged'}")
    refusals.check()


@pytest.mark.parametrize(("count", "stops"), [(4, False), (5, True)])
def test_a_short_run_with_nothing_but_refusals_ends_with_an_error(store, count, stops):
    refusals = Refusals(store, concurrency=8)
    for n in range(count):
        refusals.record_refusal("judge", KEYS[n], "HTTP 422: unknown field")
    if not stops:
        refusals.check()
        return
    with pytest.raises(StageError, match=r"teacher\.judge: 5 requests were refused for one reason"):
        refusals.check()

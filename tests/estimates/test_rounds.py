"""How long answers are expected to be: by the limit of a request, then by the stored answers to requests like it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from stages.evolve import Params
from wizardcoder.core.params import load
from wizardcoder.core.records import PoolItem
from wizardcoder.core.store import AnswerStore
from wizardcoder.estimates.rounds import ENOUGH_ANSWERS, Estimator
from wizardcoder.evolution.evolve_one import draw_evolution
from wizardcoder.teacher.answer import Answer, answer_fields
from wizardcoder.teacher.chats import evolve_messages
from wizardcoder.teacher.request import DEFAULT_TOKEN_LIMIT, build_request

PARAMS = load(Params, Path(__file__).resolve().parents[2] / "params.yaml")


def with_body(**body):
    teacher = replace(PARAMS.teacher, base_url="http://127.0.0.1:9/v1", body=body)
    return Params(PARAMS.run, teacher, PARAMS.evolve)


@pytest.fixture
def store(tmp_path):
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        yield store


def keep(store, params, tokens, count=ENOUGH_ANSWERS, role="respond"):
    """Store answers of this many tokens, most of them reasoning."""
    answer = Answer("text", "stop", 10, tokens, reasoning="why", reasoning_tokens=tokens - 10)
    for seed in range(count):
        request = build_request(params.teacher, role, [{"role": "user", "content": "x"}], seed)
        store.put(request.key, answer_fields(answer))


def test_without_answers_an_answer_is_as_long_as_its_limit(store):
    assert Estimator(with_body(), store).lengths == {"instruct": 96, "judge": 8, "respond": 320}
    assert Estimator(with_body(max_tokens=None, max_completion_tokens=900), store).lengths["judge"] == 900
    assert Estimator(with_body(max_tokens=None), store).limits["judge"] == DEFAULT_TOKEN_LIMIT


def test_stored_answers_give_the_length_with_the_reasoning(store):
    keep(store, with_body(), 200)
    estimator = Estimator(with_body(), store)
    assert (estimator.lengths["respond"], estimator.limits["respond"], estimator.lengths["instruct"]) == (200, 320, 96)


def test_answers_to_requests_with_another_body_do_not_count(store):
    low, high = (with_body(max_tokens=None, max_completion_tokens=900, reasoning_effort=e) for e in ("low", "high"))
    keep(store, low, 100)
    keep(store, high, 800)
    assert [Estimator(each, store).lengths["respond"] for each in (low, high)] == [100, 800]


def test_another_temperature_or_seed_is_a_request_like_it(store):
    keep(store, with_body(), 200)
    assert Estimator(with_body(temperature=1.0, seed=None), store).lengths["respond"] == 200


def test_a_few_answers_are_not_enough(store):
    keep(store, with_body(), 200, count=ENOUGH_ANSWERS - 1)
    assert Estimator(with_body(), store).lengths["respond"] == 320


def test_a_request_that_was_refused_is_not_counted(store):
    params, pool = with_body(), [PoolItem("a", "Write a function."), PoolItem("b", "Write a class.")]
    drawn, evolve = draw_evolution(params.run.seed, 1, "a", params.evolve.heuristics), params.evolve
    messages = evolve_messages(evolve.prompt, evolve.heuristics, evolve.few_shot, drawn.heuristic, pool[0].instruction)
    store.put_refusal(build_request(params.teacher, "instruct", messages, drawn.seed).key, "HTTP 400: too long")
    estimator = Estimator(params, store, numbers=[1])
    asyncio.run(estimator.follow(pool))
    assert estimator.rounds[1].requests == len(["instruct", "judge", "respond"])  # of the other record

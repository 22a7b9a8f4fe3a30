"""What identifies a request, and when nothing is opened."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from stages.evolve import Params
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.core.store import Key
from wizardcoder.teacher.budget import Price
from wizardcoder.teacher.request import build_request
from wizardcoder.teacher.teacher import open_teacher

TEACHER = load(Params, Path(__file__).resolve().parents[2] / "params.yaml").teacher
CHAT = [{"role": "user", "content": "hello"}]


def digest(teacher=TEACHER, role="instruct", messages=CHAT, seed=1, attempt=0):
    return build_request(teacher, role, messages, seed, attempt).key.digest


def test_everything_that_determines_an_answer_is_in_its_key():
    hot = replace(TEACHER, instruct=replace(TEACHER.instruct, temperature=1.0))
    others = [
        digest(messages=[{"role": "system", "content": "be brief"}, *CHAT]),
        digest(messages=[{"role": "user", "content": "hello!"}]),
        digest(seed=2),
        digest(attempt=1),
        digest(role="respond"),
        digest(replace(TEACHER, model="other")),
        digest(replace(TEACHER, base_url="http://a/v1")),
        digest(replace(TEACHER, base_url="http://b/v1")),
        digest(hot),
    ]
    assert len({digest(), *others}) == len(others) + 1


def test_settings_that_change_no_answer_are_not_in_its_key():
    other = replace(
        TEACHER.runtime, concurrency=99, timeout_s=1.0, retries=0, price=Price(1.0, 1.0), budget=5.0, mode="batch"
    )
    assert digest(replace(TEACHER, runtime=other)) == digest()


def test_replicas_are_identified_by_the_first():
    one, row = (replace(TEACHER, base_url=url) for url in ("http://a/v1", ["http://a/v1/", "http://b/v1"]))
    assert digest(one) == digest(row)
    assert build_request(row, "judge", CHAT, 1).urls == ("http://a/v1/", "http://b/v1")


def test_a_role_can_have_its_own_endpoint_model_and_key():
    own = replace(TEACHER.respond, base_url="http://r/v1", model="answerer")
    runtime = replace(TEACHER.runtime, role_api_key_env={"respond": "OTHER_KEY"})
    request = build_request(replace(TEACHER, respond=own, runtime=runtime), "respond", CHAT, 1)
    assert (request.urls, request.body["model"], request.api_key_env) == (("http://r/v1",), "answerer", "OTHER_KEY")


def test_a_known_answer_needs_no_key_and_opens_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    remote = replace(TEACHER, base_url="http://127.0.0.1:9/v1")
    fields = {"text": "known", "finish_reason": "stop", "prompt_tokens": 3, "completion_tokens": 1}

    async def main():
        async with open_teacher(remote, tmp_path) as teacher:
            teacher.store.put(build_request(remote, "judge", CHAT, 7).key, fields)
            reply = await teacher.ask("judge", CHAT, 7)
            with pytest.raises(StageError, match="OPENAI_API_KEY is not set"):
                await teacher.ask("judge", CHAT, 8)
            return reply, teacher.usage

    reply, usage = asyncio.run(main())
    assert (reply.answer.text, reply.cached) == ("known", True)
    assert (usage.cache_hits, usage.requests, usage.prompt_tokens) == (1, 0, 3)


def test_a_request_s_key_is_its_canonical_text():
    assert Key.of({"b": 1, "a": "é"}).text == '{"a":"é","b":1}'

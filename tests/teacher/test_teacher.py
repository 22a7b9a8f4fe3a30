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
from wizardcoder.teacher.request import LOCAL, build_request
from wizardcoder.teacher.serving import SERVED, ServeParams
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


def test_a_model_that_we_serve_is_identified_by_its_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_text(name)

    def served(model, **runtime):
        params = replace(TEACHER, base_url=SERVED, model=model, runtime=replace(TEACHER.runtime, **runtime))
        return build_request(params, "judge", CHAT, 1)

    one, other = served(str(tmp_path / "one")), served(str(tmp_path / "other"))
    assert one.namespace != other.namespace
    assert served("some/model").namespace == "served:some/model"
    elsewhere = ServeParams("other-server {port}", 4, 2, {"A": "b"}, 5.0)
    assert served("some/model", serve=elsewhere, role_api_key_env={"judge": "K"}).key == served("some/model").key


def test_the_roles_of_a_served_model_share_its_servers():
    runtime = replace(TEACHER.runtime, role_api_key_env={"judge": "JUDGE_KEY"})
    for url in (SERVED, LOCAL):
        params = replace(TEACHER, base_url=url, runtime=runtime)
        assert len({build_request(params, role, CHAT, 1).endpoint_id for role in ("instruct", "respond", "judge")}) == 1
    own = replace(TEACHER, base_url=SERVED, respond=replace(TEACHER.respond, model="answerer"))
    assert build_request(own, "respond", CHAT, 1).endpoint_id != build_request(own, "judge", CHAT, 1).endpoint_id


def test_a_served_model_has_no_batches(tmp_path):
    params = replace(TEACHER, runtime=replace(TEACHER.runtime, mode="batch"))

    async def main():
        async with open_teacher(params, tmp_path) as teacher:
            await teacher.ask("judge", CHAT, 7)

    with pytest.raises(StageError, match=r"^runtime.teacher.mode: found batch, accepted for a model that the stage"):
        asyncio.run(main())

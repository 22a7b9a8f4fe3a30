"""What identifies a request, when nothing is opened, and that equal requests are sent once."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bench.mock_endpoint import MockEndpoint
from stages.evolve import Params
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.core.store import Key
from wizardcoder.teacher.answer import RequestFailedError
from wizardcoder.teacher.budget import Price
from wizardcoder.teacher.request import (
    DEFAULT_TOKEN_LIMIT,
    LOCAL,
    build_request,
    endpoint_name,
    stored_answer,
    token_limit,
)
from wizardcoder.teacher.serving import SERVED, ServeParams
from wizardcoder.teacher.teacher import open_teacher

ROOT = Path(__file__).resolve().parents[2]
TEACHER = load(Params, ROOT / "params.yaml").teacher
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


def test_the_keys_of_the_embedded_teacher_are_those_of_version_0_2_0():
    assert {role: digest(role=role) for role in ("instruct", "respond", "judge")} == {
        "instruct": "ec866627cd154acc978b1926169428779b021d257ac0c45e949f1858dee02066",
        "respond": "278fb077407b3c6d618580178a615a826c85b286941888c2e9b3140e711db967",
        "judge": "c5bc11f9800880be8d2749340de0a98fb0d5b3c7d434e2377d3a2c90787e1b44",
    }


def test_replicas_are_identified_by_the_first():
    one, row = (replace(TEACHER, base_url=url) for url in ("http://a/v1", ["http://a/v1/", "http://b/v1"]))
    assert digest(one) == digest(row)
    assert build_request(row, "judge", CHAT, 1).urls == ("http://a/v1/", "http://b/v1")


def test_a_server_that_moves_to_another_port_keeps_its_answers():
    before, after = (replace(TEACHER, base_url=url) for url in ("http://a:8000/v1", "https://a:9000/v1/"))
    assert digest(before) == digest(after)
    assert build_request(before, "judge", CHAT, 1).namespace == "a/v1"


def test_a_name_identifies_the_endpoint():
    one, other = (replace(TEACHER, name="vllm", base_url=url) for url in ("http://a/v1", "http://b:1/v1"))
    assert digest(one) == digest(other)
    own = replace(TEACHER.judge, base_url="http://j/v1", name="judges")
    named = {role: build_request(replace(one, judge=own), role, CHAT, 1).namespace for role in ("respond", "judge")}
    assert named == {"respond": "vllm", "judge": "judges"}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://127.0.0.1:8000/v1", "127.0.0.1/v1"),
        ("https://api.openai.com/v1/", "api.openai.com/v1"),
        ("http://[::1]:8000/v1", "[::1]/v1"),
        ("https://user:word@host:1/a/b", "host/a/b"),
        ("host:8000", "host"),
    ],
)
def test_the_default_name_is_host_and_path(url, name):
    assert endpoint_name(url) == name


@pytest.mark.parametrize(("name", "found"), [(None, True), ("another", False)])
def test_answers_that_version_0_2_0_stored_under_the_url_are_found(tmp_path, name, found):
    remote = replace(TEACHER, base_url="http://127.0.0.1:8000/v1/", name=name)
    request = build_request(remote, "instruct", CHAT, 1)
    earlier = Key.of({"endpoint": "http://127.0.0.1:8000/v1", "attempt": 0, **request.body})
    assert earlier.digest == "8117ca14e4c8bd95212e9a644f2461ac9de2c5e90f4f9d9aceac2cbd81e9003f"
    fields = {"text": "known", "finish_reason": "stop", "prompt_tokens": 3, "completion_tokens": 1}

    async def main():
        async with open_teacher(remote, tmp_path) as teacher:
            teacher.store.put(earlier, fields)
            return stored_answer(teacher.store, request)

    assert (asyncio.run(main()) is not None) is found


def test_a_role_s_body_is_merged_over_the_teacher_s_and_null_removes_a_key():
    own = replace(TEACHER.respond, body={"reasoning_effort": None, "temperature": 0.5})
    body = {"max_tokens": None, "max_completion_tokens": 2048, "reasoning_effort": "low", "seed": None}
    sent = build_request(replace(TEACHER, body=body, respond=own), "respond", CHAT, 1).body
    assert sent == {
        "model": "SmolLM2-135M-Instruct",
        "messages": CHAT,
        "temperature": 0.5,
        "top_p": 0.95,
        "max_completion_tokens": 2048,
    }
    assert digest(replace(TEACHER, body={"top_k": 1})) != digest(replace(TEACHER, body={"top_k": 2})) != digest()


def test_sampling_settings_that_are_null_are_not_sent():
    own = replace(TEACHER.instruct, temperature=None, top_p=None, max_tokens=None)
    sent = build_request(replace(TEACHER, instruct=own), "instruct", CHAT, 1).body
    assert sorted(sent) == ["messages", "model", "seed"]


def test_the_examples_in_the_documentation_are_accepted(tmp_path):
    page = (ROOT / "docs/teachers.md").read_text(encoding="utf-8")
    section = page.split("## Reasoning models and hosted models")[1].split("\n## ")[0]
    for example in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL):
        params = YAML(typ="safe").load(ROOT / "params.yaml")
        params["teacher"] |= YAML(typ="safe").load(example)["teacher"]
        path = tmp_path / "params.yaml"
        with path.open("w") as file:
            YAML().dump(params, file)
        assert build_request(load(Params, path).teacher, "judge", CHAT, 1).body.keys() >= {"model", "messages", "seed"}


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"max_tokens": 9}, 9),
        ({"max_completion_tokens": 2048}, 2048),
        ({"max_output_tokens": 512}, 512),
        ({}, DEFAULT_TOKEN_LIMIT),
    ],
)
def test_the_token_limit_has_several_names(body, tokens):
    assert token_limit(body) == tokens


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("  body: {}", "  body: {n: 2}", "teacher.body: found {'n': 2}, accepted: fields other than n"),
        ("    body: {}", "    body: [1]", "teacher.instruct.body: found [1], accepted: an object"),
        ("max_tokens: 96 ", "max_tokens: 0 ", "teacher.instruct.max_tokens: found 0, accepted: greater than or equal"),
    ],
)
def test_a_body_is_a_mapping_without_the_question(tmp_path, old, new, line):
    text = (ROOT / "params.yaml").read_text()
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(StageError) as refused:
        load(Params, path)
    assert line in str(refused.value)


def asking(mock, tmp_path, main, monkeypatch, **runtime):
    """Run `main(teacher)` with a teacher at the mock endpoint and return what it returns, and the teacher."""
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    runtime = {"price": Price(1e6, 1e6), "budget": 1e6, "retries": 0, "batch_poll_s": 0.01} | runtime
    own = replace(TEACHER.runtime, **runtime)

    async def run():
        async with open_teacher(replace(TEACHER, base_url=mock.url, runtime=own), tmp_path) as teacher:
            return await main(teacher), teacher

    return asyncio.run(run())


@pytest.mark.parametrize("mode", ["chat", "batch"])
def test_equal_requests_in_flight_are_sent_and_paid_once(tmp_path, monkeypatch, mode):
    async def main(teacher):
        return await asyncio.gather(*(teacher.ask("judge", CHAT, 1) for _ in range(10)), teacher.ask("judge", CHAT, 2))

    with MockEndpoint(reply=lambda _: "two words") as mock:
        replies, teacher = asking(mock, tmp_path, main, monkeypatch, mode=mode)
    assert mock.counts["requests" if mode == "chat" else "batched"] == 2
    assert {reply.answer.text for reply in replies} == {"two words"}
    assert sum(reply.cached for reply in replies) == teacher.usage.cache_hits == 9
    assert (teacher.usage.requests, teacher.usage.paid, teacher.budget.spent) == (2, 6.0, 6.0)  # three tokens each


@pytest.mark.parametrize("mode", ["chat", "batch"])
def test_a_second_attempt_is_sent_even_if_its_body_is_the_same(tmp_path, monkeypatch, mode):
    async def main(teacher):
        own = replace(teacher.params, body={"seed": None})
        teacher.params = own
        return [await teacher.ask("judge", CHAT, seed=n, attempt=n) for n in range(2)]

    with MockEndpoint() as mock:
        _, teacher = asking(mock, tmp_path, main, monkeypatch, mode=mode)
    assert mock.counts["requests" if mode == "chat" else "batched"] == teacher.usage.requests == 2


def test_a_batch_that_version_0_2_0_submitted_is_collected(tmp_path, monkeypatch):
    async def submit(teacher):
        asked = asyncio.create_task(teacher.ask("judge", CHAT, 1))
        while not (found := teacher.store.open_batches("127.0.0.1/v1")).keys() & {"batch_0"}:
            await asyncio.sleep(0.01)
        teacher.stop(StageError("stopped"))
        await asyncio.gather(asked, return_exceptions=True)
        teacher.store.drop_batch("batch_0")
        teacher.store.add_batch("batch_0", mock.url, found["batch_0"])

    async def ask(teacher):
        return await teacher.ask("judge", CHAT, 1)

    with MockEndpoint(batch_polls=10**9) as mock:
        asking(mock, tmp_path, submit, monkeypatch, mode="batch")
        mock.batch_polls = 1
        reply, _ = asking(mock, tmp_path, ask, monkeypatch, mode="batch")
    assert reply.answer.text
    assert mock.counts["batches"] == 1


def test_a_budget_reserves_the_limit_under_each_of_its_names(tmp_path, monkeypatch):
    async def main(teacher):
        teacher.params = replace(teacher.params, body={"max_tokens": None, "max_completion_tokens": 50})
        return await asyncio.gather(teacher.ask("judge", CHAT, 1), return_exceptions=True)

    with MockEndpoint() as mock:
        (outcome,), _ = asking(mock, tmp_path, main, monkeypatch, budget=60.0)
    assert isinstance(outcome, StageError)
    assert "the next request can cost 67.0000" in str(outcome)  # 17 tokens of the prompt and 50 of the answer


def test_a_cancelled_request_is_still_answered_for_the_others_and_kept(tmp_path, monkeypatch):
    async def main(teacher):
        first, second = (asyncio.create_task(teacher.ask("judge", CHAT, 1)) for _ in range(2))
        await asyncio.to_thread(mock.wait_held, 1)
        first.cancel()
        mock.release()
        return await asyncio.gather(first, second, return_exceptions=True)

    with MockEndpoint(hold_after=0) as mock:
        (first, second), _ = asking(mock, tmp_path, main, monkeypatch)
    assert isinstance(first, asyncio.CancelledError)
    assert second.answer.text
    assert mock.counts["requests"] == 1


def test_an_answer_that_nobody_awaits_any_more_is_kept(tmp_path, monkeypatch):
    async def cancel(teacher):
        asked = asyncio.create_task(teacher.ask("judge", CHAT, 1))
        await asyncio.to_thread(mock.wait_held, 1)
        asked.cancel()
        mock.release()

    async def ask(teacher):
        return await teacher.ask("judge", CHAT, 1)

    with MockEndpoint(hold_after=0) as mock:
        asking(mock, tmp_path, cancel, monkeypatch)
        reply, _ = asking(mock, tmp_path, ask, monkeypatch)
    assert reply.cached
    assert mock.counts["requests"] == 1


def test_a_failure_reaches_everyone_who_asked_the_same(tmp_path, monkeypatch):
    async def main(teacher):
        asked = (teacher.ask("judge", CHAT, 1) for _ in range(3))
        return await asyncio.gather(*asked, return_exceptions=True)

    with MockEndpoint(p500=1.0) as mock:
        outcomes, teacher = asking(mock, tmp_path, main, monkeypatch)
    assert [type(outcome) for outcome in outcomes] == [RequestFailedError] * 3
    assert (mock.counts["requests"], teacher.usage.requests) == (1, 0)


@pytest.mark.parametrize("mode", ["chat", "batch"])
def test_a_rejected_parameter_stops_with_the_setting_that_removes_it(tmp_path, monkeypatch, mode):
    def refusal(body):
        message = "Unsupported parameter: 'max_tokens' is not supported with this model."
        error = {"message": message, "param": "max_tokens", "code": "unsupported_parameter"}
        return (400, {"error": error}) if "max_tokens" in body else None

    async def main(teacher):
        return await asyncio.gather(*(teacher.ask("judge", CHAT, n) for n in range(3)), return_exceptions=True)

    with MockEndpoint(refusal=refusal) as mock:
        outcomes, _ = asking(mock, tmp_path, main, monkeypatch, mode=mode)
    assert isinstance(outcomes[0], StageError)
    assert str(outcomes[0]) == (
        "teacher: the endpoint rejects the parameter max_tokens: HTTP 400: Unsupported parameter: 'max_tokens' is not "
        "supported with this model.; set teacher.body: {max_tokens: null, max_completion_tokens: 8}"
    )


def test_reasoning_is_stored_but_is_not_part_of_the_text(tmp_path, monkeypatch):
    async def main(teacher):
        reply = await teacher.ask("judge", CHAT, 1)
        key = build_request(teacher.params, "judge", CHAT, 1).key
        return reply.answer, teacher.store.get(key)

    usage = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}}
    message = {"content": "Equal", "reasoning": "Both add numbers."}
    with MockEndpoint(reply=lambda _: {"message": message, "usage": usage}) as mock:
        (answer, stored), teacher = asking(mock, tmp_path, main, monkeypatch)
    assert (answer.text, answer.completion_tokens) == ("Equal", 9)
    assert (stored["reasoning"], stored["reasoning_tokens"]) == ("Both add numbers.", 7)
    assert (teacher.usage.completion_tokens, teacher.usage.reasoning_tokens) == (9, 7)


def test_an_unknown_finish_reason_is_reported_once_and_counted(tmp_path, monkeypatch, capsys):
    async def main(teacher):
        return [await teacher.ask("judge", CHAT, n) for n in range(3)]

    with MockEndpoint(finish_reason="paused by moonlight") as mock:
        _, teacher = asking(mock, tmp_path, main, monkeypatch)
    assert teacher.usage.unknown_finish_reasons == {"paused by moonlight": 3}
    assert capsys.readouterr().err.count("unknown finish reason 'paused by moonlight'") == 1


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

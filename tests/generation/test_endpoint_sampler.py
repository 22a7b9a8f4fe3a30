"""Samples from an endpoint: each asked and paid for once, and none missing without a word."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from aiohttp import web

from bench.mock_endpoint import MockEndpoint
from wizardcoder.core.console import StageError, Track
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.generation.endpoint_sampler import EndpointSampler
from wizardcoder.generation.sampler import Sampling
from wizardcoder.teacher.serving import ServeParams
from wizardcoder.teacher.wait_limits import RetryLimits

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = ["def add(a, b):\n", "def neg(a):\n", "x = "]
SAMPLING = Sampling(n=4, temperature=0.8, top_p=0.95, max_new_tokens=5, seed=7)
GREEDY = Sampling(n=1, temperature=0.0, top_p=1.0, max_new_tokens=5, seed=7)
PROCESS = """
import sys
from pathlib import Path
from wizardcoder.core import console
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.generation.endpoint_sampler import EndpointSampler
from wizardcoder.generation.sampler import Sampling
from wizardcoder.teacher.wait_limits import RetryLimits

def main():
    with AnswerStore(Path(sys.argv[1])) as store:
        EndpointSampler(
            base_url=sys.argv[2], model="m", api="chat", api_key_env="TEST_KEY", concurrency=2, timeout_s=30,
            limits=RetryLimits(0, 60.0, 60.0), store=store,
            sampling=Sampling(n=4, temperature=0.8, top_p=0.95, max_new_tokens=5, seed=7),
        ).fill(eval(sys.argv[3]), console.Track("t", 12, None, None))

console.entry(main)
"""


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("TEST_KEY", "secret")


@pytest.fixture
def store(tmp_path):
    with AnswerStore(tmp_path / "generations.sqlite") as store:
        yield store


@contextmanager
def completions(answer):
    """Serve /v1/completions on a free port: `answer` gives a body's (seconds, status, text); yields URL and bodies."""
    bodies, loop, ready = [], asyncio.new_event_loop(), threading.Event()

    async def complete(request):
        bodies.append(await request.json())
        seconds, status, text = answer(bodies[-1])
        await asyncio.sleep(seconds)
        choice = {"index": 0, "text": text, "finish_reason": "length", "logprobs": None}
        return web.json_response({"object": "text_completion", "choices": [choice]}, status=status)

    def serve():
        loop.run_until_complete(runner.setup())
        loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        ready.set()
        loop.run_forever()

    app = web.Application()
    app.router.add_post("/v1/completions", complete)
    runner = web.AppRunner(app)
    threading.Thread(target=serve, daemon=True).start()
    ready.wait()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", bodies
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)


def asking(url, store, sampling=SAMPLING, api="chat", **changes):
    limits = RetryLimits(changes.pop("retries", 0), 60.0, 60.0)
    values = {"model": "m", "api_key_env": "TEST_KEY", "concurrency": 4, "timeout_s": 10.0, "limits": limits} | changes
    return EndpointSampler(base_url=url, api=api, sampling=sampling, store=store, **values)


def draw(sampler, prompts=PROMPTS):
    """Return the samples and what the bar counted."""
    bar = Track("t", len(prompts) * sampler.sampling.n, None, None)
    return sampler.answers(prompts, bar), bar.done


def test_a_chat_sends_the_prompt_as_one_user_message_once_a_sample(store):
    with MockEndpoint(reply=lambda body: f"{body['messages'][0]['content']}{body['seed']}") as mock:
        answers, counted = draw(asking(mock.url, store))
    assert answers == [[f"{prompt}{seed}" for seed in (7, 8, 9, 10)] for prompt in PROMPTS]
    assert counted == 12
    assert sorted(mock.bodies, key=json.dumps)[0] == {
        "model": "m",
        "messages": [{"role": "user", "content": "def add(a, b):\n"}],
        "max_tokens": 5,
        "temperature": 0.8,
        "top_p": 0.95,
        "seed": 10,
    }


def test_a_completion_sends_the_prompt_as_it_is(store):
    with completions(lambda body: (0, 200, f" {body['prompt']}{body['seed']}")) as (url, bodies):
        answers, _ = draw(asking(url, store, api="completions"))
    assert answers == [[f" {prompt}{seed}" for seed in (7, 8, 9, 10)] for prompt in PROMPTS]
    assert sorted(bodies, key=json.dumps)[0] == {
        "model": "m",
        "prompt": "def add(a, b):\n",
        "max_tokens": 5,
        "temperature": 0.8,
        "top_p": 0.95,
        "seed": 10,
    }


def test_a_greedy_request_carries_no_seed(store):
    with MockEndpoint() as mock:
        draw(asking(mock.url, store, GREEDY), ["x"])
        draw(asking(mock.url, store, replace(GREEDY, seed=8)), ["x"])
    assert [set(body) for body in mock.bodies] == [{"model", "messages", "max_tokens", "temperature"}]


def test_what_is_in_the_store_is_not_asked_again_and_needs_no_key(store, monkeypatch):
    with MockEndpoint() as mock:
        first = draw(asking(mock.url, store))
        monkeypatch.delenv("TEST_KEY")
        assert draw(asking(f"{mock.url}/", store, concurrency=1, retries=9)) == first
    assert mock.counts["requests"] == 12


def test_more_samples_and_prompts_ask_for_the_new_ones_only(store):
    with MockEndpoint() as mock:
        first, _ = draw(asking(mock.url, store))
        mock.bodies.clear()
        answers, _ = draw(asking(mock.url, store, replace(SAMPLING, n=5)), [*PROMPTS, "new", "new"])
    assert [samples[:4] for samples in answers[:3]] == first
    asked = Counter(body["messages"][0]["content"] for body in mock.bodies)
    assert asked == Counter(PROMPTS) + Counter({"new": 5})


@pytest.mark.parametrize("changed", [{"model": "other"}, {"sampling": replace(SAMPLING, seed=8)}])
def test_another_model_or_seed_has_samples_of_its_own(store, changed):
    with MockEndpoint() as mock:
        draw(asking(mock.url, store), ["x"])
        draw(replace(asking(mock.url, store), **changed), ["x"])
    assert mock.counts["requests"] == 8


def test_refusals_are_sent_again_by_the_engine(store):
    with MockEndpoint(p429=0.3, p500=0.2, retry_after_s=0.2) as mock:
        answers, _ = draw(asking(mock.url, store, retries=20))
    assert [len(set(samples)) for samples in answers] == [4] * 3
    assert mock.counts["answered"] == 12
    assert mock.early == 0


def test_a_request_that_fails_for_good_ends_the_run_and_what_was_in_flight_is_kept(store):
    def answer(body):
        # the shortest prompt goes first: it fails while three others are on their way
        return (0.1, 400, "") if body["prompt"] == "x" and fails else (0.5, 200, "text")

    prompts, fails = ["x", *(f"prompt {n}" for n in range(8))], True
    with completions(answer) as (url, bodies):
        with pytest.raises(StageError, match=r"evaluate.model: m returned no sample 0 of 'x': HTTP 400"):
            draw(asking(url, store, GREEDY, "completions"), prompts)
        asked = [body["prompt"] for body in bodies]
        assert "x" in asked
        assert 4 <= len(asked) < 9
        fails = False
        answers, _ = draw(asking(url, store, GREEDY, "completions"), prompts)
    assert answers == [["text"]] * 9
    assert Counter(body["prompt"] for body in bodies) == Counter([*prompts, "x"])


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_after_the_process_s_end_only_the_missing_samples_are_asked(tmp_path, signum):
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "generations.sqlite")]
    with MockEndpoint(latency_s=0.3) as mock:
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen([*command, mock.url, repr(PROMPTS)], env=env, stderr=subprocess.DEVNULL)
        while mock.counts["answered"] < 4 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signum)
        assert process.wait(timeout=60) in (-signum, 128 + signum)
        with AnswerStore(tmp_path / "generations.sqlite") as store:
            assert 2 <= store.size().answers < 12
            answers, _ = draw(asking(mock.url, store))
    asked = Counter(json.dumps(body) for body in mock.bodies)
    assert len(asked) == 12
    # whoever is killed outright loses what was in flight, nobody else does
    assert asked.total() - 12 <= (2 if signum == signal.SIGKILL else 0)
    assert [len(set(samples)) for samples in answers] == [4] * 3


def test_two_processes_ask_each_sample_once(store, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with MockEndpoint() as mock:
        for rank in ("0", "1"):
            monkeypatch.setenv("RANK", rank)
            asking(mock.url, store).fill(PROMPTS, Track("t", 12, None, None))
        monkeypatch.undo()
        draw(asking(mock.url, store))
    assert mock.counts["requests"] == 12


@pytest.mark.parametrize(
    ("mock", "said"),
    [
        (MockEndpoint(api_key="another"), "evaluate.endpoint.api_key_env: the endpoint refuses the key"),
        (MockEndpoint(refuses=(404, None)), "evaluate.endpoint.model: 'm' is not served at evaluate.endpoint.base_url"),
        (MockEndpoint(refuses=(402, None)), "evaluate.endpoint: the endpoint asks for payment"),
    ],
)
def test_an_endpoint_s_refusal_names_the_key_of_its_own_section(store, mock, said):
    with mock, pytest.raises(StageError) as refused:
        draw(asking(mock.url, store, section="evaluate.endpoint"))
    assert said in str(refused.value)


def test_an_endpoint_that_is_not_there_is_named(store):
    with pytest.raises(StageError, match=r"evaluate.base_url: http://127.0.0.1:9/v1 cannot be reached"):
        draw(asking("http://127.0.0.1:9/v1", store))


def test_a_missing_key_is_named(store, monkeypatch):
    monkeypatch.delenv("TEST_KEY")
    with pytest.raises(StageError, match=r"evaluate.api_key_env: the environment variable TEST_KEY is not set"):
        draw(asking("http://127.0.0.1:9/v1", store))


def test_the_settings_name_endpoint_model_and_sampling_but_no_key(store):
    assert asking("http://host/v1/", store, GREEDY, "completions").settings() == {
        "backend": "endpoint",
        "endpoint": "host/v1",
        "api": "completions",
        "model": "m",
        "sampling": {"n": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 5, "seed": 7},
    }


def test_a_body_is_merged_into_each_request_and_is_part_of_the_key(store):
    body = {"max_tokens": None, "max_completion_tokens": 9, "seed": None}
    with MockEndpoint() as mock:
        draw(asking(mock.url, store, replace(SAMPLING, n=1)), ["x"])
        sampler = asking(mock.url, store, replace(SAMPLING, n=1), body=body)
        draw(sampler, ["x"])
    assert set(mock.bodies[1]) == {"model", "messages", "temperature", "top_p", "max_completion_tokens"}
    assert sampler.settings()["body"] == body
    assert sampler.token_limit == 9


def test_a_server_that_moves_to_another_port_is_not_asked_again(store):
    with MockEndpoint() as before, MockEndpoint() as after:
        answers, _ = draw(asking(before.url, store))
        assert draw(asking(after.url, store))[0] == answers
        draw(asking(after.url, store, name="another model"), ["x"])
    assert after.counts["requests"] == 4


def test_answers_that_version_0_2_0_stored_under_the_url_are_found(store):
    sampler = asking("http://127.0.0.1:9/v1/", store, GREEDY)
    request = {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5, "temperature": 0.0}
    identity = {"backend": "endpoint", "endpoint": "http://127.0.0.1:9/v1", "api": "chat"}
    store.put(Key.of(identity | {"request": request, "sample": 0}), {"text": "<think>2 + 2</think>4"})
    assert draw(sampler, ["x"])[0] == [["4"]]


def test_answers_have_no_reasoning_and_incomplete_ones_are_counted_in_a_line(store, capsys):
    def reply(body):
        cut = body["messages"][0]["content"] == "x = "
        return {"message": {"content": "<think>No end" if cut else "<think>Hm.</think>```python\n1\n```"}}

    with MockEndpoint(reply=reply) as mock:
        answers, _ = draw(asking(mock.url, store, GREEDY))
    assert answers == [["```python\n1\n```"], ["```python\n1\n```"], [""]]
    assert "evaluate: of 3 new answers, incomplete and scored as they are: 1 cut" in capsys.readouterr().err


def test_a_rejected_parameter_names_the_endpoint_s_body(store):
    def refusal(body):
        return 400, {"error": {"message": "Unsupported parameter: 'max_tokens'", "param": "max_tokens"}}

    with MockEndpoint(refusal=refusal) as mock, pytest.raises(StageError) as refused:
        draw(asking(mock.url, store, GREEDY, section="evaluate.endpoints.gpt"), ["x"])
    assert str(refused.value).endswith("set evaluate.endpoints.gpt.body: {max_tokens: null, max_completion_tokens: 5}")


def test_a_reply_that_is_not_a_completion_is_an_error(store):
    with MockEndpoint(raw_reply=b'{"choices": [{"index": 0}]}') as mock, pytest.raises(StageError) as refused:
        draw(asking(mock.url, store, GREEDY), ["x"])
    assert "the reply is not a chat completion" in str(refused.value)


def test_a_model_that_we_serve_is_started_for_missing_samples_only_and_ended(store, tmp_path, monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("TEST_KEY", raising=False)
    serve = ServeParams(f"{sys.executable} {ROOT}/bench/mock_endpoint.py --port {{port}}", 2, 0, {}, 60.0)

    def served():
        return asking("served", store, model="org/mock", serve=serve)

    first, again = served(), served()
    try:
        answers, _ = draw(first)
        assert psutil.Process().children()
        assert draw(first)[0] == draw(again)[0] == answers
    finally:
        first.close()
    assert not psutil.Process().children()
    assert first.settings()["endpoint"] == "served:org/mock"
    assert len(list((tmp_path / "cache/logs").glob("mock-*.log"))) == 2

"""A base URL that is certainly wrong is reported with the right one; a key given as a variable's name is not shown."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bench.mock_endpoint import MockEndpoint
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.evolution.standalone import StandaloneParams
from wizardcoder.preflight.params import AllParams
from wizardcoder.teacher.addresses import ANY_URL, accepted_url, is_variable, missing_version
from wizardcoder.teacher.teacher import open_teacher

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        ("localhost:8000/v1", "http://localhost:8000/v1"),
        ("127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("gpu7:8000/v1", "http://gpu7:8000/v1"),
        ("10.0.0.7/v1", "http://10.0.0.7/v1"),
        ("localhost/v1/", "http://localhost/v1/"),
        ("api.openai.com/v1", "https://api.openai.com/v1"),
        ("//api.openai.com/v1", "https://api.openai.com/v1"),
        ("https:/api.openai.com/v1", "https://api.openai.com/v1"),
        ("https//api.openai.com/v1", "https://api.openai.com/v1"),
        ("http:localhost:8000/v1", "http://localhost:8000/v1"),
        ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1/chat/completions/", "https://api.openai.com/v1"),
        ("http://localhost:8000/v1/completions", "http://localhost:8000/v1"),
        ("api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
        (" https://api.openai.com/v1\n", "https://api.openai.com/v1"),
        ("https://openrouter.ai/api/v1/chat/completions", "https://openrouter.ai/api/v1"),
        *[
            (text, ANY_URL)
            for text in ("locl", "openai", "https://", "http:///v1", "http://[::1/v1", "<URL of a server>")
        ],
    ],
)
def test_a_url_that_is_certainly_wrong_has_a_right_one(found, meant):
    assert accepted_url(found) == meant


@pytest.mark.parametrize(
    "url",
    [
        *("local", "served", "https://api.openai.com/v1", "http://127.0.0.1:8000/v1/", "HTTP://LOCALHOST:1/v1"),
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        *("https://x.services.ai.azure.com/models", "https://models.github.ai/inference", "https://api.deepseek.com"),
        *("http://vllm/v1", "http://[::1]:8000/v1", "http://localhost:8000", "https://x.openai.azure.com/openai/v1"),
    ],
)
def test_a_url_that_may_be_right_is_accepted(url):
    assert accepted_url(url) is None


def test_only_a_url_without_a_version_gets_a_hint_of_v1():
    assert missing_version("http://localhost:8000/") == "; did you mean http://localhost:8000/v1?"
    assert missing_version("https://generativelanguage.googleapis.com/v1beta/openai/") == ""


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "_K2", "hf_token", "my_openai_key_2", "AZURE_KEY_2024", "MyOpenAIApiKey"]
)
def test_the_name_of_a_variable_is_accepted(name):
    assert is_variable(name)


KEYS = [
    *("sk-abcdef123", "sk-proj-Ab3_x9-kLm", "sk_live_51Hq8abcdefghij", "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"),
    *(
        "gsk_a1B2c3D4e5F6g7H8",
        "AIzaSyA1234567890abcdefghijklmnopqrstu",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_16C7e42F292c6912E7",
    ),
    *("0123456789abcdef0123456789abcdef", "a1b2c3d4e5f6a7b8c9d0", "$OPENAI_API_KEY", "my key", "", "nvapi-abc"),
    "aBcDeFgHiJkLmNoPqRsTuVwXyZ",
]


@pytest.mark.parametrize("key", KEYS)
def test_what_looks_like_a_key_or_is_no_name_is_refused(key):
    assert not is_variable(key)


def params_with(tmp_path: Path, **changes: object) -> Path:
    params = YAML().load((ROOT / "params.yaml").read_text())
    for name, value in changes.items():
        *above, last = name.split("__")
        node = params
        for part in above:
            node = node[part]
        node[last] = value
    with (tmp_path / "params.yaml").open("w") as file:
        YAML().dump(params, file)
    return tmp_path / "params.yaml"


ENDPOINT = {"base_url": "http://x/v1", "name": None, "model": "m", "api": "chat", "body": {}, "api_key_env": "K"}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"runtime__teacher__api_key_env": "sk-abcdef123"}, "runtime.teacher.api_key_env"),
        (
            {"runtime__teacher__role_api_key_env": {"judge": "hf_abcdef123abcdef123"}},
            "runtime.teacher.role_api_key_env.judge",
        ),
        (
            {"evaluate__endpoints": {"gpt": ENDPOINT | {"api_key_env": "sk-abcdef123"}}},
            "evaluate.endpoints.gpt.api_key_env",
        ),
    ],
)
def test_a_key_in_params_yaml_is_refused_without_being_shown(tmp_path, changes, key):
    path = params_with(tmp_path, **changes)
    with pytest.raises(StageError) as caught:
        load(AllParams, path)
    assert str(caught.value) == (
        f"{path}: {key}: a value that looks like a key, or is no name of a variable, is not shown here; accepted: the "
        "name of an environment variable, such as OPENAI_API_KEY"
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"teacher__base_url": "localhost:8000"},
            "teacher.base_url: found 'localhost:8000', accepted: http://localhost:8000",
        ),
        (
            {"teacher__base_url": ["http://a/v1", "b:1/v1"]},
            "teacher.base_url: found ['http://a/v1', 'b:1/v1'], accepted: http://b:1/v1",
        ),
        (
            {"teacher__judge__base_url": "https://x/v1/chat/completions"},
            "teacher.judge.base_url: found 'https://x/v1/chat/completions', accepted: https://x/v1",
        ),
        (
            {"evaluate__endpoints": {"gpt": ENDPOINT | {"base_url": "x.ai/v1"}}},
            "evaluate.endpoints.gpt.base_url: found 'x.ai/v1', accepted: https://x.ai/v1",
        ),
    ],
)
def test_a_wrong_url_in_params_yaml_is_named_with_the_right_one(tmp_path, changes, line):
    path = params_with(tmp_path, **changes)
    with pytest.raises(StageError) as caught:
        load(AllParams, path)
    assert str(caught.value) == f"{path}: {line}"


def test_an_endpoint_without_v1_gets_a_hint(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with MockEndpoint() as mock:
        root = mock.url.removesuffix("/v1")
        params = load(StandaloneParams, params_with(tmp_path, teacher__base_url=root))

        async def ask():
            async with open_teacher(params.teacher, tmp_path) as teacher:
                await teacher.ask("respond", [{"role": "user", "content": "Sort."}], 1)

        with pytest.raises(StageError) as caught:
            asyncio.run(ask())
    assert str(caught.value).startswith(
        "teacher.model: 'SmolLM2-135M-Instruct' is not served at teacher.base_url: HTTP 404"
    )
    assert str(caught.value).endswith(f"; did you mean {root}/v1?")

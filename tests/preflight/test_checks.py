"""`wizardcoder check`: every item that would stop a run is found before it starts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import wizardcoder

from bench.mock_endpoint import MockEndpoint
from wizardcoder.core.console import StageError
from wizardcoder.core.params_file import applied, nested
from wizardcoder.preflight.checks import run_checks

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "http://127.0.0.1:9/v1"  # nothing listens on loopback's port 9


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Work in a folder with this project's params.yaml and bundled files; give a function that changes values."""
    shutil.copytree(ROOT / "bundled", tmp_path / "bundled")
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WC_CACHE_DIR", raising=False)

    def change(**values):
        text = (ROOT / "params.yaml").read_text()
        changes = nested({name.replace("__", "."): value for name, value in values.items()})
        Path("params.yaml").write_text(applied(text, changes, "test"))

    change()
    return change


def results(status, **options):
    return {result.item: result.found for result in run_checks(**options) if result.status == status}


def test_the_default_project_is_ready(project):
    assert results("error") == {}
    found = results("ok")
    assert found["seed"] == "bundled/seeds.json: 62 records"
    assert found["teacher"].startswith("the embedded model, ")
    assert found["benchmarks"] == "dev, humaneval"


def test_an_unknown_key_of_any_section_is_found(project):
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("\n  epochs: ", "\n  epoch: ").replace("\n  top_k: ", "\n  topk: "))
    found = [result.found for result in run_checks() if result.item == "params.yaml"]
    assert found == [
        "decontaminate.topk: unknown key (did you mean top_k?)",
        "train.epoch: unknown key (did you mean epochs?)",
    ]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"merge__rounds": [0, 5]}, "merge.rounds: found 5, accepted: rounds 0 to 4"),
        (
            {"merge__rounds": [0, 1], "evolve__enabled__r1": False},
            "merge.rounds: round 1 has no example; leave it out, or switch it on with evolve.enabled.r1",
        ),
        ({"screen__safety__rules": "no.yaml"}, "screen.safety.rules: no.yaml: no such file"),
        ({"train__batch_size": 7}, "train."),
        ({"evaluate__dev": "humaneval"}, "evaluate.dev: found humaneval, a test benchmark"),
    ],
    ids=["round", "round_off", "rules", "batch", "dev"],
)
def test_values_that_no_stage_accepts_are_found(project, changes, error):
    project(**changes)
    assert results("error")["params.yaml"].startswith(error)


def test_a_broken_seed_file_is_found(project):
    project(seed__source="no.json")
    assert results("error") == {"seed": "seed.source: no.json: no such file"}


def test_a_missing_key_is_found_without_a_request(project, monkeypatch):
    project(teacher__base_url=NOBODY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (found,) = results("error").values()
    assert found.startswith("runtime.teacher.api_key_env: OPENAI_API_KEY is not set; ")


def test_a_base_url_without_a_scheme_is_found(project, monkeypatch):
    project(teacher__base_url="localhost:8000/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    found = results("error")
    assert found == {"params.yaml": "teacher.base_url: found 'localhost:8000/v1', accepted: http://localhost:8000/v1"}


def test_a_price_without_a_budget_is_an_error(project):
    project(runtime__teacher__price__input=1.0)
    assert results("error")["budget"].endswith("nothing will be sent without a limit")


def test_a_ping_finds_an_endpoint_that_nobody_serves(project, monkeypatch):
    project(teacher__base_url=NOBODY)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    (found,) = results("error", ping=True).values()
    assert found.startswith(f"teacher.base_url: {NOBODY} cannot be reached: ")


def test_a_ping_is_one_request_per_endpoint(project, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with MockEndpoint() as endpoint:
        project(teacher__base_url=endpoint.url)
        assert results("error", ping=True) == {}
        assert endpoint.counts["requests"] == 1


def test_a_benchmark_that_cannot_run_is_noted_and_none_is_an_error(project):
    project(
        evaluate__problems__mbpp=3, decontaminate__benchmarks=["dev", "humaneval", "mbpp"], benchmarks__mbpp="x.jsonl"
    )
    assert "will be skipped: " in results("note")["evaluate.problems: mbpp"]
    assert "x.jsonl: no such file" in results("error")["decontaminate.benchmarks: mbpp"]


def test_a_cache_folder_that_cannot_be_written_is_found_with_the_cure(project, monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", "/proc/cache")
    assert results("error")["cache"].endswith("; set WC_CACHE_DIR to a folder that can be")


def test_the_command_prints_a_line_per_item_and_fails_if_one_is_wrong(project, capsys):
    project(seed__source="no.json")
    with pytest.raises(StageError, match="1 of these items would stop a run"):
        wizardcoder("check")
    lines = capsys.readouterr().err.splitlines()
    assert "error seed: seed.source: no.json: no such file" in lines
    assert "ok    params.yaml: 15 sections" in lines


def test_one_typo_is_one_error_and_what_it_leaves_unchecked_is_a_note(project, capsys):
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("\n  epochs: ", "\n  epoch: "))
    with pytest.raises(StageError, match=r"^1 of these items would stop a run$"):
        wizardcoder("check")
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == [
        "error params.yaml: train.epoch: unknown key (did you mean epochs?)",
        "note  seed, keys, benchmarks: not checked, because params.yaml is invalid",
    ]


def test_another_folder_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"^params\.yaml: no such file; run this command in the project's folder"):
        wizardcoder("check")
    assert list(tmp_path.iterdir()) == []


def test_a_ping_sends_the_body_of_a_run(project, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with MockEndpoint() as teacher, MockEndpoint() as judge, MockEndpoint() as evaluated:
        project(teacher__base_url=[teacher.url], teacher__judge__base_url=judge.url)
        own = f"{{mine: {{base_url: '{evaluated.url}', model: m, api: chat, api_key_env: OPENAI_API_KEY}}}}"
        text = Path("params.yaml").read_text()
        Path("params.yaml").write_text(text.replace("\n  endpoints: {}", f"\n  endpoints: {own}"))
        assert results("error", ping=True) == {}
    assert [mock.counts["requests"] for mock in (teacher, judge, evaluated)] == [1, 1, 1]
    assert (teacher.bodies[0]["temperature"], teacher.bodies[0]["max_tokens"]) == (0.8, 96)
    assert judge.bodies[0]["max_tokens"] == 8
    assert evaluated.bodies[0]["temperature"] == 0.0


def test_a_command_that_serves_a_model_is_checked_and_not_started(project):
    project(teacher__base_url="served", runtime__teacher__serve__command="cat {model} {port}")
    assert results("ok")["runtime.teacher.serve"] == ("1 x `cat {model} {port}`, started when an answer is missing")
    project(teacher__base_url="served", runtime__teacher__serve__command="no-vllm {port}")
    assert results("error") == {
        "runtime.teacher.serve": "runtime.teacher.serve.command: no-vllm: no such program; install it, or write its "
        "full path"
    }


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (
            {"teacher__base_url": "served"},
            "runtime.teacher.serve.command: found null, but a base_url is served: set the command that serves {model}",
        ),
        (
            {"runtime__teacher__serve__command": "cat {port}"},
            "runtime.teacher.serve.command: never started, because no base_url of the teacher is served; set one, or "
            "null",
        ),
        (
            {"runtime__teacher__mode": "batch"},
            "runtime.teacher.mode: found batch, accepted for local and served models: chat",
        ),
    ],
    ids=["command", "base_url", "batch"],
)
def test_settings_of_served_models_that_contradict_each_other_are_found(project, changes, error):
    project(**changes)
    assert results("error") == {"params.yaml": error}

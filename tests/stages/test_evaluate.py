"""Stage evaluate: what is refused, what is asked, what runs, and what is written."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from ruamel.yaml import YAML

from bench.mock_endpoint import MockEndpoint
from stages import evaluate
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.core.records import Example, write_jsonl
from wizardcoder.evaluation import settings as evaluation
from wizardcoder.evaluation.answers import ask_models, generate
from wizardcoder.evaluation.available import load_available
from wizardcoder.evaluation.held_out import read_held_out
from wizardcoder.evaluation.settings import GENERATIONS, Params
from wizardcoder.generation import sampler
from wizardcoder.sandbox import toolchains
from wizardcoder.training.outcomes import TrainOutcome

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
PARAMS = load(Params, ROOT / "params.yaml")
FRAME = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
ADD, SUB = 'def add(a, b):\n    """Add."""\n', 'def sub(a, b):\n    """Subtract."""\n'
SUM = "```python\n    return a + b\n```"
BENCHMARK = [
    {
        "task_id": f"T/{number}",
        "prompt": prompt,
        "entry_point": name,
        "canonical_solution": f"    return a {sign} b\n",
        "test": f"def check(candidate):\n    assert candidate(5, 2) == 5 {sign} 2\n",
    }
    for number, (prompt, name, sign) in enumerate([(ADD, "add", "+"), (SUB, "sub", "-")])
]


def asked(prompt):
    return framed(f"Create a Python script for this problem:\n{prompt}")


def framed(instruction):
    return f"{FRAME}### Instruction:\n{instruction}\n\n### Response:"


def settings(**changes):
    """Return the real parameters with other values in `evaluate`, and all benchmarks in `decontaminate.benchmarks`."""
    found = replace(PARAMS.evaluate, **changes)
    return replace(PARAMS, evaluate=found, decontaminate=replace(PARAMS.decontaminate, benchmarks=list(found.problems)))


def enter(folder, model, monkeypatch):
    """Enter a project, with one model as the tuned and the base model."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WC_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("TEST_KEY", "a-secret")
    monkeypatch.setattr(toolchains, "missing_tools", lambda name: f"{name} not found; install: it")
    for label in evaluation.MODELS:
        monkeypatch.setitem(evaluation.MODELS, label, model)


def make_project(folder, model, monkeypatch, **changes):
    """Make `folder` a project with the real parameters but for a small model, `mine`, and changes in `evaluate`."""
    enter(folder, model, monkeypatch)
    (folder / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in BENCHMARK))
    params = YAML().load((ROOT / "params.yaml").read_text())
    params["benchmarks"] |= {"mine": "mine.jsonl", "multiple_js": "js.jsonl"}
    params["evaluate"] |= {"problems": {"mine": None}, "held_out": 0, "max_new_tokens": 2, "dtype": "float32"} | changes
    params["decontaminate"]["benchmarks"] = list(params["evaluate"]["problems"])
    with (folder / "params.yaml").open("w") as file:
        YAML().dump(params, file)


def hold_out(folder):
    """Write what training was given: five examples, of which it held out three."""
    examples = [Example(f"e{n}", None, 0, None, f"Say {n}.", "ok") for n in range(5)]
    write_jsonl(folder / "data/decontaminated/examples.jsonl", examples)
    outcomes = [TrainOutcome(f"e{n}", "trained" if n in (0, 2) else "held_out") for n in range(5)]
    write_jsonl(folder / "data/train/outcomes.jsonl", outcomes)


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
    evaluate.main()


@pytest.fixture
def no_model(monkeypatch):
    """Make loading a model fail."""
    monkeypatch.setattr(sampler, "load_model", lambda *_: pytest.fail("a model was loaded"))


@pytest.fixture(scope="module")
def ran(tiny_model, tmp_path_factory):
    """Run the stage on two local models, which are one, and an endpoint that adds whatever it is asked."""
    folder = tmp_path_factory.mktemp("project")
    problems = {"mine": None, "mbpp_plus": None, "multiple_js": 3, "humaneval": 0}
    said = []
    with MockEndpoint(api_key="a-secret", reply=lambda _: SUM) as endpoint:
        own = {"base_url": endpoint.url, "model": "adder", "api": "chat", "api_key_env": "TEST_KEY"}
        with pytest.MonkeyPatch.context() as patch:
            make_project(folder, tiny_model, patch, problems=problems, held_out=2, dev="mine", endpoints={"adder": own})
            (folder / "js.jsonl").touch()
            hold_out(folder)
            patch.setattr(evaluate.console, "say", said.append)
            call(patch)
        metrics = json.loads((folder / "metrics/evaluate.json").read_text())
        yield SimpleNamespace(folder=folder, metrics=metrics, said=said, bodies=endpoint.bodies, url=endpoint.url)


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_where_no_benchmark_can_run_the_stage_ends_with_the_reasons(tmp_path, monkeypatch, capsys):
    make_project(tmp_path, tmp_path, monkeypatch, problems={"mbpp_plus": None, "humaneval_plus": None})
    with pytest.raises(StageError) as refused:
        call(monkeypatch)
    assert str(refused.value) == "params.yaml: evaluate.problems: none of the benchmarks can run here"
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(": benchmarks.")[0] for line in said] == [
        "evaluate: mbpp_plus not run",
        "evaluate: humaneval_plus not run",
    ]
    assert not (tmp_path / "metrics").exists()


def test_the_metrics_of_the_stage_are_these(ran):
    nll = ran.metrics["mine.nll"]
    reasons = {key: ran.metrics.pop(key) for key in ("mbpp_plus.not_run", "sandbox")}
    assert ran.metrics.pop("seconds") >= 0
    of_mine = {
        "adder.pass_at_1": 0.5,
        "adder.pass_at_1.high": 0.905469,
        "adder.pass_at_1.low": 0.0945312,
        "base.nll": nll,
        "base.pass_at_1": 0.0,
        "base.pass_at_1.high": 0.65762,
        "base.pass_at_1.low": 0.0,
        "gain": 0.0,
        "gain.high": 0.65762,
        "gain.low": -0.65762,
        "gain.p_value": 1.0,
        "nll": nll,
        "pass_at_1": 0.0,
        "pass_at_1.high": 0.65762,
        "pass_at_1.low": 0.0,
        "problems": 2,
    }
    assert ran.metrics == {
        **{f"dev.{key}": value for key, value in of_mine.items()},
        **{f"mine.{key}": value for key, value in of_mine.items()},
        "extract": "wizardcoder",
        "mode": "strict",
        "multiple_js.not_run": "js not found; install: it",
    }
    assert nll > 0
    assert reasons["mbpp_plus.not_run"].startswith("benchmarks.mbpp_plus: not set in params.yaml, accepted: ")
    assert "seccomp" in reasons["sandbox"] or "mount" in reasons["sandbox"]


def test_a_benchmark_that_was_not_run_has_no_score_and_is_never_zero(ran):
    for name in ("mbpp_plus", "multiple_js"):
        assert [key for key in ran.metrics if key.startswith(name)] in ([], [f"{name}.not_run"])
        assert [line for line in ran.said if line.startswith(f"evaluate: {name} not run: ")] != []
    assert "multiple_js" not in (ran.folder / "metrics/scores.csv").read_text()
    assert not [key for key in ran.metrics if "humaneval" in key]


def test_every_sample_is_written_with_its_answer(ran):
    of_endpoint = read(ran.folder / "data/results/mine.adder.jsonl")
    assert [row.pop("seconds") > 0 for row in of_endpoint] == [True, True]
    fields = {"sample": 0, "completion": "\n    return a + b\n", "answer": SUM, "nll": None}
    assert of_endpoint == [
        {"task_id": "T/0", "passed": True, "result": "passed"} | fields,
        {"task_id": "T/1", "passed": False, "result": "failed: AssertionError"} | fields,
    ]
    assert list(read(ran.folder / "data/results/mine.tuned.jsonl")[0]) == [
        *("task_id", "sample", "completion", "passed", "result", "seconds", "answer", "nll")
    ]


def test_the_settings_of_the_generation_stand_beside_the_samples(ran):
    of_protocol = {
        "prompt": "Create a {language} script for this problem:\n{prompt}",
        "frame": FRAME + "### Instruction:\n{instruction}\n\n### Response:",
        "extract": "wizardcoder",
        "mode": "strict",
        "sampling": {"n": 1, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 2, "seed": 42},
    }
    found = {path.name: json.loads(path.read_text()) for path in (ran.folder / "data/results").glob("*.settings.json")}
    assert sorted(found) == [f"mine.{label}.settings.json" for label in ("adder", "base", "tuned")]
    endpoint = {"backend": "endpoint", "endpoint": "127.0.0.1/v1", "api": "chat", "model": "adder"}
    assert found["mine.adder.settings.json"] == endpoint | of_protocol
    local = found["mine.tuned.settings.json"]
    assert sorted(local.pop("files")) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert sorted(local.pop("libraries")) == ["torch", "transformers"]
    assert local == {"backend": "transformers", "dtype": "float32"} | of_protocol


def test_scores_for_the_plot_have_a_line_for_each_model(ran):
    assert (ran.folder / "metrics/scores.csv").read_text() == (
        "benchmark,model,pass_at_1\nmine,base,0.0\nmine,tuned,0.0\nmine,adder,0.5\n"
    )


def test_the_stage_closes_with_its_counts(ran):
    assert ran.said[-1].startswith("evaluate: 6 answers, 0 mine passed in ")


def test_an_endpoint_is_asked_what_the_local_models_are_asked(ran):
    found = sorted(body["messages"][0]["content"] for body in ran.bodies)
    assert found == [asked(ADD), asked(SUB), framed("Say 1."), framed("Say 3.")]


def test_each_model_answers_the_first_instructions_that_training_held_out(ran):
    found = {path.name: read(path) for path in (ran.folder / "data/answers").iterdir()}
    assert sorted(found) == ["adder.jsonl", "base.jsonl", "tuned.jsonl"]
    assert found["adder.jsonl"] == [{"id": f"e{n}", "instruction": f"Say {n}.", "answer": SUM} for n in (1, 3)]
    for label in ("base", "tuned"):
        assert [row["id"] for row in found[f"{label}.jsonl"]] == ["e1", "e3"]


def test_no_api_key_is_in_what_the_stage_writes(ran):
    written = [path for path in ran.folder.rglob("*") if path.is_file()]
    assert len(written) > 8
    assert [path for path in written if b"a-secret" in path.read_bytes()] == []


def test_a_second_run_of_the_stage_loads_no_model_and_asks_nothing(ran, tiny_model, no_model, monkeypatch):
    enter(ran.folder, tiny_model, monkeypatch)
    params = load(Params)
    ask_models(params, load_available(params).problems, read_held_out(2))
    assert len(ran.bodies) == 4


def test_after_generate_the_stage_loads_no_model(tiny_model, tmp_path, monkeypatch, capsys):
    make_project(tmp_path, tiny_model, monkeypatch)
    generate(load(Params))
    assert capsys.readouterr().err.splitlines()[-1].startswith("generate: 4 answers, 1 of 1 process in ")
    assert not (tmp_path / "data").exists()
    monkeypatch.setattr(sampler, "load_model", lambda *_: pytest.fail("a model was loaded"))
    params = load(Params)
    ask_models(params, load_available(params).problems, [])


def test_of_a_held_out_instruction_one_answer_is_drawn_however_many_samples_a_problem_has(
    tiny_model, tmp_path, monkeypatch, capsys
):
    make_project(tmp_path, tiny_model, monkeypatch, held_out=2, samples=3, temperature=0.5)
    hold_out(tmp_path)
    generate(load(Params))
    assert capsys.readouterr().err.splitlines()[-1].startswith("generate: 16 answers")  # 2 x (2 x 3 + 2)
    with closing(sqlite3.connect(tmp_path / "cache" / GENERATIONS)) as store:
        drawn = store.execute("SELECT COUNT(*) FROM answers WHERE answer LIKE '%text%'").fetchone()
    assert drawn == (8,)  # both local models are one here, and share their answers


@pytest.mark.parametrize("run", [call, lambda _: generate(load(Params))], ids=["the stage", "generate"])
def test_more_greedy_samples_than_one_are_refused_before_a_model_is_looked_at(tmp_path, monkeypatch, run):
    make_project(tmp_path, tmp_path / "nowhere", monkeypatch, samples=2)
    with pytest.raises(StageError) as refused:
        run(monkeypatch)
    assert str(refused.value) == "evaluate.samples: found 2, accepted: 1 where evaluate.temperature is 0 (greedy)"

"""Settings of an evaluation that contradict each other or choose by a test set are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.evaluation.settings import EndpointParams, Params, check
from wizardcoder.teacher.serving import ServeParams

ROOT = Path(__file__).resolve().parents[2]
PARAMS = load(Params, ROOT / "params.yaml")


def settings(**changes):
    """Return the real parameters with other values in `evaluate`, and all benchmarks in `decontaminate.benchmarks`."""
    found = replace(PARAMS.evaluate, **changes)
    return replace(PARAMS, evaluate=found, decontaminate=replace(PARAMS.decontaminate, benchmarks=list(found.problems)))


def refusal(params):
    with pytest.raises(StageError) as refused:
        check(params.evaluate, params.decontaminate.benchmarks)
    return str(refused.value)


def test_benchmarks_that_were_compared_with_the_training_data_pass():
    params = settings(problems={"dev": 3, "humaneval": None})
    check(params.evaluate, params.decontaminate.benchmarks)


def test_a_benchmark_that_was_not_compared_with_the_training_data_is_refused():
    params = settings(problems={"dev": None, "humaneval": 8, "mbpp": 0})
    params = replace(params, decontaminate=replace(params.decontaminate, benchmarks=["dev"]))
    assert refusal(params) == (
        "params.yaml: evaluate.problems.humaneval: not in decontaminate.benchmarks, "
        "so its overlap with the training data is unknown"
    )


@pytest.mark.parametrize("problems", [{}, {"dev": 0, "humaneval": 0}])
def test_no_benchmark_at_all_is_refused(problems):
    assert refusal(settings(problems=problems)) == (
        "params.yaml: evaluate.problems: all 0, accepted: at least one benchmark"
    )


@pytest.mark.parametrize("name", ["humaneval", "mbpp", "mbpp_sanitized", "mbpp_plus", "ds1000", "multiple_rs"])
def test_a_choice_by_the_score_of_a_test_set_is_refused(name):
    assert refusal(settings(problems={name: None}, dev=name)) == (
        f"params.yaml: evaluate.dev: found {name}, a test benchmark: choosing rounds or settings by its score would be "
        "selection on a test set; accepted: dev, mbpp_400 or a benchmark of your own"
    )


@pytest.mark.parametrize("name", ["dev", "mbpp_400", "mine"])
def test_a_choice_by_the_score_of_a_development_set_passes(name):
    params = settings(problems={name: None}, dev=name)
    check(params.evaluate, params.decontaminate.benchmarks)


@pytest.mark.parametrize("label", ["base", "tuned", "gpt-3.5", "a/b"])
def test_an_endpoint_whose_name_would_be_mistaken_in_files_or_metrics_is_refused(label):
    endpoint = EndpointParams(base_url="http://127.0.0.1:1", model="m", api="chat", api_key_env="K")
    said = refusal(settings(problems={"dev": None}, endpoints={label: endpoint}))
    assert said.startswith(f"params.yaml: evaluate.endpoints.{label}: accepted: ")


def test_a_k_above_the_samples_is_refused():
    assert refusal(settings(problems={"dev": None}, samples=10, pass_at=[1, 100])) == (
        "params.yaml: evaluate.pass_at: found 100, accepted: at most evaluate.samples (10)"
    )


def test_a_served_model_and_its_command_need_each_other():
    endpoint = EndpointParams(base_url="served", model="m", api="chat", api_key_env="K")
    assert refusal(settings(problems={"dev": None}, endpoints={"mine": endpoint})) == (
        "params.yaml: evaluate.endpoints.mine.base_url: served needs runtime.evaluate.serve.mine, the command that "
        "serves the model"
    )
    runtime = {"serve": {"mine": ServeParams("x {port}", 1, 0, {}, 60.0)}}
    assert refusal(settings(problems={"dev": None}, runtime=replace(PARAMS.evaluate.runtime, **runtime))) == (
        "params.yaml: runtime.evaluate.serve.mine: accepted: a name in evaluate.endpoints whose base_url is served"
    )

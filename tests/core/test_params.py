"""params.yaml is read strictly: each mistake is one line that names file, key, value and what is accepted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stages import analyze, base, decontaminate, evaluate, evolve, merge, report, screen, seed, train
from wizardcoder.core.console import StageError
from wizardcoder.core.params import SECTIONS, leaves, load, read_yaml

COMMITTED = Path(__file__).resolve().parents[2] / "params.yaml"
GOOD = "run:\n  seed: 42\nseed:\n  source: a.json\n  limit: 24\n"


@pytest.fixture
def params_file(tmp_path):
    """Give a function that writes a params.yaml and returns its path."""

    def write(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "params.yaml"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def refusal(kind: type, path: Path) -> str:
    """Give the one line, without the file's folder, with which a file is refused."""
    with pytest.raises(StageError) as caught:
        load(kind, path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(str(path))
    return line.removeprefix(f"{path.parent}/")


@pytest.mark.parametrize("stage", [seed, evolve, screen, merge, analyze, decontaminate, base, train, evaluate, report])
def test_the_committed_file_loads_for_every_stage(stage):
    assert isinstance(load(stage.Params, COMMITTED), stage.Params)


def test_a_good_file_gives_typed_values(params_file):
    loaded = load(seed.Params, params_file(GOOD))
    assert (loaded.run.seed, loaded.seed.source, loaded.seed.limit) == (42, "a.json", 24)


def test_null_is_accepted_where_the_type_says_so(params_file):
    assert load(seed.Params, params_file(GOOD.replace("24", "null"))).seed.limit is None


def test_a_number_as_dvc_writes_it_is_a_number(params_file):
    text = COMMITTED.read_text(encoding="utf-8").replace("lr: 5.0e-5", "lr: 3e-05")
    assert load(train.Params, params_file(text)).train.lr == 0.00003


def test_a_whole_number_is_accepted_for_a_real_one(params_file):
    text = COMMITTED.read_text(encoding="utf-8").replace("lr: 5.0e-5", "lr: 1")
    assert load(train.Params, params_file(text)).train.lr == 1.0


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("  limit: 24\n", "", "params.yaml: seed.limit: missing"),
        ("limit: 24", "limit: 0", "params.yaml: seed.limit: found 0, accepted: greater than or equal to 1"),
        ("limit: 24", "limit: '24'", "params.yaml: seed.limit: found '24', accepted: a valid integer"),
        ("limit: 24", "limit: 2.5", "params.yaml: seed.limit: found 2.5, accepted: a valid integer"),
        ("limit: 24", "limit: true", "params.yaml: seed.limit: found True, accepted: a valid integer"),
        ("seed: 42", "seed: forty", "params.yaml: run.seed: found 'forty', accepted: a valid integer"),
        ("a.json", "[a.json]", "params.yaml: seed.source: found ['a.json'], accepted: a valid string"),
        ("run:\n  seed: 42\n", "", "params.yaml: run: missing"),
        ("run:\n  seed: 42\n", "run:\n", "params.yaml: run: found None, accepted: an object"),
        ("  limit: 24\n", "  limit: 24\n  limits: 3\n", "params.yaml: seed.limits: unknown key (did you mean limit?)"),
        ("  limit: 24\n", "  limit: 24\n  xyz: 3\n", "params.yaml: seed.xyz: unknown key; accepted: source, limit"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_is_accepted(params_file, old, new, line):
    assert old in GOOD
    assert refusal(seed.Params, params_file(GOOD.replace(old, new))) == line


def test_a_misspelt_key_is_named_with_a_hint(params_file):
    path = params_file(GOOD.replace("limit:", "limt:"))
    assert refusal(seed.Params, path) == "params.yaml: seed.limt: unknown key (did you mean limit?)"


@pytest.mark.parametrize(
    ("kind", "old", "new", "line"),
    [
        (
            decontaminate.Params,
            "min_overlap: 0.5",
            "min_overlap: 1.5",
            "params.yaml: decontaminate.rule.min_overlap: found 1.5, accepted: less than or equal to 1",
        ),
        (
            decontaminate.Params,
            "\n  judge: rule",
            "\n  judge: human",
            "params.yaml: decontaminate.judge: found 'human', accepted: 'rule', 'teacher' or 'both'",
        ),
        (
            decontaminate.Params,
            "[dev, humaneval]",
            "[dev, 3]",
            "params.yaml: decontaminate.benchmarks.1: found 3, accepted: a valid string",
        ),
        (
            train.Params,
            "schedule: cosine",
            "schedule: cosin",
            "params.yaml: train.schedule: found 'cosin', accepted: 'cosine', 'linear' or 'constant_with_warmup'",
        ),
        (train.Params, "lr: 5.0e-5", "lr: 0", "params.yaml: train.lr: found 0, accepted: greater than 0"),
        (train.Params, "lr: 5.0e-5", "lr: .nan", "params.yaml: train.lr: found nan, accepted: a finite number"),
        (
            evaluate.Params,
            "    dev: 30 ",
            "    dev: -1 ",
            "params.yaml: evaluate.problems.dev: found -1, accepted: greater than or equal to 0",
        ),
        (merge.Params, "[0, 1, 2, 3]", "[0, x]", "params.yaml: merge.rounds.1: found 'x', accepted: a valid integer"),
        (base.Params, "revision: null", "revision: 7", "params.yaml: base.revision: found 7, accepted: a valid string"),
    ],
)
def test_a_value_of_any_stage_is_held_against_its_type_and_range(params_file, kind, old, new, line):
    text = COMMITTED.read_text(encoding="utf-8")
    assert old in text
    assert refusal(kind, params_file(text.replace(old, new))) == line


@pytest.mark.parametrize("new", ["lr: .inf", "weight_decay: .inf", "weight_decay: .nan"])
def test_a_number_that_is_not_finite_is_refused(params_file, new):
    key = new.split(":")[0]
    old = {"lr": "lr: 5.0e-5", "weight_decay": "weight_decay: 0.0"}[key]
    text = COMMITTED.read_text(encoding="utf-8")
    assert old in text
    assert refusal(train.Params, params_file(text.replace(old, new))).startswith(f"params.yaml: train.{key}: found ")


def test_a_misspelt_section_is_named_with_a_hint(params_file):
    line = refusal(seed.Params, params_file(GOOD + "trian:\n  lr: 1\n"))
    assert line == "params.yaml: trian: unknown section (did you mean train?)"


def test_an_unknown_section_is_named_with_the_known_ones(params_file):
    assert refusal(seed.Params, params_file(GOOD + "xyzzy: {}\n")) == (
        f"params.yaml: xyzzy: unknown section; accepted: {', '.join(SECTIONS)}"
    )


def test_a_section_that_is_a_number_is_refused(params_file):
    assert refusal(seed.Params, params_file(GOOD + "1: {}\n")).startswith("params.yaml: 1: unknown section")


def test_another_section_may_be_absent(params_file):
    assert load(seed.Params, params_file(GOOD)).seed.limit == 24


@pytest.mark.parametrize(
    ("section", "error"),
    [
        ("train: nonsense\n", "params.yaml: train: found 'nonsense', accepted: an object"),
        ("report: {samples: 1, compare: {a: x, b: y}, page: 1}\n", "params.yaml: report.page: unknown key"),
        (
            "base: {source: embedded, revisoin: null}\n",
            "params.yaml: base.revisoin: unknown key (did you mean revision?)",
        ),
        ("analyze: {sample: 3}\n", "params.yaml: analyze.difficulty: missing"),
    ],
    ids=["no_mapping", "unknown_key", "typo", "missing_key"],
)
def test_every_stage_refuses_an_error_in_the_section_of_another(params_file, section, error):
    assert refusal(seed.Params, params_file(GOOD + section)).startswith(error)


def test_a_missing_file_is_named(tmp_path):
    assert refusal(seed.Params, tmp_path / "params.yaml") == "params.yaml: no such file"


def test_a_folder_in_the_files_place_is_refused(tmp_path):
    (tmp_path / "params.yaml").mkdir()
    assert refusal(seed.Params, tmp_path / "params.yaml") == "params.yaml: Is a directory"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("run: {seed: 42\n", "params.yaml:2: not valid YAML: expected ',' or '}', but got '<stream end>'"),
        ("run:\n\tseed: 42\n", "params.yaml:2: not valid YAML: found character '\\t' that cannot start any token"),
        ("run: {seed: 1}\nrun: {seed: 2}\n", 'params.yaml:2: not valid YAML: found duplicate key "run"'),
        ("", "params.yaml: empty; accepted: sections such as run, seed, train"),
        ("- run\n", "params.yaml: found list; accepted: sections such as run, seed, train"),
    ],
)
def test_broken_yaml_is_one_line(params_file, text, line):
    assert refusal(seed.Params, params_file(text)) == line


def test_a_file_that_is_not_utf8_is_one_line(params_file):
    line = refusal(seed.Params, params_file(GOOD.replace("a.json", "é.json"), "latin-1"))
    assert line.startswith("params.yaml: not valid YAML: 'utf-8' codec can't decode byte 0xe9")


def test_values_that_look_like_dates_or_yaml_1_1_booleans_stay_what_yaml_1_2_says(params_file):
    path = params_file("run:\n  a: yes\n  b: on\n  c: 012\n")
    assert read_yaml(path) == {"run": {"a": "yes", "b": "on", "c": 12}}


def test_leaves_names_every_key_and_marks_those_that_change_no_output():
    found = dict(leaves(evaluate.Params))
    assert {key: tracked for key, tracked in found.items() if not key.startswith(("evaluate.", "runtime."))} == {
        "run.seed": True,
        "benchmarks": True,
        "train.prompt": True,
        "decontaminate.benchmarks": True,
    }
    assert {key for key, tracked in found.items() if not tracked} == {
        "runtime.evaluate.prices",
        "runtime.evaluate.batch_size",
        "runtime.evaluate.workers",
        "runtime.evaluate.concurrency",
        "runtime.evaluate.request_timeout_s",
        "runtime.evaluate.serve",
        "runtime.evaluate.retries",
        "runtime.evaluate.patience_min",
        "runtime.evaluate.max_wait_min",
    }
    assert found["evaluate.problems"]


def test_leaves_goes_into_nested_parts():
    found = dict(leaves(decontaminate.Params))
    assert found["decontaminate.rule.ngram_words"] is True
    assert found["teacher.local.context_tokens"] is True
    assert found["runtime.teacher.slots"] is False
    assert [name for name, tracked in found.items() if not tracked] == [
        "runtime.teacher.api_key_env",
        "runtime.teacher.role_api_key_env",
        "runtime.teacher.serve.command",
        "runtime.teacher.serve.replicas",
        "runtime.teacher.serve.gpus_per_replica",
        "runtime.teacher.serve.env",
        "runtime.teacher.serve.ready_s",
        "runtime.teacher.slots",
        "runtime.teacher.mode",
        "runtime.teacher.concurrency",
        "runtime.teacher.requests_per_minute",
        "runtime.teacher.tokens_per_minute",
        "runtime.teacher.timeout_s",
        "runtime.teacher.retries",
        "runtime.teacher.patience_min",
        "runtime.teacher.max_wait_min",
        "runtime.teacher.batch_poll_s",
        "runtime.teacher.batch_requests",
        "runtime.teacher.batch_patience_h",
        "runtime.teacher.price.input",
        "runtime.teacher.price.output",
        "runtime.teacher.budget",
        "runtime.teacher.max_unclear",
        "runtime.decontaminate.workers",
    ]


def write_with(tmp_path, edit):
    raw = read_yaml(COMMITTED)
    edit(raw)
    path = tmp_path / "params.yaml"
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda raw: raw["runtime"]["teacher"].update(concurency=1), "runtime.teacher.concurency: unknown key "),
        (lambda raw: raw["runtime"]["teacher"].pop("retries"), "runtime.teacher.retries: missing"),
        (lambda raw: raw["runtime"]["teacher"].update(retries=-1), "runtime.teacher.retries: found -1, accepted: "),
        (lambda raw: raw["runtime"].update(teachr={}), r"runtime.teachr: unknown key \(did you mean teacher\?\)"),
        (lambda raw: raw["runtime"].pop("teacher"), "runtime.teacher: missing"),
        (lambda raw: raw["teacher"].update(runtime={}), "teacher.runtime: unknown key; accepted: runtime.teacher"),
        (lambda raw: raw.update(runtime=3), "runtime: found 3, accepted: a mapping"),
    ],
)
def test_a_fault_in_the_runtime_section_is_named_as_it_is_written(tmp_path, edit, message):
    with pytest.raises(StageError, match=message):
        load(decontaminate.Params, write_with(tmp_path, edit))

"""Plans of the profiles and of the default: what they show and what they refuse."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.train import Params
from wizardcoder.core.console import StageError
from wizardcoder.core.disk import GB
from wizardcoder.core.params import load
from wizardcoder.core.paths import TRAINING_EXAMPLES
from wizardcoder.core.profiles import apply_profile
from wizardcoder.core.records import Example, write_jsonl
from wizardcoder.training import devices
from wizardcoder.training.devices import CPU, Hardware
from wizardcoder.training.model_package.directory import load_tokenizer
from wizardcoder.training.planning.model_shape import read_shape
from wizardcoder.training.planning.plan import count_work, plan_training, show_plan
from wizardcoder.training.rows import prepare_rows

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[3]
PARAMS = load(Params, ROOT / "params.yaml").train
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "tie_word_embeddings": False}
# the configurations of the profiles' base models, as their hub pages give them
CONFIGS = {
    "paper_15b": {
        "model_type": "gpt_bigcode",
        "n_embd": 6144,
        "n_layer": 40,
        "n_head": 48,
        "n_inner": 24576,
        "n_positions": 8192,
        "vocab_size": 49152,
        "multi_query": True,
    },
    "paper_34b": LLAMA
    | {
        "hidden_size": 8192,
        "intermediate_size": 22016,
        "num_hidden_layers": 48,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "max_position_embeddings": 16384,
        "vocab_size": 32000,
    },
    "qwen_1b": {
        "model_type": "qwen2",
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32768,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
    },
}
COUNTS = {"paper_15b": 15_517_456_384, "paper_34b": 33_743_970_304, "qwen_1b": 1_543_714_304}


@pytest.fixture
def planned(tmp_path, monkeypatch, capsys):
    """Return a function that plans a profile in a folder without data or weights, and returns what is printed."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    monkeypatch.chdir(tmp_path)

    def run(name: str, hardware: str, **changes: object) -> str:
        (tmp_path / "base").mkdir(exist_ok=True)
        (tmp_path / "base/config.json").write_text(json.dumps(CONFIGS[name]))
        apply_profile(name)
        params = YAML().load(Path("params.yaml").read_text())
        params["runtime"]["train"]["hostfile"] = changes.pop("hostfile", None)
        params["train"].update(changes)
        YAML().dump(params, Path("params.yaml"))
        capsys.readouterr()
        show_plan(plan_training(load(Params).train, Path("base"), hardware))
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize(("name", "on"), [("paper_15b", "8xH100"), ("paper_34b", "8xH100"), ("qwen_1b", "A100")])
def test_every_profile_s_plan_fits_what_it_is_for(planned, name, on):
    shown = planned(name, on)
    assert f"{COUNTS[name] / 1e6:,.1f} M parameters" in shown
    assert "200" in shown
    assert "no data yet: every record counts as a full row" in shown
    assert "warning" not in shown


def test_the_default_s_plan_needs_no_gpu(tmp_path, tiny_model, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    show_plan(plan_training(PARAMS, tiny_model))
    shown = capsys.readouterr().err
    assert CPU in shown
    assert "steps unknown: train.max_steps is null, and data/decontaminated/examples.jsonl does not exist yet" in shown


def test_a_short_last_step_is_planned_with_its_own_tokens(tmp_path, tiny_model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records = [
        Example(id=f"s{n}", parent_id=None, round=0, heuristic=None, instruction=f"Add {n}", response="x" * n)
        for n in range(1, PARAMS.batch_size + 4)  # a whole step, and three records
    ]
    write_jsonl(TRAINING_EXAMPLES, records)
    params = replace(PARAMS, held_out=0, epochs=2.0)
    rows = prepare_rows(params, records, load_tokenizer(tiny_model), TRAINING_EXAMPLES, encoder_decoder=False)
    work, counted = count_work(params, tiny_model, read_shape(tiny_model))
    assert (work.steps, work.tokens) == (4, 2 * sum(rows.lengths()))
    assert counted == f"{len(records)} records of {TRAINING_EXAMPLES}, 0 of them cut; 0 dropped"


def test_more_processes_than_gpus_are_refused(planned):
    with pytest.raises(
        StageError, match=r"^params.yaml: train.processes: found 8, accepted: at most 4, the number of GPUs$"
    ):
        planned("paper_15b", "4xH100")


def test_what_cannot_fit_is_refused_with_its_figures(planned):
    line = (
        r"^train: does not fit: weights, gradients and optimizer need 279.3 GB, one H200 has 141.0 GB; "
        r"set train.deepspeed: zero3"
    )
    with pytest.raises(StageError, match=line):
        planned("paper_15b", "H200", processes=1, deepspeed=None)


def test_an_unknown_gpu_is_refused_with_the_known_ones(planned):
    with pytest.raises(StageError, match=r"^--on: found 'X9', accepted: a GPU model, .*; known: B200, H200, "):
        planned("qwen_1b", "X9")


def test_a_plan_for_several_machines_is_refused_by_the_fullest(planned, monkeypatch):
    Path("hosts").write_text("a slots=12\nb slots=4\n")
    setting = {"processes": 16, "batch_size": 512, "micro_batch_size": 1, "hostfile": "hosts"}
    monkeypatch.setattr(devices, "parse_hardware", lambda _: Hardware("H100", 12, 80 * GB, 256 * GB, 1e15))
    with pytest.raises(
        StageError, match=r"needs 354.3 GB on a host with 12 processes, which has 256.0 GB; use more machines"
    ):
        planned("paper_34b", "12xH100", deepspeed="zero3_offload", **setting)
    Path("hosts").write_text("a slots=8\nb slots=8\n")
    assert "236.2 GB for 8 processes" in planned("paper_34b", "8xH100", deepspeed="zero3_offload", **setting)

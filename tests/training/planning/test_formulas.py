"""Plans: parameters counted on the real shapes, memory and time by the published formulas, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages import train
from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.disk import GB
from wizardcoder.core.params import load
from wizardcoder.core.profiles import apply_profile
from wizardcoder.core.records import Example, write_jsonl
from wizardcoder.training import devices as hardware
from wizardcoder.training.devices import CPU, Hardware
from wizardcoder.training.planning import formulas
from wizardcoder.training.planning.formulas import Shape, Work, Zero
from wizardcoder.training.rows import prepare

ROOT = Path(__file__).resolve().parents[3]
PARAMS = load(train.Params, ROOT / "params.yaml").train
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "tie_word_embeddings": False}
# the configurations of the profiles' base models, as their hub pages give them
CONFIGS = {
    "starcoder_15b": {
        "model_type": "gpt_bigcode",
        "n_embd": 6144,
        "n_layer": 40,
        "n_head": 48,
        "n_inner": 24576,
        "n_positions": 8192,
        "vocab_size": 49152,
        "multi_query": True,
    },
    "codellama_34b": LLAMA
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
COUNTS = {"starcoder_15b": 15_517_456_384, "codellama_34b": 33_743_970_304, "qwen_1b": 1_543_714_304}
BILLION = Shape("Llama", 1_000_000_000, 0, 20, 2048, 4096, encoder_decoder=False)


@pytest.fixture
def planned(tmp_path, monkeypatch, capsys):
    """Give a function that plans a profile in a folder without data or weights, and returns what is printed."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    monkeypatch.chdir(tmp_path)

    def run(name: str, *args: str, **changes: object) -> str:
        (tmp_path / "base").mkdir(exist_ok=True)
        (tmp_path / "base/config.json").write_text(json.dumps(CONFIGS[name]))
        apply_profile(name)
        params = YAML().load(Path("params.yaml").read_text())
        params["train"].update(changes)
        YAML().dump(params, Path("params.yaml"))
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["train", "--plan", "--base", "base", *args])
        train.main()
        return capsys.readouterr().err

    return run


def test_the_file_s_own_base_is_counted(tiny_model):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    shape = formulas.shape_of(tiny_model)
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    assert shape.embedding == model.get_input_embeddings().weight.numel()
    assert (shape.layers, shape.hidden, shape.positions) == (2, 32, 4096)


@pytest.mark.parametrize(
    ("name", "on"), [("starcoder_15b", "8xH100"), ("codellama_34b", "8xH100"), ("qwen_1b", "A100")]
)
def test_every_profile_s_plan_fits_what_it_is_for(planned, name, on):
    told = planned(name, "--on", on)
    assert f"{COUNTS[name] / 1e6:,.1f} M parameters" in told
    assert "200" in told
    assert "no data yet: every record taken as a full row" in told
    assert "tight" not in told


def test_the_default_s_plan_needs_no_gpu(planned, tiny_model, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["train", "--plan", "--base", str(tiny_model)])
    train.main()
    told = capsys.readouterr().err
    assert CPU in told
    assert "the steps follow from data/decontaminated/examples.jsonl" in told


def test_a_short_last_step_is_planned_with_its_own_tokens(tmp_path, tiny_model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records = [
        Example(id=f"s{n}", parent_id=None, round=0, heuristic=None, instruction=f"Add {n}", response="x" * n)
        for n in range(1, PARAMS.batch_size + 4)  # a whole step, and three records
    ]
    write_jsonl(paths.TRAINING_EXAMPLES, records)
    tokens = 0

    def kept(*args, **kwargs):
        nonlocal tokens
        prepared = prepare(*args, **kwargs)
        tokens = sum(prepared.lengths())
        return prepared

    monkeypatch.setattr(train, "prepare", kept)
    work, _ = train._work_of(replace(PARAMS, held_out=0, epochs=2.0), tiny_model, formulas.shape_of(tiny_model))
    assert (work.steps, work.tokens) == (4, 2 * tokens)


def test_more_processes_than_cards_are_refused(planned):
    with pytest.raises(StageError, match=r"^params.yaml: train.processes: found 8, accepted: at most 4, the GPUs$"):
        planned("starcoder_15b", "--on", "4xH100")


def test_what_cannot_fit_is_refused_with_its_figures(planned):
    line = (
        r"^train: cannot fit: weights, gradients and optimizer need 279.3 GB, one H200 has 141.0 GB; "
        r"set train.deepspeed: zero3"
    )
    with pytest.raises(StageError, match=line):
        planned("starcoder_15b", "--on", "H200", processes=1, deepspeed=None)


def test_an_unknown_card_is_refused_with_the_known_ones(planned):
    with pytest.raises(StageError, match=r"^--on: found 'X9', accepted: a card's name, .*; known: B200, H200, "):
        planned("qwen_1b", "--on", "X9")


def test_flops_are_six_a_parameter_and_attention():
    assert formulas.flops_of(BILLION, 10, 100) == 10 * (6e9 + 6 * 20 * 2048 * 100)
    assert formulas.flops_of(replace(BILLION, embedding=10**8), 1, 0) == 6 * 9e8


def sized(**changes: object):
    return replace(PARAMS, precision="bf16", processes=4, deepspeed="any", **changes)


@pytest.mark.parametrize(
    ("params", "zero", "states"),
    [
        (replace(PARAMS, precision="fp32"), Zero(), 16e9),
        (replace(PARAMS, precision="bf16"), Zero(), 18e9),
        (sized(), Zero(1), 2e9 + 2e9 + 12e9 / 4),
        (sized(), Zero(2), 2e9 + (2e9 + 12e9) / 4),
        (sized(), Zero(3), 2e9 + 16e9 / 4),
        (sized(), Zero(3, offload_optimizer=True), 2e9 + 4e9 / 4),
        (sized(), Zero(3, offload_optimizer=True, offload_parameters=True), 2e9 + 2e9 / 4),
    ],
    ids=["fp32", "autocast", "zero1", "zero2", "zero3", "offload_optimizer", "offload_all"],
)
def test_states_are_zero_s_shares(params, zero, states):
    """ZeRO, figure 1: 2 + 2 + 12 bytes a parameter; with ZeRO-3, those that DeepSpeed keeps gathered, too."""
    assert formulas.memory_of(BILLION, params, zero).states == pytest.approx(states)


def test_what_is_kept_on_the_host_is_counted_there_by_process():
    zero = Zero(3, offload_optimizer=True, offload_parameters=True)
    assert formulas.memory_of(BILLION, sized(), zero).host == pytest.approx(3.5e9)


@pytest.mark.parametrize(
    ("processes", "together", "refused"),
    [
        (8, 8, "what DeepSpeed keeps on a host for its 8 processes needs 476.0 GB, it has 256.0 GB"),
        (16, 8, None),  # 238 GB on each of two hosts
        (64, 8, None),
        (16, 16, "what DeepSpeed keeps on a host for its 16 processes needs 476.0 GB, it has 256.0 GB"),
    ],
)
def test_each_host_keeps_its_own_processes_shares(processes, together, refused):
    """34 B parameters, 14 bytes each on the hosts."""
    zero = Zero(3, offload_optimizer=True, offload_parameters=True)
    shape = replace(BILLION, parameters=34_000_000_000)
    memory = formulas.memory_of(shape, replace(sized(), processes=processes), zero)
    found = formulas.refusal(memory, together, Hardware("H100", 8, 80 * GB, 256 * GB, 1e15))
    assert found is None if refused is None else found.startswith(refused)


def test_a_plan_for_several_machines_is_refused_by_the_fullest(planned, monkeypatch):
    Path("hosts").write_text("a slots=12\nb slots=4\n")
    setting = {"processes": 16, "batch_size": 512, "micro_batch_size": 1, "hostfile": "hosts"}
    monkeypatch.setattr(hardware, "elsewhere", lambda _: Hardware("H100", 12, 80 * GB, 256 * GB, 1e15))
    with pytest.raises(StageError, match=r"for its 12 processes needs 354.3 GB, it has 256.0 GB; use more machines"):
        planned("codellama_34b", "--on", "12xH100", deepspeed="zero3_offload", **setting)
    Path("hosts").write_text("a slots=8\nb slots=8\n")
    assert "236.2 GB, for its 8 processes" in planned(
        "codellama_34b", "--on", "8xH100", deepspeed="zero3_offload", **setting
    )


def test_checkpointing_keeps_each_layer_s_input_and_one_layer():
    rows = PARAMS.micro_batch_size * PARAMS.max_tokens * 2048
    kept = formulas.memory_of(BILLION, sized(gradient_checkpointing=True), Zero(3)).activations
    everything = formulas.memory_of(BILLION, sized(), Zero(3)).activations
    assert (kept, everything) == ((20 * 2 + 34) * rows, 20 * 34 * rows)


def test_adapters_need_a_fraction():
    lora = replace(PARAMS.lora, rank=8)
    small = formulas.memory_of(BILLION, replace(PARAMS, precision="bf16", lora=lora), Zero()).states
    smaller = formulas.memory_of(
        BILLION, replace(PARAMS, precision="bf16", lora=replace(lora, load_in_4bit=True)), Zero()
    )
    assert smaller.states < small < 3e9


def test_hours_follow_from_peak_cards_and_recomputation():
    machine = Hardware("H200", 8, 141 * GB, 1e12, 1e15)
    work, params = Work(10, 1e9, 0.0), replace(PARAMS, processes=1)
    one = formulas.hours_of(BILLION, work, params, machine)
    assert one == pytest.approx(6e18 / (1e15 * formulas.ASSUMED_MFU_GPU) / 3600)
    assert formulas.hours_of(BILLION, work, replace(params, processes=8), machine) == pytest.approx(one / 8)
    assert formulas.hours_of(BILLION, work, replace(params, gradient_checkpointing=True), machine) == pytest.approx(
        one * 4 / 3
    )
    assert formulas.hours_of(BILLION, work, params, replace(machine, peak_flops=None)) is None


def test_processes_on_a_cpu_share_its_memory():
    machine = Hardware(CPU, 2, 30e9, 30e9, 1e11)
    memory = formulas.memory_of(BILLION, replace(PARAMS, precision="fp32"), Zero())
    assert formulas.refusal(memory, 1, machine) is None
    assert "need 32.0 GB, the machine of this CPU has 30.0 GB" in formulas.refusal(memory, 2, machine)


@pytest.mark.parametrize(
    ("told", "devices", "memory"),
    [("H200", 1, 141), ("8xh100", 8, 80), ("2 x A100", 2, 80), ("NVIDIA H200 NVL", 1, 141)],
)
def test_cards_are_known_by_name(told, devices, memory):
    found = hardware.elsewhere(told)
    assert (found.devices, found.memory) == (devices, memory * GB)


def test_a_cpu_s_peak_is_measured():
    assert hardware.measured_cpu_flops() > 1e8

"""Memory and time by the published formulas, and what does not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stages.train import Params
from wizardcoder.core.disk import GB
from wizardcoder.core.params import load
from wizardcoder.training.devices import CPU, Hardware
from wizardcoder.training.planning import formulas
from wizardcoder.training.planning.formulas import TrainingWork, ZeroSettings
from wizardcoder.training.planning.model_shape import ModelShape

ROOT = Path(__file__).resolve().parents[3]
PARAMS = load(Params, ROOT / "params.yaml").train
BILLION = ModelShape("Llama", 1_000_000_000, 0, 20, 2048, 4096, encoder_decoder=False)


def test_flops_are_six_a_parameter_and_attention():
    assert formulas.flops_of(BILLION, 10, 100) == 10 * (6e9 + 6 * 20 * 2048 * 100)
    assert formulas.flops_of(replace(BILLION, embedding=10**8), 1, 0) == 6 * 9e8


def sized(**changes: object):
    return replace(PARAMS, precision="bf16", processes=4, deepspeed="any", **changes)


@pytest.mark.parametrize(
    ("params", "zero", "states"),
    [
        (replace(PARAMS, precision="fp32"), ZeroSettings(), 16e9),
        (replace(PARAMS, precision="bf16"), ZeroSettings(), 18e9),
        (sized(), ZeroSettings(1), 2e9 + 2e9 + 12e9 / 4),
        (sized(), ZeroSettings(2), 2e9 + (2e9 + 12e9) / 4),
        (sized(), ZeroSettings(3), 2e9 + 16e9 / 4),
        (sized(), ZeroSettings(3, offload_optimizer=True), 2e9 + 4e9 / 4),
        (sized(), ZeroSettings(3, offload_optimizer=True, offload_parameters=True), 2e9 + 2e9 / 4),
    ],
    ids=["fp32", "autocast", "zero1", "zero2", "zero3", "offload_optimizer", "offload_all"],
)
def test_states_are_zero_s_shares(params, zero, states):
    """ZeRO, figure 1: 2 + 2 + 12 bytes a parameter; with ZeRO-3, those that DeepSpeed keeps gathered, too."""
    assert formulas.memory_of(BILLION, params, zero).states == pytest.approx(states)


def test_what_is_kept_on_the_host_is_counted_there_by_process():
    zero = ZeroSettings(3, offload_optimizer=True, offload_parameters=True)
    assert formulas.memory_of(BILLION, sized(), zero).host == pytest.approx(3.5e9)


@pytest.mark.parametrize(
    ("processes", "together", "refused"),
    [
        (8, 8, "DeepSpeed's offloading needs 476.0 GB on a host with 8 processes, which has 256.0 GB"),
        (16, 8, None),  # 238 GB on each of two hosts
        (64, 8, None),
        (16, 16, "DeepSpeed's offloading needs 476.0 GB on a host with 16 processes, which has 256.0 GB"),
    ],
)
def test_each_host_keeps_its_own_processes_shares(processes, together, refused):
    """34 B parameters, 14 bytes each on the hosts."""
    zero = ZeroSettings(3, offload_optimizer=True, offload_parameters=True)
    shape = replace(BILLION, parameters=34_000_000_000)
    memory = formulas.memory_of(shape, replace(sized(), processes=processes), zero)
    found = formulas.misfit_reason(memory, together, Hardware("H100", 8, 80 * GB, 256 * GB, 1e15))
    assert found is None if refused is None else found.startswith(refused)


def test_checkpointing_keeps_each_layer_s_input_and_one_layer():
    rows = PARAMS.micro_batch_size * PARAMS.max_tokens * 2048
    kept = formulas.memory_of(BILLION, sized(gradient_checkpointing=True), ZeroSettings(3)).activations
    everything = formulas.memory_of(BILLION, sized(), ZeroSettings(3)).activations
    assert (kept, everything) == ((20 * 2 + 34) * rows, 20 * 34 * rows)


def test_adapters_need_a_fraction():
    lora = replace(PARAMS.lora, rank=8)
    small = formulas.memory_of(BILLION, replace(PARAMS, precision="bf16", lora=lora), ZeroSettings()).states
    smaller = formulas.memory_of(
        BILLION, replace(PARAMS, precision="bf16", lora=replace(lora, load_in_4bit=True)), ZeroSettings()
    )
    assert smaller.states < small < 3e9


def test_hours_follow_from_peak_cards_and_recomputation():
    machine = Hardware("H200", 8, 141 * GB, 1e12, 1e15)
    work, params = TrainingWork(10, 1e9, 0.0), replace(PARAMS, processes=1)
    one = formulas.hours_of(BILLION, work, params, machine)
    assert one == pytest.approx(6e18 / (1e15 * formulas.ASSUMED_MFU_GPU) / 3600)
    assert formulas.hours_of(BILLION, work, replace(params, processes=8), machine) == pytest.approx(one / 8)
    assert formulas.hours_of(BILLION, work, replace(params, gradient_checkpointing=True), machine) == pytest.approx(
        one * 4 / 3
    )
    assert formulas.hours_of(BILLION, work, params, replace(machine, peak_flops=None)) is None


def test_processes_on_a_cpu_share_its_memory():
    machine = Hardware(CPU, 2, 30e9, 30e9, 1e11)
    memory = formulas.memory_of(BILLION, replace(PARAMS, precision="fp32"), ZeroSettings())
    assert formulas.misfit_reason(memory, 1, machine) is None
    assert "need 32.0 GB, this machine has 30.0 GB" in formulas.misfit_reason(memory, 2, machine)

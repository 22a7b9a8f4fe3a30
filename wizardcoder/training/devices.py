"""What the machine has to train with, and what it takes: devices, memory, peak speed, energy.

In: the machine, as torch and NVIDIA's management library see it. Out: plain figures. A GPU's peak is the maker's; a
CPU's is measured, since no data sheet gives it for the cores that one happens to have.
"""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass

import psutil

from wizardcoder.core.console import StageError
from wizardcoder.core.disk import GB

MEASURED_SIZE = 1024  # rows and columns of the matrices by which a CPU's peak is measured
MEASURED_S = 0.3
CPU = "CPU"


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU: its maker's peak with 16-bit matrices (dense, in FLOP/s), and its memory in bytes."""

    name: str
    peak_flops: float
    memory: float


# makers' data sheets, dense 16-bit tensor peak; the first whose name is a part of the device's name is taken
CARDS = (
    Card("B200", 2250e12, 180 * GB),
    Card("H200", 989e12, 141 * GB),
    Card("H100 PCIe", 756e12, 80 * GB),
    Card("H100", 989e12, 80 * GB),
    Card("A100", 312e12, 80 * GB),
    Card("L40S", 362e12, 48 * GB),
    Card("L4", 121e12, 24 * GB),
    Card("A10", 125e12, 24 * GB),
    Card("RTX 4090", 165e12, 24 * GB),
    Card("RTX 3090", 71e12, 24 * GB),
    Card("V100", 125e12, 32 * GB),
    Card("T4", 65e12, 16 * GB),
)


@dataclass(frozen=True, slots=True)
class Hardware:
    """The devices that a process each can have, all alike."""

    name: str
    devices: int  # of a CPU its cores
    memory: float  # bytes of one device; of a CPU the machine's
    host_memory: float
    peak_flops: float | None  # of one device, of a CPU of all cores; None: not known

    @property
    def gpu(self) -> bool:
        """Whether the devices are GPUs."""
        return self.name != CPU


def present() -> Hardware:
    """Look at this machine."""
    import torch

    host = float(psutil.virtual_memory().total)
    if not torch.cuda.is_available():
        return Hardware(CPU, cores(), host, host, measured_cpu_flops())
    properties = torch.cuda.get_device_properties(0)
    card = card_of(properties.name)
    peak = card.peak_flops if card else None
    return Hardware(properties.name, torch.cuda.device_count(), float(properties.total_memory), host, peak)


def elsewhere(told: str) -> Hardware:
    """Give the machine that `8xH100` names; its host memory is taken for twice its GPUs'.

    Raises:
        StageError: no such card is known.
    """
    count, _, name = told.lower().rpartition("x") if told[:1].isdigit() else ("1", "", told)
    card = card_of(name.strip())
    if card is None or not count.strip().isdigit() or int(count) < 1:
        known = ", ".join(each.name for each in CARDS)
        raise StageError(f"--on: found {told!r}, accepted: a card's name, with COUNTx before it; known: {known}")
    devices = int(count)
    return Hardware(card.name, devices, card.memory, 2 * devices * card.memory, card.peak_flops)


def card_of(name: str) -> Card | None:
    """Give the card whose name is a part of a device's name."""
    return next((card for card in CARDS if card.name.lower() in name.lower()), None)


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def measured_cpu_flops() -> float:
    """Measure the FLOP/s at which this process multiplies matrices of 32-bit floats, its threads together."""
    import torch

    one = torch.rand(MEASURED_SIZE, MEASURED_SIZE)
    one @ one
    started, rounds = time.perf_counter(), 0
    while time.perf_counter() - started < MEASURED_S:
        one @ one
        rounds += 1
    return rounds * 2 * MEASURED_SIZE**3 / (time.perf_counter() - started)


def peak_memory() -> float:
    """Give the most bytes that this process held: of its GPU, or without one of the machine's memory."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def energy_j() -> float | None:
    """Give the joules that this process's GPU has taken since its driver was loaded; None where it does not tell."""
    import torch

    if not torch.cuda.is_available():
        return None
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        uuid = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid)
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith("GPU-") else f"GPU-{uuid}")
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except pynvml.NVMLError:
        return None

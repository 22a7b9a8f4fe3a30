"""The hardware: devices, memory, peak speed, and the memory and energy that a process has used.

Reads torch and NVIDIA's management library. A GPU's peak speed is from its data sheet; a CPU's is measured, because no
data sheet gives it for the cores that this process may use.
"""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass

import psutil

from wizardcoder.core.console import StageError
from wizardcoder.core.disk import GB

MEASURED_SIZE = 1024  # rows and columns of the matrices that measure a CPU's peak
MEASURED_S = 0.3
CPU = "CPU"


@dataclass(frozen=True, slots=True)
class GpuModel:
    """A GPU model: its peak with dense 16-bit matrices in FLOP/s, from the data sheet, and its memory in bytes."""

    name: str
    peak_flops: float
    memory: float


# from data sheets; a device is the first model whose name is a part of the device's name
GPU_MODELS = (
    GpuModel("B200", 2250e12, 180 * GB),
    GpuModel("H200", 989e12, 141 * GB),
    GpuModel("H100 PCIe", 756e12, 80 * GB),
    GpuModel("H100", 989e12, 80 * GB),
    GpuModel("A100", 312e12, 80 * GB),
    GpuModel("L40S", 362e12, 48 * GB),
    GpuModel("L4", 121e12, 24 * GB),
    GpuModel("A10", 125e12, 24 * GB),
    GpuModel("RTX 4090", 165e12, 24 * GB),
    GpuModel("RTX 3090", 71e12, 24 * GB),
    GpuModel("V100", 125e12, 32 * GB),
    GpuModel("T4", 65e12, 16 * GB),
)


@dataclass(frozen=True, slots=True)
class Hardware:
    """The devices of a machine, all alike; each process of a training uses one."""

    name: str
    devices: int  # for a CPU, its cores
    memory: float  # bytes of one device; for a CPU, of the machine
    host_memory: float
    peak_flops: float | None  # of one device; for a CPU, of all cores; None if unknown

    @property
    def gpu(self) -> bool:
        """Whether the devices are GPUs."""
        return self.name != CPU


def detect() -> Hardware:
    """Return the hardware of this machine."""
    import torch

    host = float(psutil.virtual_memory().total)
    if not torch.cuda.is_available():
        return Hardware(CPU, cores(), host, host, measure_cpu_flops())
    properties = torch.cuda.get_device_properties(0)
    model = find_model(properties.name)
    peak = model.peak_flops if model else None
    return Hardware(properties.name, torch.cuda.device_count(), float(properties.total_memory), host, peak)


def parse_hardware(text: str) -> Hardware:
    """Return the hardware that a text such as `8xH100` describes; the host memory is assumed to be twice its GPUs'.

    Raises:
        StageError: the GPU model is unknown.
    """
    count, _, name = text.lower().rpartition("x") if text[:1].isdigit() else ("1", "", text)
    model = find_model(name.strip())
    if model is None or not count.strip().isdigit() or int(count) < 1:
        known = ", ".join(each.name for each in GPU_MODELS)
        raise StageError(f"--on: found {text!r}, accepted: a GPU model, optionally as COUNTxMODEL; known: {known}")
    devices = int(count)
    return Hardware(model.name, devices, model.memory, 2 * devices * model.memory, model.peak_flops)


def find_model(name: str) -> GpuModel | None:
    """Return the GPU model whose name is a part of a device's name, or None."""
    return next((model for model in GPU_MODELS if model.name.lower() in name.lower()), None)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def measure_cpu_flops() -> float:
    """Measure the FLOP/s at which all threads of this process together multiply matrices of 32-bit floats."""
    import torch

    one = torch.rand(MEASURED_SIZE, MEASURED_SIZE)
    one @ one
    started, rounds = time.perf_counter(), 0
    while time.perf_counter() - started < MEASURED_S:
        one @ one
        rounds += 1
    return rounds * 2 * MEASURED_SIZE**3 / (time.perf_counter() - started)


def peak_memory_bytes() -> float:
    """Return the peak memory of this process: on its GPU, or in main memory if it has none."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def energy_j() -> float | None:
    """Return the energy that this process's GPU has used since its driver was loaded; None if it is not reported."""
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

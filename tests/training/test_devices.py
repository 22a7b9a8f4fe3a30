"""Hardware by name, and a CPU's measured speed."""

from __future__ import annotations

import pytest

from wizardcoder.core.disk import GB
from wizardcoder.training import devices


@pytest.mark.parametrize(
    ("text", "count", "memory"),
    [("H200", 1, 141), ("8xh100", 8, 80), ("2 x A100", 2, 80), ("NVIDIA H200 NVL", 1, 141)],
)
def test_gpus_are_known_by_name(text, count, memory):
    found = devices.parse_hardware(text)
    assert (found.devices, found.memory) == (count, memory * GB)


def test_a_cpu_s_peak_is_measured():
    assert devices.measure_cpu_flops() > 1e8

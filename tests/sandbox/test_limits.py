"""What one sample may use."""

from __future__ import annotations

from wizardcoder.sandbox.limits import Limits


def test_cpu_time_follows_wall_time_unless_it_is_set():
    limits = Limits(timeout_s=2.5, memory_mb=100, address_space_mb=200)
    assert limits.for_kernel().cpu_s == 3
    assert limits._replace(cpu_s=9).for_kernel().cpu_s == 9


def test_samples_that_differ_in_the_host_s_limits_alone_share_the_kernel_s():
    limits = Limits(timeout_s=2.1, memory_mb=100, address_space_mb=200)
    assert limits.for_kernel() == limits._replace(timeout_s=2.9, memory_mb=300).for_kernel()
    assert limits.for_kernel() != limits._replace(address_space_mb=300).for_kernel()

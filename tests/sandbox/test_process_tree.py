"""Processes and their memory, as /proc shows them."""

from __future__ import annotations

import os
import subprocess

import pytest

from wizardcoder.sandbox.process_tree import children_of, descendants_of, resident_mb

pytestmark = pytest.mark.heavy


def test_memory_of_a_process_that_has_ended_or_was_never_there_is_none():
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, and still listed
        assert resident_mb(process.pid) == 0.0
    assert resident_mb(process.pid) == 0.0
    assert resident_mb(os.getpid()) > 1.0


def test_descendants_are_all_processes_below():
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo; wait"], stdout=subprocess.PIPE) as shell:
        shell.stdout.readline()
        (sleeper,) = descendants_of([shell.pid])
        assert children_of(shell.pid) == [sleeper]
        assert {shell.pid, sleeper} <= set(descendants_of([os.getpid()]))
        os.kill(sleeper, 9)
    assert children_of(shell.pid) == []

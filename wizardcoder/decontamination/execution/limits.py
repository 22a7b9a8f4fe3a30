"""The settings of the execution check that its results depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many of a reference's outputs a function must reproduce, beyond all those of the problem's own tests.

    Both are shares, from 0 to 1, of the outputs that no trivial function reproduces (a constant, or one that returns an
    argument).
    """

    min_share: float
    min_share_few: float  # if the tests are weak: few of them, yes/no outputs, or hardly any different outputs


@dataclass(frozen=True, slots=True)
class ExecutionLimits:
    """How code is called, and when a function counts as a solution.

    Attributes:
        agreement: see `Agreement`.
        call_s: CPU seconds of one call.
        timeout_s: wall seconds of all calls in one process.
        memory_mb: memory of one process.
        allow_unsafe: run the code even if the kernel does not allow all walls of the sandbox.
    """

    agreement: Agreement
    call_s: float
    timeout_s: float
    memory_mb: int
    allow_unsafe: bool = False

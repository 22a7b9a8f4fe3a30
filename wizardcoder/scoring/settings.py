"""What a judge receives and returns: settings, jobs, verdicts. Judge processes import this, so it stays small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wizardcoder.benchmarks.problem import Problem

JudgeMode = Literal["strict", "official"]


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How samples are judged.

    Attributes:
        mode: `strict` runs the benchmark's tests outside the sample's process, `official` in it, as published
            harnesses do.
        timeout_s: wall time of a sample.
        memory_mb: memory of a sample.
        allow_unsafe: run samples even if the kernel allows too few walls.
    """

    mode: JudgeMode
    timeout_s: float
    memory_mb: int
    allow_unsafe: bool = False


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How a tested program ended.

    Attributes:
        passed: whether all tests passed.
        result: `passed`, `timed out`, or `failed: ` and the reason.
        seconds: wall time, a compiler's included.
    """

    passed: bool
    result: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one sample.

    Attributes:
        passed: whether it passed.
        result: `passed`, `timed out`, or `failed: ` and the reason.
        seconds: wall time.
        outside: whether it was judged outside the sample's process, where the sample cannot forge a pass.
    """

    passed: bool
    result: str
    seconds: float
    outside: bool


@dataclass(frozen=True, slots=True)
class JudgeJob:
    """Completions of one problem, as a judge process receives them.

    Attributes:
        task_id: of the problem.
        problem: None if this process has received it before.
        completions: to judge, in this order.
        one_by_one: report each verdict at once, so that the caller can see which completion hangs.
    """

    task_id: str
    problem: Problem | None
    completions: tuple[str, ...]
    one_by_one: bool

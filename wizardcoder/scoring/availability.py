"""Check whether this machine can run a benchmark: its toolchain, its environment, its problems' packages.

In: a benchmark's name or its problems. Out: what is missing, and how to install it. Installs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.sandbox import toolchains
from wizardcoder.sandbox.errors import SandboxError
from wizardcoder.sandbox.host import Sandbox
from wizardcoder.scoring.ds1000 import runner as ds1000
from wizardcoder.scoring.multipl_e import run as multipl_e


def missing_requirement(name: str, allow_unsafe: bool) -> str | None:
    """Return what this machine lacks to run a benchmark, and how to install it; None if nothing is missing.

    A language's toolchain is tried in the sandbox, which takes seconds: one that does not start there would fail every
    sample.
    """
    if name == "ds1000":
        return ds1000.missing_environment()
    language = name.removeprefix("multiple_")
    if language == name or language not in toolchains.LANGUAGES:
        return None
    if (reason := toolchains.missing_tools(language)) is not None:
        return reason
    try:
        with Sandbox(toolchains.toolchain_environment(language), allow_unsafe) as sandbox:
            return multipl_e.toolchain_failure(sandbox, language)
    except SandboxError as exc:
        return str(exc)


def split_runnable(problems: Mapping[str, Problem]) -> tuple[dict[str, Problem], dict[str, str]]:
    """Return the problems that can run here, and the reason for each of the others, by task_id."""
    reasons = {p.task_id: why for p in problems.values() if p.checker == "ds1000" and (why := ds1000.reason_not_run(p))}
    return {task_id: p for task_id, p in problems.items() if task_id not in reasons}, reasons

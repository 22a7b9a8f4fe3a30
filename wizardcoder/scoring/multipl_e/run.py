"""Test completions in the eight languages of MultiPL-E in the sandbox.

In: a problem and a completion. Out: a ProgramResult. A completion passes if its program prints the proof that
programs.py puts at the end of the tests, and exits with status 0. sandbox/toolchains.py lists what must be installed.
"""

from __future__ import annotations

import math
import re
import secrets
import time

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.sandbox.errors import Died, SandboxError, TimedOut
from wizardcoder.sandbox.host import Sandbox
from wizardcoder.sandbox.limits import Limits
from wizardcoder.sandbox.toolchains import LANGUAGES, toolchain_variables
from wizardcoder.scoring.multipl_e.programs import build_program
from wizardcoder.scoring.settings import ProgramResult

_COMPILER_FAILED = 100  # the sandbox's exit status when a step before the last failed
_TIMED_OUT = 124  # coreutils' timeout
# timeout closes its output before it exits, and the end of its output ends a sample; a shell keeps it open until then
_LAST_STEP = ("sh", "-c", 'timeout "$@"; exit "$?"', "sh")
_GRACE_S = 5  # for the sandbox, in addition to the limits that `timeout` enforces
# the first line that reports an error, and the next if it ends in a colon; lines of a stack trace begin with blanks
_REASON = re.compile(
    r"^(?=\S).*(?:error|exception|assertion|panicked|failed)(?:.*: *\n.*\S.*|.*)$", re.IGNORECASE | re.M
)
_REASON_CHARACTERS = 300
# tests that test nothing but the toolchain
_TRIALS = {
    "java": "import org.javatuples.*;\nclass Problem {\n    public static void main(String[] args) {\n    }\n}\n",
    "js": "const assert = require('node:assert');\n{\n}\n",
    "cpp": "#include <bits/stdc++.h>\nint main() {\n}\n",
    "php": "<?php\n{\n}\n",
    "r": "{\n}\n",
    "jl": "using Test\n",
    "swift": "",
    "rs": "fn main() {\n}\n",
}


def limits_for(name: str, timeout_s: float, memory_mb: int) -> Limits:
    """Return a sample's limits: the program's own time and memory and the toolchain's share.

    Args:
        name: of the language.
        timeout_s: wall time of the program itself.
        memory_mb: of the program itself.
    """
    language = LANGUAGES[name]
    total_mb = memory_mb + language.toolchain_mb
    wall_s = timeout_s + language.compile_s + _GRACE_S
    return Limits(
        timeout_s=wall_s,
        memory_mb=total_mb,
        address_space_mb=None if language.reserves else total_mb,
        processes=256,  # threads too: the JVM, V8 and rustc start some for each core
        file_mb=256,  # Julia maps one of 128 MB, mostly empty; the scratch folder is the limit
        scratch_mb=128,
        open_files=256,
        cpu_s=math.ceil(2 * wall_s),  # of a process with all its threads; a second line behind wall time
    )


def judge_completion(
    sandbox: Sandbox, problem: Problem, completion: str, timeout_s: float, memory_mb: int
) -> ProgramResult:
    """Test a completion in a sandbox with its language's `toolchain_environment`.

    Args:
        sandbox: serves any number of samples of its language.
        problem: of MultiPL-E.
        completion: what a model wrote after the problem's prefix.
        timeout_s: wall time of the program itself; its compiler has the language's `compile_s` in addition.
        memory_mb: of the program itself; its compiler and runtime have `toolchain_mb` in addition.

    Raises:
        SandboxError: the sandbox failed, or has no namespaces: without them a sample cannot start a second process.
    """
    name = problem.language
    if "pid" not in sandbox.layers:
        raise SandboxError(f"{LANGUAGES[name].title} needs user namespaces, which this machine does not allow")
    proof = secrets.token_hex(16)
    program = build_program(problem, completion, proof, memory_mb)
    *compiling, last = program.steps
    steps = [("timeout", "--kill-after=1", str(LANGUAGES[name].compile_s), *step) for step in compiling]
    steps.append((*_LAST_STEP, "--kill-after=1", str(timeout_s), *last))
    start, output, failure = time.monotonic(), b"", None
    with sandbox.sample("command", limits_for(name, timeout_s, memory_mb)) as sample:
        try:
            output = sample.run(program.files, steps, toolchain_variables(name))
        except TimedOut:
            failure = "timed out"
        except Died as exc:
            failure = f"failed: {exc}"
    assert sample.ended is not None, "its block has ended"
    result = failure or _result(output.decode(errors="replace"), sample.ended.status, proof)
    return ProgramResult(result == "passed", result, time.monotonic() - start)


def toolchain_failure(sandbox: Sandbox, name: str) -> str | None:
    """Return why a toolchain does not run in its sandbox, on one line; None if it runs.

    Without this check, a toolchain that lacks a library fails every sample, which looks like a bad model.
    """
    trial = Problem(task_id=f"trial/{name}", prompt="", canonical_solution="", test=_TRIALS[name], language=name)
    verdict = judge_completion(sandbox, trial, "", timeout_s=60, memory_mb=1024)
    if verdict.passed:
        return None
    language = LANGUAGES[name]
    return f"{language.title}: does not run in the sandbox: {verdict.result}; install: {language.install}"


def _result(output: str, status: int, proof: str) -> str:
    if status == 0:
        return "passed" if proof in output.splitlines() else "failed: ended with exit code 0 before its last test"
    if status == _TIMED_OUT:
        return "timed out"
    if status == _COMPILER_FAILED and output.endswith(f"\ntimeout ended with {_TIMED_OUT}\n"):
        return "failed: the compiler timed out"
    reason = _REASON.search(output)
    return (
        f"failed: {' '.join(reason[0].split())[:_REASON_CHARACTERS]}"
        if reason
        else f"failed: ended with exit code {status}"
    )

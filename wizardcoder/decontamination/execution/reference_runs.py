"""Runs the references of a benchmark's problems to obtain their outputs.

In: a problem. Out: its reference outputs for the calls of its tests and for variations of them. Does not cover:
problems that are not functions (DS-1000, MultiPL-E).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.argument_invariants import Arguments
from wizardcoder.decontamination.execution.benchmark_calls import read_test_calls
from wizardcoder.decontamination.execution.call_variations import vary_calls
from wizardcoder.decontamination.execution.reference_outputs import ReferenceOutputs, assess_outputs
from wizardcoder.decontamination.execution.runner import CodeRunner
from wizardcoder.sandbox.errors import Died, Raised, TimedOut

VARIATIONS = 40  # of the tests' calls
_DRAWN = 120  # variations from which these are chosen
_CALL_SHARE = 0.5  # of a call's time, for the reference, so that a copy of it does not exceed the limit by chance
_FUNCTION_CHECKERS = ("check", "asserts", "inputs")


def run_reference(runner: CodeRunner, problem: Problem) -> ReferenceOutputs | None:
    """Return the outputs of a problem's reference.

    Returns:
        None if the problem is not a function, its tests show no calls, or the outputs are too few to recognise a
        function by.

    Raises:
        Died: the reference or the tests exceeded the sandbox's limits.
        SandboxError: the sandbox failed, or is not available on this machine.
    """
    if problem.checker not in _FUNCTION_CHECKERS:
        return None
    tests = read_test_calls(problem) or _record_test_calls(runner, problem)
    if not tests:
        return None
    calls = [*tests, *vary_calls(problem, tests, _DRAWN)]
    outputs = _call_reference(runner, problem, calls)
    tested = {place: output for place, output in enumerate(outputs[: len(tests)]) if output is not None}
    others = {place: output for place, output in enumerate(outputs) if place >= len(tests) and output is not None}
    chosen = tested | {place: others[place] for place in _order_by_output(others)[:VARIATIONS]}
    return assess_outputs([calls[place] for place in chosen], list(chosen.values()), len(tested))


def _record_test_calls(runner: CodeRunner, problem: Problem) -> list[Arguments]:
    """Return the calls of tests that compute their arguments, by running them."""
    test = f"{problem.setup}\n{problem.test}\n"
    if problem.checker == "check":
        test += f"check({problem.entry_point})\n"
    try:
        return runner.record_calls(_reference_code(problem), problem.entry_point, test)
    except TimedOut:
        raise Died(f"{problem.task_id}: the tests exceeded the sandbox's limits") from None
    except (Died, Raised):
        return []


def _call_reference(runner: CodeRunner, problem: Problem, calls: list[Arguments]) -> list[str | None]:
    """Return what the reference returns; None where it returns nothing or differs between two sandboxes.

    The same strings have different hashes in these, and an output that depends on hashes cannot be compared.
    """
    name, call_s = problem.entry_point, runner.limits.call_s * _CALL_SHARE
    both = []
    for twin in (False, True):
        try:
            outputs = runner.call_functions(_reference_code(problem), calls, call_s, name, twin=twin)
        except (TimedOut, Died, Raised):
            raise Died(f"{problem.task_id}: the reference exceeded the sandbox's limits") from None
        both.append(outputs.get(name, [None] * len(calls)))
    return [one if one == other else None for one, other in zip(*both, strict=True)]


def _reference_code(problem: Problem) -> str:
    return problem.prefix + problem.canonical_solution


def _order_by_output(outputs: Mapping[int, str]) -> list[int]:
    """Return the positions so that all different outputs occur equally early and often."""
    groups: dict[str, list[int]] = {}
    for place, output in outputs.items():
        groups.setdefault(output, []).append(place)
    return [place for places in zip_longest(*groups.values()) for place in places if place is not None]

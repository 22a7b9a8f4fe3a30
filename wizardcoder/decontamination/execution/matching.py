"""Compares a program's functions with the reference outputs of all problems.

In: a program. Out: the problems that one of its functions solves. Finds a solution under any name and wording. Does not
find wrong code, code in another language, or code that defines no function.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wizardcoder.decontamination.execution.argument_invariants import Arguments
from wizardcoder.decontamination.execution.output_equality import outputs_equal
from wizardcoder.decontamination.execution.programs import Program
from wizardcoder.decontamination.execution.reference_outputs import CallForm, ReferenceIndex
from wizardcoder.decontamination.execution.runner import CodeRunner, Outputs
from wizardcoder.decontamination.execution.runner_guest import MAX_FUNCTIONS
from wizardcoder.sandbox.errors import Died, Raised, TimedOut

MIN_GROUP = 16  # forms; a smaller group is given up if one of its calls ends the program
_FIRST_SHARE = 0.6  # of a call's time, for the first call of each form, which is small
_MAX_TIMEOUTS = 5  # of a program; then it is not run again


@dataclass(frozen=True, slots=True)
class SolutionMatch:
    """A function that solves a problem.

    Attributes:
        function: its name.
        tested: number of calls from the problem's tests, all of which it passes.
        agreed: number of the other calls on which it agrees with the reference.
        others: number of the other calls.
    """

    function: str
    tested: int
    agreed: int
    others: int

    def __str__(self) -> str:
        return (
            f"{self.function} returns what the tests expect ({self.tested} calls) "
            f"and agrees with the reference on {self.agreed} of {self.others} others"
        )


@dataclass(frozen=True, slots=True)
class ProgramMatches:
    """By problem number, the function of a program that solves it; `complete` is False if limits were exceeded."""

    matches: Mapping[int, SolutionMatch]
    complete: bool


def match_program(
    runner: CodeRunner, index: ReferenceIndex, program: Program, *, min_group: int = MIN_GROUP
) -> ProgramMatches:
    """Find the problems that a function of the program solves.

    Args:
        runner: runs the program.
        index: the problems' reference outputs.
        program: the code to compare.
        min_group: forms; a group that fails is split in halves of at least so many.

    Raises:
        SandboxError: the sandbox failed, or is not available on this machine.
    """
    calls = _ProgramCalls(runner, program)
    found: dict[int, SolutionMatch] = {}
    complete = True
    for width in sorted(program.widths):
        for first in range(0, program.functions, MAX_FUNCTIONS):
            for name, form in _find_candidates(calls, first, index.list_forms(width), min_group):
                if name is None:
                    complete = False
                elif form.number not in found:
                    matched = _match_outputs(calls, name, form)
                    complete = complete and matched is not None
                    if matched is not None and form.reference.accepts(matched, runner.limits.agreement):
                        tested = form.reference.tested
                        found[form.number] = SolutionMatch(
                            name, tested, len(matched) - tested, len(form.calls) - tested
                        )
    return ProgramMatches(found, complete)


class _ProgramCalls:
    """Calls one program's functions, until it has timed out too often."""

    def __init__(self, runner: CodeRunner, program: Program) -> None:
        self._runner, self._program, self._timeouts = runner, program, 0

    @property
    def exhausted(self) -> bool:
        """Whether the program is not run again."""
        return self._timeouts >= _MAX_TIMEOUTS

    def try_calls(
        self, calls: list[Arguments], share: float, only: str | None = None, *, first: int = 0
    ) -> Outputs | None:
        """Call the functions with `share` of a call's time; return None if they exceeded the limits."""
        if not calls:
            return {}
        if self.exhausted:
            return None
        call_s = self._runner.limits.call_s * share
        try:
            return self._runner.call_functions(self._program.text, calls, call_s, only, first=first)
        except TimedOut:
            self._timeouts += 1
            return None
        except (Died, Raised):
            return None


def _find_candidates(
    calls: _ProgramCalls, first: int, forms: Sequence[CallForm], min_group: int
) -> Iterator[tuple[str | None, CallForm]]:
    """Yield (function, form) if the function passes the form's first call; (None, form) if the calls failed.

    One call may end the program, such as one that multiplies a string where a number is expected. Then each half of the
    calls is tried on its own.
    """
    outputs = calls.try_calls([form.calls[form.first] for form in forms], _FIRST_SHARE, first=first)
    if outputs is None:
        half = len(forms) // 2
        if half < min_group or calls.exhausted:
            yield None, forms[0]
        else:
            yield from _find_candidates(calls, first, forms[:half], min_group)
            yield from _find_candidates(calls, first, forms[half:], min_group)
        return
    for name, returned in outputs.items():
        for form, output in zip(forms, returned, strict=True):
            if outputs_equal(form.reference.outputs[form.first], output):
                yield name, form


def _match_outputs(calls: _ProgramCalls, name: str, form: CallForm) -> set[int] | None:
    """Make all calls of a form; return the positions of the outputs that match, or None if the calls failed."""
    outputs = calls.try_calls(form.calls, 1.0, name)
    if outputs is None:
        return None
    both = zip(form.reference.outputs, outputs.get(name, []), strict=False)
    return {place for place, (expected, output) in enumerate(both) if outputs_equal(expected, output)}

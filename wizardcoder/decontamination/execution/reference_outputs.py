"""A problem's reference outputs, and the calls by which functions are compared with them.

In: argument lists and what the reference returns for them. Out: which outputs a function must reproduce, and in which
forms it is called. Nothing is run here (runner.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from wizardcoder.decontamination.execution.argument_invariants import Arguments
from wizardcoder.decontamination.execution.benchmark_calls import list_call_forms
from wizardcoder.decontamination.execution.limits import Agreement
from wizardcoder.decontamination.execution.output_equality import outputs_equal
from wizardcoder.sandbox import wire

_MIN_NON_TRIVIAL = 3  # outputs that no trivial function reproduces; fewer are reproduced by chance
_DISCRIMINATIVE = 3  # different outputs of tests; MBPP has three tests a problem
_DISCRIMINATIVE_YES_NO = 4  # tests that a constant fails; it passes as many, and chance passes all 8 once in 256 times
_LOW_INFORMATION = {"true", "false", "null", '""', '["l"]', '["t"]', '["d"]'}
_LARGEST = 1e9


@dataclass(frozen=True, slots=True)
class ReferenceOutputs:
    """What a problem's reference returns.

    Attributes:
        calls: argument lists; the first `tested` are those of the problem's own tests.
        outputs: by call, the returned value as text of the wire format.
        tested: number of calls from the tests.
        discriminative: whether the tests are unlikely to be passed by chance.
        trivially_passed: number of outputs that a constant, or a function that returns an argument, reproduces.
    """

    calls: list[Arguments]
    outputs: list[str]
    tested: int
    discriminative: bool
    trivially_passed: int

    def accepts(self, matched: Collection[int], agreement: Agreement) -> bool:
        """Whether a function that reproduces the outputs at these positions counts as a solution."""
        min_share = agreement.min_share if self.discriminative else agreement.min_share_few
        share = (len(matched) - self.trivially_passed) / (len(self.outputs) - self.trivially_passed)
        return share >= min_share and all(place in matched for place in range(self.tested))


@dataclass(frozen=True, slots=True)
class CallForm:
    """One way to call a function for a problem's task: the arguments reordered, or some left out."""

    number: int  # of the problem
    reference: ReferenceOutputs
    calls: list[Arguments]
    first: int  # position of the call that is tried first


class ReferenceIndex:
    """The reference outputs of all problems, and their call forms by number of arguments.

    A problem whose reference cannot be compared is None.
    """

    def __init__(self, references: Sequence[ReferenceOutputs | None]) -> None:
        self.references = references
        self._forms: dict[int, list[CallForm]] = defaultdict(list)
        for number, reference in enumerate(references):
            for form in [] if reference is None else _list_forms(number, reference):
                self._forms[len(form.calls[form.first])].append(form)
        for forms in self._forms.values():
            forms.sort(key=lambda form: measure_call(form.calls[form.first]))

    def list_forms(self, width: int) -> list[CallForm]:
        """Return the call forms with `width` arguments, those with small arguments first."""
        return self._forms.get(width, [])


def assess_outputs(calls: list[Arguments], outputs: list[str], tested: int) -> ReferenceOutputs | None:
    """Return the reference outputs, or None if there are too few to recognise a function by."""
    if not tested:
        return None
    trivially_passed = _count_trivially_passed(calls, outputs)
    if len(outputs) - trivially_passed < _MIN_NON_TRIVIAL:
        return None
    own = outputs[:tested]
    beyond = tested - _count_trivially_passed(calls[:tested], own)
    different = len({*own} - _LOW_INFORMATION)
    discriminative = beyond >= _DISCRIMINATIVE_YES_NO or (beyond > 0 and different >= _DISCRIMINATIVE)
    return ReferenceOutputs(calls, outputs, tested, discriminative, trivially_passed)


def measure_call(arguments: Arguments) -> float:
    """Estimate how long a call may take: numbers by their value, everything else by its length."""
    return sum(_magnitude(value) if isinstance(value, int | float) else len(repr(value)) for value in arguments)


def _magnitude(number: float) -> float:
    """Measure a number; negative ones come last, because many loops that count down never end on them."""
    return min(number, _LARGEST) if number >= 0 else _LARGEST + min(-number, _LARGEST)


def _count_trivially_passed(calls: Sequence[Arguments], outputs: Sequence[str]) -> int:
    """Count the outputs that the best constant, or function that returns one of its arguments, reproduces."""
    most = Counter(outputs).most_common(1)[0][1]
    for place in range(min(map(len, calls))):
        given = (wire.dumps(arguments[place]).decode() for arguments in calls)
        most = max(most, sum(map(outputs_equal, outputs, given)))
    return most


def _is_argument(arguments: Arguments, output: str) -> bool:
    return any(outputs_equal(output, wire.dumps(argument).decode()) for argument in arguments)


def _list_forms(number: int, reference: ReferenceOutputs) -> list[CallForm]:
    common = Counter(reference.outputs).most_common(1)[0][0]
    # all tests must pass, so the first call is a small one whose output few functions return
    first = min(
        range(reference.tested),
        key=lambda place: (
            reference.outputs[place] == common,
            reference.outputs[place] in _LOW_INFORMATION,
            _is_argument(reference.calls[place], reference.outputs[place]),
            measure_call(reference.calls[place]),
        ),
    )
    return [
        CallForm(number, reference, [pick(call) for call in reference.calls], first)
        for pick in list_call_forms(reference.calls)
    ]

"""What functions do, as outputs to given arguments, and when two of them do the same.

In: calls and outputs of a problem's reference. Out: its behaviour, the forms in which other functions are tried against
it, and whether one of them has it. Nothing is run here (prober.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from wizardcoder.decontamination.execution import benchmark_calls
from wizardcoder.decontamination.execution.argument_invariants import Arguments
from wizardcoder.decontamination.execution.output_equality import equal
from wizardcoder.sandbox import wire as values

_LEAST_OTHER = 3  # outputs that no trivial function meets: fewer are met by luck
_TELLING = 3  # different outputs of tests; MBPP has three tests a problem
_TELLING_YES_NO = 4  # tests beyond those that a constant meets: luck meets these and as many others once in 256 times
_LITTLE = {"true", "false", "null", '""', '["l"]', '["t"]', '["d"]'}
_BEHIND = 1e9


@dataclass(frozen=True, slots=True)
class Agreement:
    """When a function that meets all calls of a problem's tests has the reference's behaviour.

    Both are shares of all outputs but those that a trivial function meets: a constant, or an argument given back.
    """

    least: float
    least_few: float  # where luck could meet the tests: few of them, with outputs of yes and no, or hardly any others


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a problem's reference does: `outputs[i]`, tagged text, is what it returns for `calls[i]`.

    The first `tested` calls are those of the problem's own tests; `telling`: luck does not meet these. A trivial
    function meets `trivial` of all.
    """

    calls: list[Arguments]
    outputs: list[str]
    tested: int
    telling: bool
    trivial: int

    @classmethod
    def of(cls, calls: list[Arguments], outputs: list[str], tested: int) -> Behaviour | None:
        """Give what these outputs show; None where it is too little to tell a function by."""
        if not tested:
            return None
        trivial = _met_by_trivial(calls, outputs)
        if len(outputs) - trivial < _LEAST_OTHER:
            return None
        own = outputs[:tested]
        beyond = tested - _met_by_trivial(calls[:tested], own)
        telling = beyond >= _TELLING_YES_NO or (beyond > 0 and len({*own} - _LITTLE) >= _TELLING)
        return cls(calls, outputs, tested, telling, trivial)

    def has(self, met: Collection[int], agreement: Agreement) -> bool:
        """Whether a function that meets the outputs at these places has this behaviour."""
        least = agreement.least if self.telling else agreement.least_few
        beyond = (len(met) - self.trivial) / (len(self.outputs) - self.trivial)
        return beyond >= least and all(place in met for place in range(self.tested))


@dataclass(frozen=True, slots=True)
class Form:
    """One way to call a function of a problem's task; `first` is the call that is tried before the others."""

    number: int  # the behaviour's
    behaviour: Behaviour
    calls: list[Arguments]
    first: int


class Book:
    """Behaviours, by number, and the forms in which functions are tried against them."""

    def __init__(self, behaviours: Sequence[Behaviour | None]) -> None:
        self.behaviours = behaviours
        self._forms: dict[int, list[Form]] = defaultdict(list)
        for number, behaviour in enumerate(behaviours):
            for form in [] if behaviour is None else _forms(number, behaviour):
                self._forms[len(form.calls[form.first])].append(form)
        for forms in self._forms.values():
            forms.sort(key=lambda form: size(form.calls[form.first]))

    def forms(self, width: int) -> list[Form]:
        """Give the forms with so many arguments, those with small ones first."""
        return self._forms.get(width, [])


def size(arguments: Arguments) -> float:
    """Measure by what a call's time may grow: numbers by their value, all else by its length."""
    return sum(_magnitude(value) if isinstance(value, int | float) else len(repr(value)) for value in arguments)


def _magnitude(number: float) -> float:
    """Measure a number; negative ones come behind the others, since many loops that count down never end on them."""
    return min(number, _BEHIND) if number >= 0 else _BEHIND + min(-number, _BEHIND)


def _met_by_trivial(calls: Sequence[Arguments], outputs: Sequence[str]) -> int:
    """Count the outputs that a constant meets at most, or a function that gives one of its arguments back."""
    most = Counter(outputs).most_common(1)[0][1]
    for place in range(min(map(len, calls))):
        given = (values.dumps(arguments[place]).decode() for arguments in calls)
        most = max(most, sum(map(equal, outputs, given)))
    return most


def _gives_back(arguments: Arguments, output: str) -> bool:
    return any(equal(output, values.dumps(argument).decode()) for argument in arguments)


def _forms(number: int, behaviour: Behaviour) -> list[Form]:
    common = Counter(behaviour.outputs).most_common(1)[0][0]
    # all tests have to be met, so the first call is one that few functions meet, and small
    first = min(
        range(behaviour.tested),
        key=lambda place: (
            behaviour.outputs[place] == common,
            behaviour.outputs[place] in _LITTLE,
            _gives_back(behaviour.calls[place], behaviour.outputs[place]),
            size(behaviour.calls[place]),
        ),
    )
    return [
        Form(number, behaviour, [pick(call) for call in behaviour.calls], first)
        for pick in benchmark_calls.forms(behaviour.calls)
    ]

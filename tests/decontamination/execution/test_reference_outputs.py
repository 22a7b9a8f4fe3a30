"""When reference outputs can be compared with, and when a function's outputs are enough."""

from __future__ import annotations

import pytest

from wizardcoder.decontamination.execution.limits import Agreement
from wizardcoder.decontamination.execution.reference_outputs import ReferenceIndex, assess_outputs


def calls(*numbers: int) -> list[list[int]]:
    return [[number] for number in numbers]


def test_outputs_of_a_constant_or_of_an_argument_are_trivial():
    assert assess_outputs(calls(1, 2, 3, 4, 5), ["7"] * 5, 3) is None
    assert assess_outputs(calls(1, 2, 3, 4, 5), ["1", "2", "3", "4", "5"], 3) is None
    found = assess_outputs(calls(1, 2, 3, 4, 5), ["1", "2", "7", "8", "9"], 3)
    assert found is not None
    assert found.trivially_passed == 2


def test_outputs_without_a_test_s_are_not_compared():
    assert assess_outputs(calls(1, 2, 3, 4), ["5", "6", "7", "8"], 0) is None


@pytest.mark.parametrize(
    ("outputs", "discriminative"),
    [
        (["5", "6", "7", "8", "9"], True),  # different outputs of all tests
        (["true", "false", "true", "false", "true"], False),  # a constant passes most
        (["5", "5", "6", "8", "9"], False),  # two different outputs of three tests
    ],
)
def test_tests_are_discriminative_if_chance_is_unlikely_to_pass_them(outputs, discriminative):
    found = assess_outputs(calls(11, 12, 13, 14, 15), outputs, 3)
    assert found is None or found.discriminative is discriminative


def test_many_yes_no_tests_are_discriminative():
    found = assess_outputs(calls(*range(11, 21)), ["true", "false"] * 5, 8)
    assert found is not None
    assert found.discriminative


def test_a_solution_passes_every_test_and_enough_of_the_rest():
    found = assess_outputs(calls(*range(11, 21)), [str(n) for n in range(50, 60)], 3)
    assert found is not None
    agreement = Agreement(0.5, 0.9)
    assert found.accepts({0, 1, 2, 3, 4, 5}, agreement)
    assert not found.accepts({0, 1, 2, 3}, agreement)
    assert not found.accepts({1, 2, 3, 4, 5, 6, 7, 8, 9}, agreement)


def test_forms_are_indexed_by_their_number_of_arguments_smallest_first():
    wide = assess_outputs([[[n] * n, n] for n in (9, 8, 7, 6)], ["50", "51", "52", "53"], 3)
    narrow = assess_outputs([[[n], 1] for n in (9, 8, 7, 6)], ["50", "51", "52", "53"], 3)
    index = ReferenceIndex([wide, None, narrow])
    assert [form.number for form in index.list_forms(1)] == [2, 0]
    assert [form.number for form in index.list_forms(2)] == [2, 2, 0, 0]
    assert index.list_forms(3) == []

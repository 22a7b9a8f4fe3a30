"""Which functions a piece of code defines."""

from __future__ import annotations

import pytest

from wizardcoder.decontamination.execution.programs import parse_program


@pytest.mark.parametrize("code", ["", "print('hi')", "x = 1", "class A:\n    b = 2", "async def f(a):\n    pass"])
def test_code_without_a_function_is_no_program(code):
    assert parse_program(code) is None


@pytest.mark.parametrize("code", ["def f(:\n", "(" * 500, "a\0b", "print 'hi'"])
def test_invalid_python_is_a_syntax_error(code):
    with pytest.raises(SyntaxError):
        parse_program(code)


@pytest.mark.parametrize(
    ("code", "widths"),
    [
        ("def f(a, b=1, *, c=2):\n    pass", {1, 2}),
        ("def f():\n    pass\ndef g(a, b, c):\n    pass", {0, 3}),
        ("class A:\n    def f(self, a):\n        pass\n    @staticmethod\n    def g(a, b):\n        pass", {1, 2}),
        ("def f(*all):\n    pass", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_a_program_takes_as_many_arguments_as_its_functions(code, widths):
    program = parse_program(code)
    assert program is not None
    assert program.widths == widths

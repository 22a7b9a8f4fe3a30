"""Complexity of Python programs, worked out by hand."""

from __future__ import annotations

import ast
import warnings
from math import log, log2

import pytest

from wizardcoder.source_code.complexity import measure_python, nesting_depth

LOOP = """\
def f(xs):
    for x in xs:
        if x > 1 and x < 9:
            yield x
"""


@pytest.mark.parametrize(
    ("code", "cyclomatic"),
    [
        ("x = 1", 1),
        (LOOP, 4),  # 1, for, if, and
        ("y = [x for x in z if x]", 3),  # 1, comprehension, its if
        ("y = 1 if x else 2", 2),
        ("while x:\n    pass\nelse:\n    pass", 3),
        ("try:\n    f()\nexcept A:\n    pass\nexcept B:\n    pass", 3),
        ("if a:\n    pass\nelif b:\n    pass\nelse:\n    pass", 3),
        ("class C:\n    def m(self):\n        if x:\n            pass", 3),  # 1, the method, its if
        ("def f():\n    if a:\n        pass\ndef g():\n    if b:\n        pass", 3),
    ],
)
def test_cyclomatic_complexity_is_one_and_every_decision(code, cyclomatic):
    assert measure_python(code).cyclomatic == cyclomatic


def test_maintainability_of_a_program_without_operators_is_100():
    assert measure_python("x = 1").maintainability == 100.0


def test_maintainability_follows_from_volume_complexity_and_lines():
    # `x = a + b`: one operator and two operands, so a volume of 3 log2(3); 1 line, no decision, no comment
    wanted = (171 - 5.2 * log(3 * log2(3)) - 0.23) * 100 / 171
    assert measure_python("x = a + b").maintainability == pytest.approx(wanted)


def test_a_longer_program_is_less_maintainable():
    assert measure_python(LOOP).maintainability < measure_python("x = a + b").maintainability


@pytest.mark.parametrize(
    ("code", "depth"),
    [
        ("x = 1", 0),
        ("def f():\n    return 1", 0),
        (LOOP, 2),
        ("if a:\n    pass\nelif b:\n    pass\nelif c:\n    pass", 1),
        ("if a:\n    pass\nelse:\n    if b:\n        pass", 2),
        ("if a:\n    pass\nelif b:\n    for x in y:\n        pass", 2),
        ("with a:\n    try:\n        while b:\n            pass\n    finally:\n        pass", 3),
        ("match a:\n    case 1:\n        if b:\n            pass", 2),
        ("y = [x for x in z if x]", 0),
        ("for a in b:\n    pass\nfor c in d:\n    pass", 1),
    ],
)
def test_nesting_counts_control_structures_inside_one_another(code, depth):
    assert nesting_depth(ast.parse(code)) == depth
    assert measure_python(code).nesting == depth


@pytest.mark.parametrize(
    "code",
    [
        "",
        "# only a comment",
        "SELECT * FROM t",
        "def f(:",
        "print 'hi'",
        "x = 1\0",
        "(" * 500 + ")" * 500,
        "-" * 100_000 + "1",
        "x = '\ud800'",
    ],
    ids=["empty", "comment", "sql", "broken", "python_2", "null", "deep", "very_deep", "surrogate"],
)
def test_what_is_no_python_program_is_not_measured(code):
    assert measure_python(code) is None


def test_warnings_about_the_measured_code_do_not_reach_the_log():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert measure_python("x = '\\d' is 1").cyclomatic == 1

"""The programs of the published harnesses, as text."""

from __future__ import annotations

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.scoring.official_programs import official_program

DOUBLE = 'def double(n):\n    """Double a number."""\n'
CHECK = Problem(
    "Made/0",
    DOUBLE,
    "    return 2 * n\n",
    "double",
    "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate('a') == 'aa', 'text'\n",
    prefix=DOUBLE,
)
ASSERTS = Problem(
    "MBPP/0",
    "Write a function to double a number.",
    "def double(n):\n    return 2 * n\n",
    "double",
    "assert double(1) == 2\nassert math.isclose(double(0.5), 1)\n",
    checker="asserts",
    setup="import math",
)


def test_official_program_of_human_eval():
    assert official_program(CHECK, "    return n + n\n") == (
        'def double(n):\n    """Double a number."""\n    return n + n\n\n'
        "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate('a') == 'aa', 'text'\n\n"
        "check(double)\n"
    )


def test_official_program_of_mbpp():
    assert official_program(ASSERTS, "def double(n):\n    return n + n\n") == (
        "def double(n):\n    return n + n\n\nimport math\n"
        "assert double(1) == 2\nassert math.isclose(double(0.5), 1)\n\n"
    )


def test_official_program_of_ds_1000():
    problem = Problem(
        "DS-1000/0", "", "", test="def test_execution(code): ...\ndef test_string(code): ...", checker="ds1000"
    )
    assert official_program(problem, "a = '1'") == (
        "import random as _random, numpy as _numpy; _random.seed(0); _numpy.random.seed(0)\n"
        "import matplotlib as _matplotlib, tempfile as _tempfile\n"
        "_matplotlib.use('Agg'); _tempfile.tempdir = None\n"
        "def test_execution(code): ...\ndef test_string(code): ...\n"
        "code = \"a = '1'\"\ntest_execution(code)\ntest_string(code)\n"
    )

"""Small problems and limits for the tests of wizardcoder/decontamination/execution."""

from __future__ import annotations

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.limits import Agreement, ExecutionLimits

LIMITS = ExecutionLimits(Agreement(0.4, 0.9), call_s=0.03, timeout_s=20, memory_mb=1024)
DEEPEST = Problem(
    "T/depth",
    "",
    """
def deepest(text):
    depth = most = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        most = max(most, depth)
    return most
""",
    "deepest",
    'assert deepest("(()())") == 2\nassert deepest("((()))") == 3\nassert deepest("()") == 1',
    checker="asserts",
)
ODD = Problem(
    "T/odd",
    "",
    "def odd(n):\n    return n % 2 == 1\n",
    "odd",
    "assert odd(5) == True\nassert odd(6) == False\nassert odd(7) == True",
    checker="asserts",
)
LARGEST = Problem(
    "T/largest",
    "",
    "def largest(items, n):\n    return max(items[:n])\n",
    "largest",
    "assert largest([1, 5, 2], 3) == 5\nassert largest([4, 8], 2) == 8\nassert largest([6], 1) == 6",
    checker="asserts",
)
IDENTITY = Problem(
    "T/identity",
    "",
    "def identity(items):\n    return list(items)\n",
    "identity",
    "assert identity([1, 2]) == [1, 2]\nassert identity([3]) == [3]",
    checker="asserts",
)
PROBLEMS = (DEEPEST, ODD, LARGEST, IDENTITY)

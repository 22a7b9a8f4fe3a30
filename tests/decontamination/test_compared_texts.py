"""Which texts are embedded: the prose of a prompt for TF-IDF, everything for a model."""

from __future__ import annotations

import pytest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.records import Example
from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem
from wizardcoder.decontamination.compared_texts import extract_statement, select_embedded_texts


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ('def f(x):\n    """ Double x, twice.\n    >>> f(1)\n    4\n    """\n', "Double x, twice."),
        ('"""\nWrite a function to add.\nassert add(1, 2) == 3\n"""\n', "Write a function to add."),
        (
            "// Return the first word.\n// It is in lower case.\nfn f(s: &str) -> String {",
            "Return the first word. It is in lower case.",
        ),
        ("x = 1", "x = 1"),
    ],
    ids=["humaneval", "mbpp", "multiple", "none"],
)
def test_a_statement_is_the_prose_of_a_prompt(prompt, text):
    assert extract_statement(prompt) == text


def test_a_model_embeds_both_texts_and_tfidf_the_statement_and_the_instruction():
    problem = Problem("Dev/x", 'def f():\n    """Return the number one."""\n', "    return 1\n")
    example = Example("unrelated", None, 0, None, "Write a haiku about the sea.", "Grey waves fold and fold.")
    tests, examples = [BenchmarkProblem("dev", problem)], [example]
    assert select_embedded_texts("tfidf", tests, examples) == (["Return the number one."], [example.instruction])
    assert select_embedded_texts("embedded", tests, examples) == (
        ['def f():\n    """Return the number one."""\n\n    return 1\n'],
        ["Write a haiku about the sea.\nGrey waves fold and fold."],
    )

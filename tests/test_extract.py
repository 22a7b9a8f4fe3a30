"""The code in an answer, by WizardCoder's rule."""

from __future__ import annotations

import pytest

from stages.lib.extract import extract_code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Sure:\n```python\ndef f():\n    return 1\n```\nDone.", "def f():\n    return 1"),
        ("Sure:\n```\nx = 1\n```\n", "x = 1"),
        ("```python\nx = 1\nprint(x)", "x = 1\nprint(x)"),
        ("```python\nx = 1\n```\nor\n```python\nx = 2\n```", "x = 1"),
        ("Output:\n```\n3\n```\nCode:\n```python\nx = 1\n```", "x = 1"),
        ("    return 1", "    return 1"),
        ("\n\n    return 1\n\n", "    return 1"),
        ("", ""),
        ("```python\n```", ""),
        ("```python\nx = 1\nif __name__ == '__main__':\n    main()\n```", "x = 1"),
        ('x = 1\n\n\nif __name__ == "__main__":\n    main()\n', "x = 1"),
        ("x = 1\n\n# Example usage:\nprint(f(1))", "x = 1"),
        ("x = 1\n# Example usage\nprint(1)\nif __name__ == '__main__':\n    main()", "x = 1"),
    ],
    ids=[
        "python fence",
        "plain fence",
        "unclosed fence",
        "first of two fences",
        "a python fence before a plain one",
        "no fence",
        "no fence, indentation stays",
        "empty answer",
        "empty fence",
        "main guard, single quotes",
        "main guard, double quotes",
        "example usage",
        "both cuts",
    ],
)
def test_code_is_taken_out_of_an_answer(answer, code):
    assert extract_code(answer) == code

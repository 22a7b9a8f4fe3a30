"""The code in an answer, by each of the rules that are named beside a score."""

from __future__ import annotations

import pytest

from wizardcoder.benchmarks.extraction_rules import continuation, extract_code

RULES = ("first_fence", "last_fence", "longest_fence")
THREE = "One:\n```python\nx = 1\n```\nTwo:\n```text\na longer block\nof two lines\n```\nThree:\n```\nx = 3\n```\nDone."
JAVA = "import java.util.*;\nclass Problem {\n    // Double it.\n    public static long twice(long n) {\n"
QUOTES = "    while a != '\"' {\n        if b == '\"' { c() }\n    }\n    1\n"
BODY = "        return 2 * n;\n    }\n"


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


@pytest.mark.parametrize(
    ("language", "label"),
    [
        ("python", "python"),
        ("java", "java"),
        ("js", "javascript"),
        ("js", "js"),
        ("cpp", "cpp"),
        ("cpp", "c++"),
        ("php", "php"),
        ("r", "r"),
        ("jl", "julia"),
        ("swift", "swift"),
        ("rs", "rust"),
    ],
)
def test_the_block_labelled_with_the_language_comes_before_any_other(language, label):
    answer = f"Output:\n```\n3\n```\nCode:\n```{label}\ncode(3)\n```\n"
    assert extract_code(answer, "wizardcoder", language) == "code(3)"


@pytest.mark.parametrize(
    ("language", "label"),
    [("python", "py"), ("python", "Python"), ("python", "python3"), ("r", "R"), ("js", "typescript"), ("rs", "rs")],
)
def test_a_label_of_any_kind_is_no_part_of_the_code(language, label):
    assert extract_code(f"```{label}\ncode(3)\n```", "wizardcoder", language) == "code(3)"


@pytest.mark.parametrize(("language", "other"), [("java", "javascript"), ("r", "rust"), ("js", "json")])
def test_a_label_that_only_begins_with_the_languages_name_is_another_languages(language, other):
    answer = f"```{other}\nother\n```\n```{language}\ncode(3)\n```"
    assert extract_code(answer, "wizardcoder", language) == "code(3)"


def test_only_python_is_cut_at_its_main_guard_and_at_example_usage():
    answer = "```julia\nf(x) = x\n# Example usage\nf(1)\n```"
    assert extract_code(answer, "wizardcoder", "jl") == "f(x) = x\n# Example usage\nf(1)"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("wizardcoder", "x = 1"),
        ("first_fence", "x = 1"),
        ("last_fence", "x = 3"),
        ("longest_fence", "a longer block\nof two lines"),
        ("none", THREE),
    ],
)
def test_of_several_blocks_the_rule_takes_its_own(rule, code):
    assert extract_code(THREE, rule) == code


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Sure:\n```python\nx = 1\nprint(x)", "x = 1\nprint(x)"),
        ("```\nx = 1\n```", "x = 1"),
        ("```c++\nint x;\n```", "int x;"),
        ("```python title=a.py\nx = 1\n```", "x = 1"),
        ("```python\n```", ""),
        ("```python\n\n    return 1\n\n```", "    return 1"),
        ("```python\nx = 1\n# Example usage\nprint(x)\n```", "x = 1\n# Example usage\nprint(x)"),
        ("\n    return 1\n", "    return 1"),
        ("", ""),
    ],
    ids=[
        "unclosed fence",
        "plain fence",
        "another label",
        "more after the label",
        "empty fence",
        "indentation stays",
        "nothing is cut",
        "no fence",
        "empty answer",
    ],
)
def test_a_rule_by_place_takes_a_block_whole_whatever_its_label(rule, answer, code):
    assert extract_code(answer, rule) == code


@pytest.mark.parametrize("rule", RULES)
def test_code_between_backticks_within_a_line_is_no_block(rule):
    # of two former parsers the one of the rule `wizardcoder` is kept: it pairs every opening fence with its closing one
    assert extract_code("Call ```add(1, 2)``` as here:\n```python\nadd(1, 2)\n```", rule) == "add(1, 2)"


def test_an_unclosed_block_at_the_end_is_the_last_one():
    assert extract_code("```\nx = 1\n```\nBetter:\n```\nx = 2\n", "last_fence") == "x = 2"


@pytest.mark.parametrize("answer", ["", "\n  x = 1\n", "Sure:\n```python\nx = 1\n```\n"])
def test_the_rule_none_leaves_an_answer_as_it_stands(answer):
    assert extract_code(answer, "none") == answer


@pytest.mark.parametrize(
    ("code", "rest"),
    [
        (BODY, BODY),
        (f"class Problem {{\n    public static long twice(long n) {{\n{BODY}}}\n", f"{BODY}}}\n"),
        (f"public static long twice( long n )  {{\n{BODY}", BODY),
        (f"public static long twice(long n)\n{{\n{BODY}", f"public static long twice(long n)\n{{\n{BODY}"),
        ("    public static long twice(long n) {", ""),
        ("", ""),
    ],
    ids=["a body alone", "the whole class", "other blanks", "another layout", "the signature alone", "nothing"],
)
def test_a_continuation_is_what_follows_the_prefixs_last_line(code, rest):
    assert continuation(JAVA, code, tests_close=False) == rest


def test_a_continuation_begins_after_the_first_line_that_repeats_the_signature():
    code = "fn f() {\n    1\n}\nfn f() {\n    2\n}\n"
    assert continuation("fn f() {\n", code, tests_close=False) == "    1\n}\nfn f() {\n    2\n}\n"


@pytest.mark.parametrize("prefix", ["", "\n\n"])
def test_without_a_prefix_the_code_stands_as_it_is(prefix):
    assert continuation(prefix, "\nx = 1\n", tests_close=False) == "\nx = 1\n"


@pytest.mark.parametrize(
    ("code", "rest"),
    [
        ("fn f() {\n    1\n}\n", "    1\n"),
        ("fn f() {\n    if true { 1 } else { 2 }\n}\nfn main() {\n}\n", "    if true { 1 } else { 2 }\n"),
        ("fn f() {\n    \"}\" // }\n    /* } */\n    '}'\n}\n", "    \"}\" // }\n    /* } */\n    '}'\n"),
        ('fn f() {\n    "\\"}"\n}\n', '    "\\"}"\n'),
        (f"fn f() {{\n{QUOTES}}}\n", QUOTES),
        ("fn f() {\n    1\n", "    1\n"),
        ("    1\n}\n", "    1\n"),
        ("    1\n", "    1\n"),
    ],
    ids=[
        "one function",
        "blocks, and more after it",
        "braces in texts and comments",
        "an escaped quote",
        "a quote as a character",
        "cut short",
        "a body with its brace",
        "a body without",
    ],
)
def test_where_the_tests_close_the_function_its_own_closing_brace_is_left_out(code, rest):
    assert continuation("fn f() {\n", code, tests_close=True) == rest

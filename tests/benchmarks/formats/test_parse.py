"""One row of each benchmark, as its authors publish it, becomes a problem; what is not of the format is refused."""

from __future__ import annotations

import pytest

from wizardcoder.benchmarks.formats.parse import parse_problem
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError

HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def twice(x):\n    """Double x."""\n',
    "entry_point": "twice",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}
PLUS = {
    "task_id": "HumanEval/0",
    "prompt": 'def twice(x):\n    """Double x."""\n',
    "entry_point": "twice",
    "canonical_solution": "    return 2 * x\n",
    "contract": "    assert isinstance(x, int)\n",
    "base_input": [[2], [3]],
    "plus_input": [[0], [-1]],
    "atol": 0,
}
MBPP_PLUS = PLUS | {
    "task_id": "Mbpp/3",
    "prompt": '"""\nDouble x.\nassert twice(2) == 4\n"""\n',
    "assertion": "\nassert 1",
}
MBPP = {
    "text": "Write a function to double x.",
    "code": "def twice(x):\r\n  return 2 * x\r\n",
    "task_id": 11,
    "test_setup_code": "n = 2\r\nm = 3",
    "test_list": ["assert twice(n) == 4", "assert twice(m) == 6"],
    "challenge_test_list": ["assert twice(0) == 0"],
}
SANITIZED = {
    "source_file": "Benchmark Questions Verification V2.ipynb",
    "task_id": 2,
    "prompt": "Write a function to halve x.",
    "code": "def half(x):\n  return x / 2",
    "test_imports": ["import math", "import sys"],
    "test_list": ["assert math.isclose(half(2), 1)", "assert half(4) == 2"],
}
DS1000 = {
    "prompt": "Problem:\nSum a.\nA:\n<code>\n",
    "reference_code": "result = a.sum()",
    "metadata": {"problem_id": 511, "library_problem_id": 220, "library": "Numpy", "test_case_cnt": 1},
    "code_context": "def test_execution(solution: str):\n    pass\n",
}
RUST = {
    "name": "HumanEval_53_add",
    "language": "rs",
    "prompt": "fn add(x: isize, y: isize) -> isize {\n",
    "doctests": "transform",
    "tests": "}\n\nfn main() {\n    assert_eq!(add(0, 1), 1);\n}\n",
    "stop_tokens": ["\n}"],
}


def refusal(name: str, row: dict) -> str:
    with pytest.raises(StageError) as caught:
        parse_problem(name, row, "file:7")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def entry_point(code: str, *tests: str) -> str:
    return parse_problem("mbpp", MBPP | {"code": code, "test_list": list(tests)}, "file:7").entry_point


def test_humaneval_checks_its_prompt_with_the_completion():
    assert parse_problem("humaneval", HUMANEVAL, "file:7") == Problem(
        task_id="HumanEval/0",
        prompt='def twice(x):\n    """Double x."""\n',
        canonical_solution="    return 2 * x\n",
        entry_point="twice",
        test="def check(candidate):\n    assert candidate(2) == 4\n",
        checker="check",
        prefix='def twice(x):\n    """Double x."""\n',
    )


def test_humaneval_plus_compares_on_its_inputs_behind_the_prompt():
    assert parse_problem("humaneval_plus", PLUS | {"test": "def check(): ...", "atol": 1e-6}, "file:7") == Problem(
        task_id="HumanEval/0",
        prompt='def twice(x):\n    """Double x."""\n',
        canonical_solution="    return 2 * x\n",
        entry_point="twice",
        checker="inputs",
        prefix='def twice(x):\n    """Double x."""\n',
        base_inputs=([2], [3]),
        plus_inputs=([0], [-1]),
        atol=1e-6,
    )


def test_humaneval_plus_of_the_hub_holds_its_tests_as_code():
    problem = parse_problem("humaneval_plus", HUMANEVAL, "file:7")
    assert (problem.checker, problem.test) == ("check", "def check(candidate):\n    assert candidate(2) == 4\n")
    assert problem.prefix == problem.prompt


@pytest.mark.parametrize(
    ("found", "inputs"),
    [([], ()), ("", ()), ({}, ()), ("[]", ()), ('[[1, [2]], ["a", null]]', ([1, [2]], ["a", None]))],
)
def test_plus_inputs_may_be_a_text_of_json_or_stand_empty(found, inputs):
    assert parse_problem("humaneval_plus", PLUS | {"plus_input": found}, "file:7").plus_inputs == inputs


def test_special_numbers_and_lone_surrogates_stay_in_inputs():
    inputs = [[float("inf"), -0.0, 10**400], ["\ud800", True, None]]
    assert parse_problem("humaneval_plus", PLUS | {"base_input": inputs}, "file:7").base_inputs == tuple(inputs)


def test_mbpp_plus_compares_on_its_inputs_with_nothing_before_the_completion():
    assert parse_problem("mbpp_plus", MBPP_PLUS, "file:7") == Problem(
        task_id="Mbpp/3",
        prompt='"""\nDouble x.\nassert twice(2) == 4\n"""\n',
        canonical_solution="    return 2 * x\n",
        entry_point="twice",
        checker="inputs",
        base_inputs=([2], [3]),
        plus_inputs=([0], [-1]),
    )


@pytest.mark.parametrize(
    ("task", "args", "converted"),
    [
        (2, [[3, 4], [5]], [(3, 4), (5,)]),
        (63, [[[2, 4], [6]]], [[(2, 4), (6,)]]),
        (75, [[[6, 24], [7]], 6], [[(6, 24), (7,)], 6]),
        (106, [[5, 6], [9, 10]], [[5, 6], (9, 10)]),
        (115, [[[1, 1, 2], [], 7]], [[{1, 2}, {}, {}]]),
        (124, ["0", "1j"], (0.0, 1j)),
        (250, [[10, 8], 8], [(10, 8), 8]),
        (252, ["(1+2j)"], [1 + 2j]),
        (259, [[[1, 3], [4]], [[6]]], [((1, 3), (4,)), ((6,),)]),
        (278, [[1, [2, [3]], "a"]], [(1, (2, [3]), "a")]),
        (307, [["H", 5, []], 2, 50], [("H", 5, []), 2, 50]),
        (580, [[4, [7, [8]]], 1], ((4, (7, (8,))), 1)),
        (722, [{"Ann": [6.2, 70], "Bo": []}, 6.0, 70], [{"Ann": (6.2, 70), "Bo": ()}, 6.0, 70]),
        (3, [[1, [2]]], [[1, [2]]]),
        (793, [[1], 2], [[1], 2]),
    ],
)
def test_mbpp_plus_gets_back_what_json_cannot_hold_as_evalplus_does(task, args, converted):
    row = MBPP_PLUS | {"task_id": f"Mbpp/{task}", "base_input": [args], "plus_input": [args, args]}
    problem = parse_problem("mbpp_plus", row, "file:7")
    assert repr(problem.base_inputs) == repr((converted,))
    assert repr(problem.plus_inputs) == repr((converted, converted))


def test_mbpp_plus_of_the_hub_holds_its_tests_as_code():
    row = SANITIZED | {"test": "inputs = [[2]]\nfor i in inputs:\n    assertion(half(*i), 1, 0)\n"}
    assert parse_problem("mbpp_plus", row, "file:7") == Problem(
        task_id="Mbpp/2",
        prompt='"""\nWrite a function to halve x.\nassert math.isclose(half(2), 1)\n"""\n',
        canonical_solution="def half(x):\n  return x / 2",
        entry_point="half",
        test="inputs = [[2]]\nfor i in inputs:\n    assertion(half(*i), 1, 0)\n",
        checker="asserts",
        setup="import math\nimport sys",
    )


def test_mbpp_shows_its_text_and_tests_in_a_docstring_and_ends_lines_as_unix_does():
    assert parse_problem("mbpp", MBPP, "file:7") == Problem(
        task_id="MBPP/11",
        prompt='"""\nWrite a function to double x.\nassert twice(n) == 4\nassert twice(m) == 6\n"""\n',
        canonical_solution="def twice(x):\n  return 2 * x\n",
        entry_point="twice",
        test="assert twice(n) == 4\nassert twice(m) == 6",
        checker="asserts",
        setup="n = 2\nm = 3",
    )


def test_a_line_end_cut_in_half_is_one():
    assert parse_problem("mbpp_400", MBPP | {"code": "def twice(x):\r\n  return 1\r"}, "file:7").canonical_solution == (
        "def twice(x):\n  return 1\n"
    )


def test_sanitized_mbpp_has_its_imports_as_setup():
    assert parse_problem("mbpp_sanitized", SANITIZED, "file:7") == Problem(
        task_id="MBPP/2",
        prompt=('"""\nWrite a function to halve x.\nassert math.isclose(half(2), 1)\nassert half(4) == 2\n"""\n'),
        canonical_solution="def half(x):\n  return x / 2",
        entry_point="half",
        test="assert math.isclose(half(2), 1)\nassert half(4) == 2",
        checker="asserts",
        setup="import math\nimport sys",
    )


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("assert set(f((3, 4))) == set((4, 5))", "f"),
        ("assert sorted(str(abs(f(1)))) == g(1)", "f"),
        ("assert math.isclose(g(1), f(2), rel_tol=0.1)", "g"),
        ("assert f(g(1)) == 2", "f"),
        ("assert not (f)(1)", "f"),
        ("assert Node(1).add(f(2)) == 3", "Node"),
        ("assert h(1) == 2", "h"),
        ("assert inner(1) == f(1)", "f"),
    ],
)
def test_the_entry_point_is_the_first_call_of_what_the_code_defines(test, name):
    code = "def g(x):\n  return x\nclass Node: pass\ndef f(x):\n  def inner(): pass\n  return '\\d'\nh = lambda x: x"
    assert entry_point(code, test) == name


def test_a_later_assert_names_the_entry_point_where_the_first_calls_nothing():
    assert entry_point("def f(): pass", "assert True", "assert f() is None") == "f"


def test_ds1000_has_its_context_as_test_and_its_library_as_group():
    assert parse_problem("ds1000", DS1000, "file:7") == Problem(
        task_id="DS-1000/511",
        prompt="Problem:\nSum a.\nA:\n<code>\n",
        canonical_solution="result = a.sum()",
        test="def test_execution(solution: str):\n    pass\n",
        checker="ds1000",
        group="Numpy",
    )


def test_multipl_e_is_a_program_of_prompt_completion_and_tests():
    assert parse_problem("multiple_rs", RUST, "file:7") == Problem(
        task_id="HumanEval_53_add",
        prompt="fn add(x: isize, y: isize) -> isize {\n",
        canonical_solution="",
        test="}\n\nfn main() {\n    assert_eq!(add(0, 1), 1);\n}\n",
        checker="program",
        prefix="fn add(x: isize, y: isize) -> isize {\n",
        language="rs",
        group="rs",
        stop=("\n}",),
    )


@pytest.mark.parametrize(
    ("name", "row", "line"),
    [
        ("own", HUMANEVAL | {"task_id": 0}, "task_id: found 0, accepted: a valid string"),
        ("own", HUMANEVAL | {"entry_point": ""}, "entry_point: found '', accepted: String should have at least 1"),
        ("own", HUMANEVAL | {"prompt": "\ud800"}, r"prompt: found '\ud800', accepted: a text in Unicode, without lone"),
        ("own", HUMANEVAL | {"test": ["a" * 99]}, f"test: found ['{'a' * 75}..., accepted: a valid string"),
        ("humaneval_plus", PLUS | {"base_input": [1]}, "base_input.0: found 1, accepted: a valid list"),
        ("humaneval_plus", PLUS | {"base_input": "[]"}, "base_input: found '[]', accepted: a valid list"),
        ("humaneval_plus", PLUS | {"plus_input": "[["}, "plus_input: a text that is not JSON: "),
        ("humaneval_plus", PLUS | {"plus_input": "[1]"}, "plus_input: found '[1]', accepted: a list of argument lists"),
        ("humaneval_plus", PLUS | {"plus_input": None}, "plus_input: found None, accepted: a list of argument lists"),
        ("humaneval_plus", PLUS | {"plus_input": {"a": 1}}, "plus_input: found {'a': 1}, accepted: a list of"),
        ("humaneval_plus", PLUS | {"atol": -1}, "atol: found -1, accepted: greater than or equal to 0"),
        ("humaneval_plus", PLUS | {"atol": float("nan")}, "atol: found nan, accepted: "),
        ("humaneval_plus", PLUS | {"atol": "0"}, "atol: found '0', accepted: a valid number"),
        ("mbpp_plus", PLUS, "task_id: found 'HumanEval/0', accepted: Mbpp/NUMBER"),
        ("mbpp_plus", MBPP_PLUS | {"task_id": "Mbpp/x"}, "task_id: found 'Mbpp/x', accepted: Mbpp/NUMBER"),
        ("mbpp_plus", MBPP_PLUS | {"task_id": "Mbpp/2"}, "base_input or plus_input: not the arguments of Mbpp/2: "),
        ("mbpp_plus", MBPP_PLUS | {"task_id": "Mbpp/124"}, "base_input or plus_input: not the arguments of Mbpp/124: "),
        ("mbpp_plus", MBPP_PLUS | {"task_id": "Mbpp/722"}, "base_input or plus_input: not the arguments of Mbpp/722: "),
        (
            "mbpp",
            SANITIZED,
            "text: missing; found the fields source_file, task_id, prompt, code, test_imports, test_l",
        ),
        ("mbpp", MBPP | {"task_id": "11"}, "task_id: found '11', accepted: a valid integer"),
        ("mbpp", MBPP | {"task_id": True}, "task_id: found True, accepted: a valid integer"),
        ("mbpp", MBPP | {"test_list": "assert f()"}, "test_list: found 'assert f()', accepted: a valid list"),
        ("mbpp", MBPP | {"test_list": []}, "test_list: found [], accepted: List should have at least 1 item"),
        ("mbpp", MBPP | {"test_list": [1]}, "test_list.0: found 1, accepted: a valid string"),
        ("mbpp", MBPP | {"code": "def f(:"}, "code or test_list: not Python: invalid syntax"),
        ("mbpp", MBPP | {"code": "a\0"}, "code or test_list: not Python: source code"),
        (
            "mbpp",
            MBPP | {"code": "def other(): pass"},
            "test_list: found 'assert twice(n) == 4', accepted: asserts that",
        ),
        ("mbpp_sanitized", MBPP, "prompt: missing; found the fields"),
        (
            "ds1000",
            DS1000 | {"metadata": {"problem_id": 1}},
            "metadata.library: missing; found the fields problem_id",
        ),
        ("ds1000", DS1000 | {"metadata": "{}"}, "metadata: found '{}', accepted: an object"),
        ("multiple_java", RUST, "language: found 'rs', accepted: 'java'"),
        ("multiple_rs", RUST | {"stop_tokens": None}, "stop_tokens: found None, accepted: a valid list"),
    ],
)
def test_a_row_that_is_not_of_the_format_is_refused_with_its_field(name, row, line):
    assert refusal(name, row).startswith(f"file:7: {line}")


@pytest.mark.parametrize("field", ["task_id", "prompt", "entry_point", "canonical_solution", "test"])
def test_each_field_of_humaneval_is_needed(field):
    row = {key: value for key, value in HUMANEVAL.items() if key != field}
    assert refusal("own", row).startswith(f"file:7: {field}: missing; found the fields ")

"""The code in an answer and its language: fences first, then signs; prose is no code."""

from __future__ import annotations

import pytest

from wizardcoder.source_code.extraction import Code, extract_program
from wizardcoder.source_code.languages import LANGUAGES, detect_language, parse_tag

ASKED = "Write a function that adds two numbers."


@pytest.mark.parametrize(
    ("response", "code"),
    [
        ("```python\nprint(1)\n```", Code("print(1)\n", "python")),
        ("Here you go:\n\n```py\nprint(1)\n```\nIt prints 1.", Code("print(1)\n", "python")),
        ("~~~python\nprint(1)\n~~~", Code("print(1)\n", "python")),
        ("```python\nprint(1)", Code("print(1)", "python")),
        ("1. First:\n   ```js\n   let x = 1;\n   ```", Code("let x = 1;\n", "javascript")),
        (
            "```\nfunction add(a, b) {\n  return a + b;\n}\n```",
            Code("function add(a, b) {\n  return a + b;\n}\n", "javascript"),
        ),
    ],
)
def test_a_fenced_block_is_the_code_and_its_tag_the_language(response, code):
    assert extract_program(response, ASKED) == code


def test_blocks_of_the_main_language_are_joined_in_their_order_and_others_left_out():
    response = (
        "```bash\npip install x\n```\n```python\ndef add(a, b):\n    return a + b\n```\n```python\nadd(1, 2)\n```"
    )
    assert extract_program(response, ASKED) == Code("def add(a, b):\n    return a + b\n\nadd(1, 2)\n", "python")


def test_an_untagged_block_beside_a_tagged_one_is_output():
    assert extract_program("```python\nprint([1])\n```\nOutput:\n```\n[1] = x\n```", ASKED) == Code(
        "print([1])\n", "python"
    )


def test_a_block_of_text_is_no_code():
    assert extract_program("```text\nx = 1\n```", ASKED) is None


def test_the_main_language_is_that_of_most_text():
    response = "```html\n<p>a</p>\n```\n```css\np { color: red; }\np { margin: 0; }\n```"
    assert extract_program(response, ASKED).language == "css"


def test_a_transcript_of_the_console_gives_what_was_typed():
    response = "```python\n>>> for x in [1]:\n...     print(x)\n1\n>>> 2 + 2\n4\n```"
    assert extract_program(response, ASKED) == Code("for x in [1]:\n    print(x)\n2 + 2", "python")


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ("def f():\n    return 1", "def f():\n    return 1"),
        ("You can write it like this:\n\ndef f():\n    return 1", "def f():\n    return 1"),
        ("For example:\ndef f():\n    return 1\n\nThis function always returns one.", "def f():\n    return 1"),
        ("def f():\n    return 1\n\nprint(f())\n\nOutput:\n1", "def f():\n    return 1\n\nprint(f())"),
        ('"""Write a function that returns one.\n"""\nx = 1', '"""Write a function that returns one.\n"""\nx = 1'),
        ("x = input()\n\nThen you can print it as often as you like:\n\nprint(x)", "x = input()\n\nprint(x)"),
    ],
)
def test_an_answer_without_a_fence_is_code_less_its_prose_and_shown_output(response, text):
    assert extract_program(response, "Do it in Python.") == Code(text, "python")


@pytest.mark.parametrize(
    "response",
    [
        "A function is a block of code that performs an action, while a class is a blueprint for objects.",
        "The output is 5.",
        "[1, 2, 3]",
        "true",
        "1. Read the list.\n2. Sort the list.\n3. Print the list.",
        "speed = 60 km/h",
        "",
    ],
)
def test_prose_and_plain_data_are_no_code(response):
    assert extract_program(response, "What is it?") is None


SAMPLES = {
    "python": "for item in items:\n    print(item)",
    "javascript": "const add = (a, b) => a + b;\nconsole.log(add(1, 2));",
    "typescript": "function add(a: number, b: number): number {\n  return a + b;\n}",
    "java": "public class Main {\n    public static void main(String[] args) {\n        int x = 1;\n    }\n}",
    "csharp": 'using System;\nclass A {\n    static void Main() {\n        Console.WriteLine("a");\n    }\n}',
    "cpp": "#include <iostream>\nint main() {\n    std::cout << 1 << std::endl;\n}",
    "c": '#include <stdio.h>\nint main() {\n    printf("%d", 1);\n    return 0;\n}',
    "php": "<?php\n$a = 1;\necho $a;\n?>",
    "ruby": "def add(a, b)\n  a + b\nend\nputs add(1, 2)",
    "go": 'package main\nimport "fmt"\nfunc main() {\n    fmt.Println(1)\n}',
    "rust": 'fn main() {\n    let mut x = 1;\n    println!("{}", x);\n}',
    "swift": "func add(a: Int, b: Int) -> Int {\n    return a + b\n}\nlet x = add(a: 1, b: 2)",
    "kotlin": "fun add(a: Int, b: Int): Int = a + b\nval x = add(1, 2)",
    "r": "x <- c(1, 2)\nprint(mean(x))",
    "perl": "use strict;\nmy $x = 1;\nmy @y = (1, 2);",
    "bash": '#!/bin/bash\nfor f in *; do\n  echo "$f"\ndone',
    "sql": "SELECT name FROM users\nWHERE age > 30;",
    "html": "<html>\n<body>\n<p>a</p>\n</body>\n</html>",
    "xml": '<?xml version="1.0"?>\n<person>\n  <name>a</name>\n</person>',
    "css": "p {\n  color: red;\n}",
    "json": '{"a": [1, 2]}',
}


@pytest.mark.parametrize(("language", "code"), SAMPLES.items())
def test_code_is_known_by_its_signs_alone(language, code):
    assert detect_language(code, "Write it.") == language


@pytest.mark.parametrize(
    ("instruction", "language"),
    [
        ("Write it.", "python"),
        ("Write a Ruby program.", "ruby"),
        ("Convert this Python code to Ruby.", "python"),
        ("Write a program in R.", "r"),
    ],
)
def test_code_that_fits_several_languages_is_in_the_one_that_the_instruction_names(instruction, language):
    assert detect_language("x = [1, 2]", instruction) == language


@pytest.mark.parametrize(
    ("instruction", "language"),
    [
        ("Write a Java method.", "java"),
        ("Write a JavaScript function.", "javascript"),
        ("Write a C program.", "c"),
        ("Write a C++ program.", "cpp"),
        ("Write a C# program.", "csharp"),
    ],
)
def test_names_that_hold_one_another_are_told_apart(instruction, language):
    assert detect_language("int x = 1;", instruction) == language


def test_signs_outweigh_a_language_that_is_only_named():
    assert detect_language(SAMPLES["javascript"], "Convert this Python code.") == "javascript"


def test_a_language_without_signs_is_known_by_its_name():
    assert detect_language("main = putStrLn (show [x | x <- [1..3]])", "Write a Haskell program.") == "haskell"


@pytest.mark.parametrize(("tag", "language"), [("C++", "cpp"), ("sh", "bash"), ("solution", None), ("", None)])
def test_a_tag_names_a_known_language_or_none(tag, language):
    assert parse_tag(tag) == language


@pytest.mark.parametrize("text", [" ", "\n", " \n", "a ", "(", "a = ", "- "])
def test_an_answer_that_repeats_itself_is_read_all_the_same(text):
    assert extract_program(text * 100_000, "Do it.") in (None, Code(text * 100_000, "python"))


def test_languages_are_lower_case_names():
    assert [name for name in LANGUAGES if name != name.lower() or " " in name] == []

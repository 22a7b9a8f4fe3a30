"""How the syntax of each language other than Python is checked: toolchain, files to try, and how to read complaints.

A table; runs nothing. Answers are often fragments, so code is also tried as the body of a function or a class. Add a
language here, and a right and a wrong example in tests/screening/test_verification.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wizardcoder.sandbox.toolchains import LANGUAGES, Language

_C_HEADERS = ("assert", "ctype", "limits", "math", "stdbool", "stddef", "stdint", "stdio", "stdlib", "string", "time")
_C_PRELUDE = "".join(f"#include <{name}.h>\n" for name in _C_HEADERS)
# what answers use most; including all of C++ takes more than twice as long
_CPP_HEADERS = (
    *("algorithm", "cmath", "cstdlib", "cstring", "iostream", "map", "memory", "queue"),
    *("set", "stack", "string", "unordered_map", "vector"),
)
_CPP_PRELUDE = "".join(f"#include <{name}>\n" for name in _CPP_HEADERS) + "using namespace std;\n"
_JS_METHOD = re.compile(r"\s*(?:async |static )*\w+\([^()]*\)\s*\{")
_IMPORT = re.compile(r"^[ \t]*import [\w.*]+;[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SyntaxCheck:
    """How one language's syntax is checked.

    Attributes:
        tool: the toolchain.
        command: takes a file as its last argument; exit status 0 if the syntax is correct.
        version: prints the toolchain's version, which is part of a verdict's key.
        files: the files to try for some code, by name.
        syntax_complaint: matches a complaint about syntax; any other complaint proves nothing.
        later_complaint: matches a complaint that the tool makes only after it has parsed everything.
    """

    tool: Language
    command: tuple[str, ...]
    version: tuple[str, ...]
    files: Callable[[str], dict[str, str]]
    syntax_complaint: re.Pattern[str]
    later_complaint: re.Pattern[str] | None = None


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.MULTILINE)


_GCC_WRONG = _pattern(
    r"error: (expected|stray|missing terminating|unterminated|invalid suffix|invalid preprocessing|'(else|case|break)'"
    r"|a function-definition is not)"
)
_JAVAC = (
    "javac",
    "-J-XX:+UseSerialGC",
    "-J-XX:TieredStopAtLevel=1",
    "-J-XX:ActiveProcessorCount=2",
    "-encoding",
    "UTF8",
)
CHECKS: Mapping[str, SyntaxCheck] = {
    "javascript": SyntaxCheck(
        LANGUAGES["js"],
        ("node", "--check"),
        ("node", "--version"),
        lambda code: {"answer.cjs": code, "answer.mjs": code} | _js_member(code),
        _pattern("SyntaxError"),
    ),
    "java": SyntaxCheck(
        LANGUAGES["java"],
        (*_JAVAC, "-proc:none", "--should-stop=ifNoError=PARSE", "--should-stop=ifError=PARSE"),
        ("javac", "-version"),
        lambda code: {"Answer.java": code, "Member.java": _in_class(code), "Body.java": _in_method(code)},
        _pattern(r"\.java:\d+: error: "),
    ),
    "cpp": SyntaxCheck(
        LANGUAGES["cpp"],
        ("g++", "-fsyntax-only", "-w", "-fmax-errors=1", "-std=c++17"),
        ("g++", "-dumpfullversion"),
        lambda code: {
            "answer.cpp": code,
            "fragment.cpp": f"{_CPP_PRELUDE}{code}\n",
            "body.cpp": f"{_CPP_PRELUDE}auto answer() {{\n{code}\n}}\n",
        },
        _GCC_WRONG,
    ),
    "c": SyntaxCheck(
        Language("c", "C", ("gcc",), "apt-get install gcc", toolchain_mb=512),
        ("gcc", "-fsyntax-only", "-w", "-fmax-errors=1", "-std=gnu17"),
        ("gcc", "-dumpfullversion"),
        lambda code: {
            "answer.c": code,
            "fragment.c": f"{_C_PRELUDE}{code}\n",
            "body.c": f"{_C_PRELUDE}void answer(void) {{\n{code}\n}}\n",
        },
        _GCC_WRONG,
    ),
    "php": SyntaxCheck(
        LANGUAGES["php"],
        ("php", "-n", "-l"),
        ("php", "-n", "-v"),
        lambda code: {"answer.php": code if "<?" in code else f"<?php\n{code}"},  # else PHP prints it as text
        _pattern("Parse error"),
    ),
    "bash": SyntaxCheck(
        Language("bash", "Bash", ("bash",), "apt-get install bash"),
        ("bash", "-n"),
        ("bash", "--version"),
        lambda code: {"answer.sh": code},
        _pattern("syntax error|unexpected"),
    ),
    "perl": SyntaxCheck(
        Language("perl", "Perl", ("perl",), "apt-get install perl"),
        ("perl", "-c"),  # runs the code's BEGIN blocks, so it needs the sandbox
        ("perl", "-v"),
        lambda code: {"answer.pl": code},
        _pattern("syntax error|Can't find string terminator|Missing right curly|Unmatched"),
    ),
    "ruby": SyntaxCheck(
        Language("ruby", "Ruby", ("ruby",), "apt-get install ruby"),
        ("ruby", "-c"),
        ("ruby", "--version"),
        lambda code: {"answer.rb": code},
        _pattern("syntax error|SyntaxError"),
    ),
    "r": SyntaxCheck(
        LANGUAGES["r"],
        ("Rscript", "--vanilla", "-e", "invisible(parse(commandArgs(TRUE)[1]))"),
        ("Rscript", "--version"),
        lambda code: {"answer.R": code},
        _pattern("Error in parse|unexpected"),
    ),
    "rust": SyntaxCheck(
        LANGUAGES["rs"],
        ("rustc", "--crate-type", "lib", "--emit", "metadata", "--edition", "2021", "-A", "warnings"),
        ("rustc", "--version"),
        lambda code: {"answer.rs": code, "body.rs": f"fn answer() {{\n{code}\n}}\n"},
        _pattern(r"^error: (?!aborting|could not|linking|cannot find)"),
        later_complaint=_pattern(r"^error\[E\d+\]"),
    ),
}


def _js_member(code: str) -> dict[str, str]:
    return {"member.cjs": f"class Answer {{\n{code}\n}}\n"} if _JS_METHOD.match(code) else {}


def _in_class(code: str) -> str:
    imports, rest = "\n".join(_IMPORT.findall(code)), _IMPORT.sub("", code)
    return f"{imports}\nclass Answer {{\n{rest}\n}}\n"


def _in_method(code: str) -> str:
    imports, rest = "\n".join(_IMPORT.findall(code)), _IMPORT.sub("", code)
    return f"{imports}\nclass Answer {{ void answer() {{\n{rest}\n}} }}\n"

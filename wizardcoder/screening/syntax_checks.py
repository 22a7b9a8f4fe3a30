"""Whether code in languages other than Python has correct syntax, told by the language's own toolchain.

In: code, its language, a sandbox. Out: a verdict: `parsed`, `syntax_error`, or `unchecked` where the toolchain is
absent or does not tell. An answer is often a fragment, so it is also tried as the body of a function or a class, and is
wrong only where it is wrong as each of them. Compilers that know no mode for syntax alone stop at the first complaint:
about a name that a fragment does not define, say, which leaves the rest unread, hence `unchecked`. Does not cover:
types, names and libraries, and languages without a check here.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from wizardcoder.sandbox.host import Died, Sandbox, TimedOut, printable
from wizardcoder.sandbox.toolchains import LANGUAGES, Language, tools_absent, tools_environment
from wizardcoder.sandbox.walls import Limits
from wizardcoder.screening.verdicts import TOOL_FAILED, Verification

CHECK_S = 30.0  # wall time of a check; ours: ten times what the slowest, javac, took on two busy cores
_SEPARATOR = "\x1e"
# tries each file, and ends at the first that the tool accepts; a complaint is cut, since some repeat the source
_EACH = """
for file in $FILES; do
    "$@" "$file" >out 2>&1 && exit 0
    head -c 4000 out; printf '\\036'
done
exit 1
"""
_C_HEADERS = ("assert", "ctype", "limits", "math", "stdbool", "stddef", "stdint", "stdio", "stdlib", "string", "time")
_C_PRELUDE = "".join(f"#include <{name}.h>\n" for name in _C_HEADERS)
# what answers use most; all of C++ takes more than twice as long to read
_CPP_HEADERS = (
    *("algorithm", "cmath", "cstdlib", "cstring", "iostream", "map", "memory", "queue"),
    *("set", "stack", "string", "unordered_map", "vector"),
)
_CPP_PRELUDE = "".join(f"#include <{name}>\n" for name in _CPP_HEADERS) + "using namespace std;\n"
_JSX = re.compile(r"(?:return|=>|\()\s*<[A-Za-z>]|</\w*>|/>")
_JS_METHOD = re.compile(r"\s*(?:async |static )*\w+\([^()]*\)\s*\{")
_IMPORT = re.compile(r"^[ \t]*import [\w.*]+;[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Check:
    """How one language's syntax is checked.

    Attributes:
        tool: the toolchain.
        command: takes a file as its last argument; exit status 0 where the syntax is correct.
        version: tells the toolchain's version, by which verdicts are kept.
        files: what is tried for some code, by file name.
        wrong: a complaint about syntax; of any other nothing follows.
        beyond: a complaint that is made only once all is parsed.
    """

    tool: Language
    command: tuple[str, ...]
    version: tuple[str, ...]
    files: Callable[[str], dict[str, str]]
    wrong: re.Pattern[str]
    beyond: re.Pattern[str] | None = None


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
CHECKS: Mapping[str, Check] = {
    "javascript": Check(
        LANGUAGES["js"],
        ("node", "--check"),
        ("node", "--version"),
        lambda code: {"answer.cjs": code, "answer.mjs": code} | _js_member(code),
        _pattern("SyntaxError"),
    ),
    "java": Check(
        LANGUAGES["java"],
        (*_JAVAC, "-proc:none", "--should-stop=ifNoError=PARSE", "--should-stop=ifError=PARSE"),
        ("javac", "-version"),
        lambda code: {"Answer.java": code, "Member.java": _in_class(code), "Body.java": _in_method(code)},
        _pattern(r"\.java:\d+: error: "),
    ),
    "cpp": Check(
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
    "c": Check(
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
    "php": Check(
        LANGUAGES["php"],
        ("php", "-n", "-l"),
        ("php", "-n", "-v"),
        lambda code: {"answer.php": code if "<?" in code else f"<?php\n{code}"},  # else all of it is text to print
        _pattern("Parse error"),
    ),
    "bash": Check(
        Language("bash", "Bash", ("bash",), "apt-get install bash"),
        ("bash", "-n"),
        ("bash", "--version"),
        lambda code: {"answer.sh": code},
        _pattern("syntax error|unexpected"),
    ),
    "perl": Check(
        Language("perl", "Perl", ("perl",), "apt-get install perl"),
        ("perl", "-c"),  # runs the code's BEGIN blocks: one more reason for the sandbox
        ("perl", "-v"),
        lambda code: {"answer.pl": code},
        _pattern("syntax error|Can't find string terminator|Missing right curly|Unmatched"),
    ),
    "ruby": Check(
        Language("ruby", "Ruby", ("ruby",), "apt-get install ruby"),
        ("ruby", "-c"),
        ("ruby", "--version"),
        lambda code: {"answer.rb": code},
        _pattern("syntax error|SyntaxError"),
    ),
    "r": Check(
        LANGUAGES["r"],
        ("Rscript", "--vanilla", "-e", "invisible(parse(commandArgs(TRUE)[1]))"),
        ("Rscript", "--version"),
        lambda code: {"answer.R": code},
        _pattern("Error in parse|unexpected"),
    ),
    "rust": Check(
        LANGUAGES["rs"],
        ("rustc", "--crate-type", "lib", "--emit", "metadata", "--edition", "2021", "-A", "warnings"),
        ("rustc", "--version"),
        lambda code: {"answer.rs": code, "body.rs": f"fn answer() {{\n{code}\n}}\n"},
        _pattern(r"^error: (?!aborting|could not|linking|cannot find)"),
        beyond=_pattern(r"^error\[E\d+\]"),
    ),
}


def absent(language: str) -> str | None:
    """Give why a language cannot be checked here, in one line; None where it can."""
    if language == "json":
        return None
    return tools_absent(CHECKS[language].tool) if language in CHECKS else "no check for this language"


@cache
def version(language: str) -> str:
    """Give the first line that a toolchain says of its version; it is one of `CHECKS` and present."""
    command = CHECKS[language].version
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    lines = (told.stdout.strip() or told.stderr.strip()).splitlines()
    return f"{shutil.which(command[0])} {lines[0] if lines else ''}"


def check_json(code: str) -> Verification:
    """Parse JSON; needs no sandbox, since its parser runs nothing."""
    try:
        json.loads(code)
    except (ValueError, RecursionError) as exc:
        return Verification("syntax_error", "syntax", printable(str(exc)))
    return Verification("parsed", "syntax_only")


def check(sandbox: Sandbox, language: str, code: str, memory_mb: int) -> Verification:
    """Check code in a sandbox of the language's world.

    Args:
        sandbox: with namespaces; a toolchain is more than one process.
        language: one of `CHECKS`, whose toolchain is present.
        code: as a model wrote it.
        memory_mb: of the toolchain, beyond its own share.
    """
    how = CHECKS[language]
    if language == "javascript" and _JSX.search(code):
        return Verification("unchecked", "no_tool", "JSX, which Node.js does not read")
    files = how.files(code)
    environment = {**tools_environment(how.tool), "FILES": " ".join(files), "LC_ALL": "C.UTF-8"}
    bounds, total_mb = _limits(how.tool, memory_mb)
    output = b""
    with sandbox.sample("command", bounds, CHECK_S, total_mb) as sample:
        try:
            output = sample.run(files, [["sh", "-c", _EACH, "sh", *how.command]], environment)
        except (TimedOut, Died) as exc:
            return Verification("unchecked", TOOL_FAILED, printable(str(exc)) or f"took more than {CHECK_S:.0f} s")
    assert sample.ended is not None, "its block has ended"
    complaints = output.decode(errors="replace").split(_SEPARATOR)[:-1]
    return _verification(how, sample.ended.status, complaints)


def _verification(how: Check, status: int, complaints: list[str]) -> Verification:
    if status == 0:
        return Verification("parsed", "syntax_only")
    wrong = [how.wrong.search(complaint) is not None for complaint in complaints]
    told = printable(complaints[0]) if complaints else f"ended with {status}"
    if how.beyond and any(how.beyond.search(c) and not w for c, w in zip(complaints, wrong, strict=True)):
        return Verification("parsed", "syntax_only")
    if wrong and all(wrong):
        return Verification("syntax_error", "syntax", told)
    return Verification("unchecked", "not_alone", told)


def _limits(tool: Language, memory_mb: int) -> tuple[Limits, int]:
    total_mb = memory_mb + tool.toolchain_mb
    bounds = Limits(
        cpu_s=int(2 * CHECK_S),
        memory_mb=None if tool.reserves else total_mb,
        processes=256,  # threads too: the JVM, V8 and rustc start some for each core
        file_mb=64,
        scratch_mb=64,
        open_files=256,
    )
    return bounds, total_mb


def _js_member(code: str) -> dict[str, str]:
    return {"member.cjs": f"class Answer {{\n{code}\n}}\n"} if _JS_METHOD.match(code) else {}


def _in_class(code: str) -> str:
    imports, rest = "\n".join(_IMPORT.findall(code)), _IMPORT.sub("", code)
    return f"{imports}\nclass Answer {{\n{rest}\n}}\n"


def _in_method(code: str) -> str:
    imports, rest = "\n".join(_IMPORT.findall(code)), _IMPORT.sub("", code)
    return f"{imports}\nclass Answer {{ void answer() {{\n{rest}\n}} }}\n"

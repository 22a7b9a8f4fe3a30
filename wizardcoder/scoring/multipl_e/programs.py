"""Build the program that tests a completion in one of MultiPL-E's eight languages and proves that its tests ran.

In: a problem and a completion. Out: files and the commands that compile and run them. The program is MultiPL-E's own
(prompt, completion, tests) with a line at the end of the tests that prints a proof: a text that the completion cannot
know. Does not run anything (run.py).

Covered are cheap ways around the tests: exiting early, printing success or the program's source, swallowing errors,
redefining or disabling assertions. Not covered: code that searches its source or memory for the proof's halves, results
that equal everything (`operator ==` in C++ and Swift, `equals` in Java, methods of `Base.==` or R's generics), C++
macros of words of the tests other than `assert`, and guessing by fork, one process per outcome.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.sandbox.toolchains import javatuples

_JVM = ("-XX:+UseSerialGC", "-XX:ActiveProcessorCount=2")  # few threads on any machine


@dataclass(frozen=True, slots=True)
class TestProgram:
    """A program as the sandbox takes it: its files by name, and the commands that compile and run it."""

    files: dict[str, str]
    steps: tuple[tuple[str, ...], ...]


def cut_at_stop(completion: str, stop: Sequence[str]) -> str:
    """Cut a completion at the first of its stop texts."""
    return completion[: min((at for text in stop if (at := completion.find(text)) >= 0), default=len(completion))]


def build_program(problem: Problem, completion: str, proof: str, memory_mb: int) -> TestProgram:
    """Return the program that tests a completion, which is cut at the problem's stop texts.

    Args:
        problem: with `language`, `prefix`, `test` and `stop`.
        completion: the model's text after `prefix`.
        proof: a fresh random text of letters and digits.
        memory_mb: the JVM's heap.

    Raises:
        StageError: the tests do not have MultiPL-E's form, so there is no place for the proof.
    """
    name = problem.language
    secret = "$" + hashlib.sha256(proof.encode()).hexdigest()[:16]
    # in two halves, so that printing the program's source does not print the proof
    halves = f'"{proof[: len(proof) // 2]}"', f'"{proof[len(proof) // 2 :]}"'
    try:
        tests = _with_original_assertions(name, problem.test)
        tests = _before_last(_END[name], tests, _proof_line(name, *halves, secret))
    except ValueError as exc:
        raise StageError(f"{problem.task_id}: test: found {exc}, accepted: MultiPL-E's tests in {name}") from exc
    source = "Problem.java" if name == "java" else f"problem.{name}"
    files = {source: f"{problem.prefix}{cut_at_stop(completion, problem.stop)}\n{tests}"}
    if name == "js":  # the original assert, under a name that the completion cannot know
        own = f"Object.defineProperty(globalThis, '{secret}', {{ value: Object.freeze(require('node:assert')) }});\n"
        files["before.js"] = own
    return TestProgram(files, _steps(name, source, memory_mb))


def _steps(name: str, source: str, memory_mb: int) -> tuple[tuple[str, ...], ...]:
    """Return the commands of MultiPL-E's evaluator; the JVM's memory and threads and rustc's linker are our choice."""
    binary = ("./problem",)
    if name == "java":
        compiler = ("javac", *(f"-J{option}" for option in (*_JVM, "-XX:TieredStopAtLevel=1")), "-encoding", "UTF8")
        runtime = ("java", "-ea", f"-Xmx{memory_mb}m", *_JVM, "-cp", f".:{javatuples()}", "Problem")
        return (*compiler, "-cp", javatuples(), source), runtime
    steps: dict[str, tuple[tuple[str, ...], ...]] = {
        "js": (("node", "--require", "./before.js", source),),
        "cpp": (("g++", source, "-o", "problem", "-std=c++17"), binary),
        "php": (("php", source),),
        "r": (("Rscript", source),),
        "jl": (("julia", source),),
        "swift": (("swiftc", source, "-o", "problem"), binary),
        # rustc's own linker needs /proc, which a container may forbid to mount
        "rs": (("rustc", source, "-o", "problem", "-C", "link-arg=-fuse-ld=bfd"), binary),
    }
    return steps[name]


def _with_original_assertions(name: str, tests: str) -> str:
    """Return the tests with assertions that a completion cannot redefine."""
    if name == "cpp":
        return _before_first("int main(", tests, _ORIGINAL_ASSERT)
    if name == "r":
        own = '"^(stopifnot|isTRUE|all[.]equal([.].*)?)$", base::ls(base::globalenv(), all.names = TRUE), value = TRUE'
        return f"base::rm(list = base::grep({own}))\n{tests}"
    if name in _ASSERTIONS:
        word, original = _ASSERTIONS[name]
        return re.sub(rf"^([ \t]*){re.escape(word)}", rf"\1{original}", tests, flags=re.MULTILINE)
    return tests


_ORIGINAL_ASSERT = "#undef NDEBUG\n#undef __assert_fail\n#include <assert.h>\n#include <cstdio>\n"
_ASSERTIONS = {"swift": ("assert(", "Swift.assert("), "rs": ("assert_eq!(", "::std::assert_eq!(")}
# The proof is inserted before this line: the end of the block with the tests, which an error in them leaves, whatever a
# completion has set for errors at top level (R's options(error=)). None: the end of the file.
_END = dict.fromkeys(("js", "cpp", "php", "r", "rs"), "}") | {"java": "    }", "jl": None, "swift": None}


def _proof_line(name: str, one: str, two: str, secret: str) -> str:
    """Return the line that prints the proof on a line of its own, provided that assertions still work."""
    julia = 'var"@test" === Test.var"@test" && var"@testset" === Test.var"@testset" && (==) === Base.:(==)'
    lines = {
        # sets the variable only if assertions are enabled
        "java": f'    boolean on = false; assert on = true; if (on) System.out.println("\\n" + {one} + {two});',
        "js": f'  if (assert === {secret}) process.stdout.write("\\n" + {one} + {two} + "\\n");',
        "cpp": f'    std::puts("\\n" {one} {two});',
        "php": f'    echo "\\n" . {one} . {two} . "\\n";',
        "r": f'    base::cat("\\n", {one}, {two}, "\\n", sep = "")',
        "jl": f'{julia} && Base.println("\\n", {one}, {two})',
        "swift": f'Swift.print("\\n" + {one} + {two})',
        "rs": f'    ::std::println!("\\n{{}}{{}}", {one}, {two});',
    }
    return lines[name] + "\n"


def _before_last(mark: str | None, tests: str, text: str) -> str:
    """Insert text before the last line that equals `mark`, or at the end."""
    if mark is None:
        return f"{tests.rstrip()}\n{text}"
    at = f"\n{tests}\n".rfind(f"\n{mark}\n")
    if at < 0:
        raise ValueError(f"no line {mark!r}")
    return tests[:at] + text + tests[at:]


def _before_first(mark: str, tests: str, text: str) -> str:
    """Insert text before the first line that begins with `mark`."""
    at = f"\n{tests}".find(f"\n{mark}")
    if at < 0:
        raise ValueError(f"no line that begins with {mark!r}")
    return tests[:at] + text + tests[at:]

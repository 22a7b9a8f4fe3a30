"""Verdicts on answers: Python by running it, other languages by their toolchain."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import psutil
import pytest

from wizardcoder.core.store import AnswerStore
from wizardcoder.sandbox.errors import SandboxError
from wizardcoder.screening import syntax_checks, verification
from wizardcoder.screening.language_checks import CHECKS
from wizardcoder.screening.verdicts import Verification, accept_continuation
from wizardcoder.screening.verification import Verifier, VerifyLimits, verdict_key, verify_all
from wizardcoder.source_code.extraction import Code

pytestmark = pytest.mark.heavy

PATIENT = VerifyLimits(timeout_s=30, memory_mb=512)  # a busy machine must not fail a test
HASTY = VerifyLimits(timeout_s=1, memory_mb=512)  # for programs that never end
NULL = Verification("ran")


@pytest.fixture(scope="module")
def verifier():
    with Verifier(PATIENT) as made:
        yield made


@pytest.fixture(scope="module")
def hasty():
    with Verifier(HASTY) as made:
        made.verify(Code("print(1)", "python"))
        yield made


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path))
    return tmp_path / verification.FILE_NAME


def short(found: Verification) -> tuple[str, str]:
    return found.verdict, found.reason


RUNS = {
    "a_function": "def f(x):\n    return x",
    "its_main_guard": "if __name__ == '__main__':\n    print(1)",
    "exit_0": "import sys\nsys.exit(0)",
    "exit_as_in_a_console": "exit()",
    "a_dataclass": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nprint(A(1))",
    "pickling": "import pickle\nclass A: pass\npickle.loads(pickle.dumps(A()))",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.sleep(0)\nasyncio.run(f())",
    "threads": "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()",
    "numpy": "import numpy as np\nassert np.zeros(3).sum() == 0",
    "a_file_of_its_own": "with open('a.txt', 'w') as f:\n    f.write('a')\nprint(open('a.txt').read())",
    "a_class_body": "class A:\n    def f(self) -> 'A':\n        return self\nA().f()",
}


@pytest.mark.parametrize("code", RUNS.values(), ids=RUNS)
def test_python_that_reaches_its_end_ran(verifier, code):
    assert verifier.verify(Code(code, "python")) == Verification("ran")


RAISES = {
    "division": ("1 / 0", "ZeroDivisionError", "division by zero"),
    "main_guard": ("if __name__ == '__main__':\n    [][0]", "IndexError", "list index out of range"),
    "missing_name": ("print(undefined)", "NameError", "name 'undefined' is not defined"),
    "its_own": ("class Oops(Exception): pass\nraise Oops('x')", "own_exception", "x"),
    "exit_1": ("raise SystemExit(1)", "SystemExit", "1"),
    "assertion": ("assert 1 == 2, 'no'", "AssertionError", "no"),
    "memory": ("x = [0] * 10 ** 9", "MemoryError", ""),
    "recursion": ("def f(): return f()\nf()", "RecursionError", "maximum recursion depth exceeded"),
    "exit_without_an_error": ("import os\nos._exit(0)", "died", "ended before its last line, with status 0"),
}


@pytest.mark.parametrize(("code", "reason", "detail"), RAISES.values(), ids=RAISES)
def test_python_that_fails_raised_with_reason_and_detail(verifier, code, reason, detail):
    assert verifier.verify(Code(code, "python")) == Verification("raised", reason, detail)


LACKS = {
    "input": ("name = input('Name: ')", "needs_input"),
    "input_in_a_loop": ("while True:\n    try:\n        int(input())\n    except:\n        continue", "needs_input"),
    "stdin": ("import sys\nfor line in sys.stdin:\n    pass", "needs_input"),
    "getpass": ("import getpass\ngetpass.getpass()", "needs_input"),
    "argparse": ("import argparse\np = argparse.ArgumentParser()\np.add_argument('x')\np.parse_args()", "needs_input"),
    "argv": ("import sys\nprint(sys.argv[1])", "needs_input"),
    "a_package": ("import pandas as pd", "absent_package"),
    "its_own_package": ("from . import views", "absent_package"),
    "the_network": ("import urllib.request\nurllib.request.urlopen('http://example.org')", "needs_network"),
    "a_socket": ("import socket\nsocket.create_connection(('10.0.0.1', 80))", "needs_network"),
    "a_file": ("open('data.csv')", "needs_files"),
    "the_system": ("open('/etc/motd', 'w')", "needs_system"),
}


@pytest.mark.parametrize(("code", "reason"), LACKS.values(), ids=LACKS)
def test_python_that_needs_what_the_sandbox_lacks_is_parsed(verifier, code, reason):
    assert short(verifier.verify(Code(code, "python"))) == ("parsed", reason)


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("def f(:\n    pass", "SyntaxError: invalid syntax (answer.py, line 1)"),
        (
            "print 'hello'",
            "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)? (answer.py, line 1)",
        ),
        ("x = 1\0", "ValueError: source code string cannot contain null bytes"),
        ("return 1", "SyntaxError: 'return' outside function (answer.py, line 1)"),
    ],
)
def test_python_that_does_not_compile_is_a_syntax_error(verifier, code, detail):
    found = verifier.verify(Code(code, "python"))
    assert short(found) == ("syntax_error", "syntax")
    assert found.detail.split(":")[0] in ("SyntaxError", "ValueError")
    assert sys.version_info[:2] != (3, 11) or "\0" in code or found.detail == detail


@pytest.mark.parametrize("code", ["while True: pass", "import time\ntime.sleep(60)", "x = 9 ** 9 ** 9"])
def test_python_that_does_not_end_timed_out(hasty, code):
    assert short(hasty.verify(Code(code, "python"))) == ("timed_out", "")


def test_a_fork_bomb_is_contained_and_leaves_no_process(hasty):
    before = set(psutil.Process().children(recursive=True))
    code = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
    assert hasty.verify(Code(code, "python")).verdict == "timed_out"
    assert set(psutil.Process().children(recursive=True)) <= before
    assert short(hasty.verify(Code("print(1)", "python"))) == ("ran", "")


def test_a_write_outside_the_sandbox_does_not_reach_the_machine(verifier, tmp_path):
    target = tmp_path / "owned"
    code = f"import os\nos.makedirs({str(tmp_path)!r}, exist_ok=True)\nopen({str(target)!r}, 'w').write('x')\n"
    verifier.verify(Code(code, "python"))
    assert not target.exists()


def test_the_environment_and_earlier_samples_are_out_of_reach(verifier, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    verifier.verify(Code("open('left.txt', 'w').write('x')\nimport builtins\nbuiltins.left = 1", "python"))
    code = "import os\nassert 'OPENAI_API_KEY' not in os.environ\nassert not os.path.exists('left.txt')\nleft"
    assert short(verifier.verify(Code(code, "python"))) == ("raised", "NameError")


SYNTAX = {
    "javascript": ("const x = 1;\nexport default x;", "const x = ;"),
    "java": ("class A { int add(int a) { return a; } }", "int add(int a { return a }"),
    "c": ('printf("%d", 1);', "int main() { int x = ; }"),
    "cpp": ("int add(int a) { return a; }", "int main() { int x = ; }"),
    "php": ("$x = 1;\necho $x;", "<?php $x = ;"),
    "bash": ("for f in *; do\n  echo $f\ndone", "for f in *; do\n  echo $f"),
    "perl": ("my $x = 1;\nprint $x;", "my $x = ;\nif (1) {"),
    "ruby": ("def add(a, b)\n  a + b\nend", "def add(a, b\n  a +"),
    "r": ("x <- c(1, 2)", "x <- c(1, 2"),
    "rust": ("fn add(a: i32) -> i32 { a + unknown::f() }", "fn add(a: i32 -> i32 { a "),
    "sql": ("SELECT TOP 3 * FROM users;", "SELEC name FROM users WHERE"),
    "json": ('{"a": [1]}', '{"a": [1,]'),
}


@pytest.mark.parametrize("language", SYNTAX)
def test_a_toolchain_accepts_right_syntax_and_refuses_wrong_syntax(verifier, language):
    if language in CHECKS and (reason := syntax_checks.missing_tool(language)) is not None:
        pytest.skip(reason)
    right, wrong = SYNTAX[language]
    assert short(verifier.verify(Code(right, language))) == ("parsed", "syntax_only")
    found = verifier.verify(Code(wrong, language))
    assert short(found) == ("syntax_error", "syntax")
    assert found.detail


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("java", "import java.util.List;\nint add(List<Integer> a) { return a.get(0); }"),
        ("cpp", "cout << 1;\nvector<int> x = {1};"),
        ("javascript", "handleClick(event) {\n  this.x = event;\n}"),
        ("rust", 'let x = 1;\nprintln!("{}", x);'),
    ],
)
def test_a_fragment_is_accepted_if_it_is_valid_as_a_body_or_a_member(verifier, language, code):
    if (reason := syntax_checks.missing_tool(language)) is not None:
        pytest.skip(reason)
    assert short(verifier.verify(Code(code, language))) == ("parsed", "syntax_only")


def test_every_check_is_tested():
    assert SYNTAX.keys() == {*CHECKS, "sql", "json"}


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("c", '#include "absent_header.h"\nint main() { return f(); }'),
        ("cpp", "Node* next = head->next;\nnext = nullptr;"),
        ("perl", "use Absent::Module;\nprint 1;"),
    ],
)
def test_a_complaint_that_is_not_about_syntax_leaves_code_unchecked(verifier, language, code):
    if (reason := syntax_checks.missing_tool(language)) is not None:
        pytest.skip(reason)
    assert short(verifier.verify(Code(code, language))) == ("unchecked", "not_alone")


def test_a_language_without_a_toolchain_is_unchecked(verifier, monkeypatch):
    found = verifier.verify(Code("p { color: red; }", "css"))
    assert found == Verification("unchecked", "no_tool", "no check for this language")
    monkeypatch.setenv("PATH", "/nowhere")
    found = verifier.verify(Code("puts 1", "ruby"))
    assert found == Verification("unchecked", "no_tool", "Ruby: ruby not found; install: apt-get install ruby")
    assert verdict_key(Code("puts 1", "ruby"), PATIENT) is None


def test_jsx_is_unchecked(verifier):
    if (reason := syntax_checks.missing_tool("javascript")) is not None:
        pytest.skip(reason)
    code = "function A() {\n  return <p>a</p>;\n}"
    assert short(verifier.verify(Code(code, "javascript"))) == ("unchecked", "no_tool")


@pytest.mark.skipif(shutil.which("perl") is None, reason="perl is not installed")
def test_code_that_perl_runs_during_its_check_stays_in_the_sandbox(verifier, tmp_path):
    target = tmp_path / "owned"
    verifier.verify(Code(f"BEGIN {{ open(F, '>', '{target}'); print F 1; system('touch {target}'); }}", "perl"))
    assert not target.exists()


@pytest.mark.parametrize(
    ("detail", "reason", "instruction", "verdict"),
    [
        ("name 'items' is not defined", "NameError", "Sort it.\nitems = [3, 1]", "parsed"),
        ("name 'total' is not defined", "NameError", "Use it.\ndef total(x): ...", "parsed"),
        ("name 'items' is not defined", "NameError", "Sort the items.", "raised"),
        ("name 'pritn' is not defined", "NameError", "items = [3, 1]", "raised"),
        ("'type' object is not iterable", "TypeError", "Loop over it.\nlist = [3, 1]", "parsed"),
        ("'int' object is not iterable", "TypeError", "Loop over it.\nlist = [3, 1]", "raised"),
        ("division by zero", "ZeroDivisionError", "zero = 0", "raised"),
    ],
)
def test_an_answer_that_continues_the_instruction_s_code_is_accepted(detail, reason, instruction, verdict):
    assert accept_continuation(Verification("raised", reason, detail), instruction).verdict == verdict


def test_verdicts_come_in_order_whatever_the_number_of_workers(store):
    codes = [Code("1 / 0", "python"), Code("x = 1", "python"), Code("p {}", "css"), Code("1 / 0", "python")]
    found = verify_all(codes, PATIENT, workers=2)
    assert [item.verdict for item in found] == ["raised", "ran", "unchecked", "raised"]


def test_verified_code_is_not_run_again(store, monkeypatch):
    codes = [Code("1 / 0", "python"), Code("x = 1", "python")]
    done: list[int] = []
    first = verify_all(codes, PATIENT, 1, done.append)
    monkeypatch.setattr(verification, "Verifier", None)  # opening a sandbox would fail
    assert verify_all(codes, PATIENT, 1, done.append) == first
    assert done == [1, 1, 1, 1]


def test_a_verdict_is_kept_for_this_code_these_limits_and_this_toolchain(store, monkeypatch):
    code = Code("x = 1", "python")
    one = verdict_key(code, PATIENT)
    assert one == verdict_key(code, PATIENT)
    others = [
        verdict_key(Code("x = 2", "python"), PATIENT),
        verdict_key(code, HASTY),
        verdict_key(Code("x = 1", "sql"), PATIENT),
    ]
    monkeypatch.setattr(sys, "version", "9.9")
    others.append(verdict_key(code, PATIENT))
    assert one not in others
    assert len({json.dumps(other) for other in others}) == 4


def test_an_interrupted_run_keeps_its_verdicts(store):
    codes = [Code(f"x = {n}", "python") for n in range(6)]

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify_all(codes, PATIENT, 1, stop)
    with AnswerStore(store) as kept:
        assert kept.size().answers == 1


def test_an_unavailable_sandbox_ends_the_stage_with_its_reason(store, monkeypatch):
    def refuse(*_: object) -> None:
        raise SandboxError("no walls")

    monkeypatch.setattr("wizardcoder.sandbox.host.Sandbox", refuse)
    with pytest.raises(SandboxError, match="no walls"):
        verify_all([Code("x = 1", "python")], PATIENT, 2)


def test_the_screen_needs_no_torch():
    code = "import sys, stages.screen; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

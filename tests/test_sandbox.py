"""The sandbox: honest code passes, each attack on it fails, nothing of it stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.lib.sandbox import Outcome, run_program

TIMEOUT_S = 20.0  # of code that ends by itself, so that a busy machine fails no test
MEMORY_MB = 1024


def run(program: str, timeout_s: float = TIMEOUT_S, memory_mb: int = MEMORY_MB) -> Outcome:
    return run_program(program, timeout_s, memory_mb)


@pytest.mark.parametrize(
    "program",
    [
        "",
        "def f():\n    return 1\n\nassert f() == 1\n",
        "import tempfile\nwith tempfile.TemporaryFile() as f:\n    f.write(b'x')\nopen('here.txt', 'w').write('x')",
        "print('x' * 2**20)",
        "import sys\nsys.stderr.write('x' * 2**20)",
        "done = False\nif __name__ == '__main__':\n    done = True\nassert done",
        "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\nA(1)",
        "import subprocess\nassert subprocess.run(['true']).returncode == 0",
        "assert 'é中' == '\\u00e9\\u4e2d' and open('a.txt', 'w').write('é中') == 2",
        "try:\n    raise SystemExit(1)\nexcept SystemExit:\n    pass",
    ],
    ids=[
        "empty",
        "a test",
        "files",
        "a megabyte of output",
        "a megabyte of errors",
        "main guard",
        "dataclass",
        "child",
        "unicode",
        "caught exit",
    ],
)
def test_honest_code_passes(program):
    assert run(program) == Outcome(True, "passed")


@pytest.mark.parametrize(
    ("program", "result"),
    [
        ("assert 1 == 2", "failed: AssertionError"),
        ("assert 1 == 2, 'one is not two'", "failed: AssertionError: one is not two"),
        ("def f(:", "failed: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(0)\nassert False", "failed: ended with exit code 0 before its last line"),
        ("import os\nos._exit(0)\nassert False", "failed: ended with exit code 0 before its last line"),
        ("raise SystemExit", "failed: ended with exit code 0 before its last line"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "failed: ended with exit code -9 before"),
        ("print('passed')\nprint('OK 1')\nraise SystemExit(0)", "failed: ended with exit code 0 before its last line"),
        ("input()", "failed: EOFError"),
        ("open('a', 'wb').write(b'x' * 2**27)", "failed: OSError: [Errno 27] File too large"),
        ("fs = [open('/dev/null') for _ in range(99)]", "failed: OSError: [Errno 24] Too many open files"),
        ("x = 'a\x00b'", "failed: SyntaxError: source code string cannot contain null bytes"),
    ],
)
def test_code_that_does_not_reach_its_end_fails_with_its_last_word(program, result):
    outcome = run(program)
    assert not outcome.passed
    assert outcome.result.startswith(result)


def test_an_endless_loop_is_timed_out():
    assert run("while True:\n    pass", timeout_s=1.0) == Outcome(False, "timed out")


def test_a_sleeper_is_timed_out():
    assert run("import time\ntime.sleep(60)", timeout_s=1.0) == Outcome(False, "timed out")


def test_a_thread_that_does_not_end_is_timed_out():
    program = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()"
    assert run(program, timeout_s=1.0) == Outcome(False, "timed out")


def test_a_program_that_ignores_signals_is_timed_out():
    program = (
        "import signal\nfor s in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):\n"
        "    signal.signal(s, signal.SIG_IGN)\nwhile True:\n    pass"
    )
    assert run(program, timeout_s=1.0) == Outcome(False, "timed out")


def test_a_memory_bomb_fails():
    assert run("x = [0] * 10**10", memory_mb=256) == Outcome(False, "failed: MemoryError")


def test_memory_below_the_limit_is_given():
    assert run("x = bytearray(64 * 2**20)", memory_mb=512).passed


def test_a_flood_of_errors_fails_with_a_short_last_word():
    outcome = run("import sys\nwhile True:\n    sys.stderr.write('x' * 2**20)")
    assert not outcome.passed
    assert len(outcome.result) <= len("failed: ") + 300


def test_a_child_process_that_stays_behind_is_ended(tmp_path):
    program = (
        f"import os, time\nif os.fork() == 0:\n    time.sleep(1)\n    open({str(tmp_path / 'alive')!r}, 'w').close()\n"
    )
    assert run(program).passed
    run("import time\ntime.sleep(1.5)")
    assert not (tmp_path / "alive").exists()


def test_the_key_and_the_rest_of_the_environment_are_not_seen(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    outcome = run("import os\nraise ValueError(sorted(os.environ))")
    assert outcome.result == "failed: ValueError: ['HOME', 'LC_ALL', 'PATH']"


def test_the_project_cannot_be_imported():
    assert run("import stages").result == "failed: ModuleNotFoundError: No module named 'stages'"


def test_the_scratch_folder_is_empty_at_first_and_gone_afterwards():
    outcome = run("import os\nopen('a', 'w').close()\nos.mkdir('b')\nraise ValueError(os.getcwd(), os.listdir())")
    folder, _, listing = outcome.result.removeprefix("failed: ValueError: ('").partition("', ")
    assert sorted(listing) == sorted("['a', 'b'])")
    assert Path(folder).name.startswith("sample.")
    assert not Path(folder).exists()


def test_a_run_leaves_no_descriptor_open():
    run("")
    before = len(list(Path("/proc/self/fd").iterdir()))
    run("")
    run("while True:\n    pass", timeout_s=0.2)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    "forgery",
    [
        "import os, sys, __main__\nos.write(int(sys.argv[1]), __main__.proof.encode())\nos._exit(0)",
        "import os, sys\nf = sys._getframe(1).f_globals\nos.write(f['proof_fd'], f['proof'].encode())\nos._exit(0)",
    ],
    ids=["__main__", "frame"],
)
def test_the_proof_cannot_be_forged(forgery):
    assert not run(f"{forgery}\nassert False").passed


@pytest.mark.parametrize(
    "program",
    [
        "import sys\nassert len(sys.argv) == 1",
        "import pickle\nclass A: pass\npickle.loads(pickle.dumps(A()))",
        "import argparse\nargparse.ArgumentParser().parse_args()",
    ],
    ids=["sys.argv", "pickle", "argparse"],
)
def test_the_program_is_the_main_module_without_arguments(program):
    assert run(program) == Outcome(True, "passed")


def test_a_program_that_is_no_unicode_fails():
    assert not run("x = '\ud800'").passed

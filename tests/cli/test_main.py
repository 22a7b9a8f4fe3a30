"""The command line as a whole: help, exit codes, one line per error, nothing heavy imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wizardcoder.cli.main import COMMANDS, GROUPS

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
NAMES = [function.__name__.replace("_", "-") for _, function, _ in COMMANDS]


def start(*args, cwd=ROOT, **variables):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1"} | variables
    command = [sys.executable, "-m", "wizardcoder.cli.main", *args]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def call(*args, cwd=ROOT, **variables):
    process = start(*args, cwd=cwd, **variables)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_help_lists_every_command_under_its_group():
    code, out, err = call("--help")
    assert (code, err) == (0, "")
    for panel, function, _ in COMMANDS:
        assert f"─ {panel} ─" in out
        assert f"│ {function.__name__.replace('_', '-')} " in out
    assert all(f"│ {name} " in out for _, name, _ in GROUPS)


@pytest.mark.parametrize("name", NAMES)
def test_each_command_explains_itself_with_an_example(name):
    code, out, _ = call(name, "--help")
    assert code == 0
    example = " ".join(out.split("Example:")[1].split())
    assert f"wizardcoder {name}" in example
    assert max(map(len, out.splitlines())) <= 100


def test_help_imports_no_library_that_takes_long():
    program = (
        "import sys\nfrom wizardcoder.cli.main import command\ncommand()(['--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'transformers', 'numpy', 'openai', 'dvc', 'datasets', 'pydantic', 'ruamel'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_wrong_usage_exits_with_2():
    code, out, err = call("score")
    assert (code, out) == (2, "")
    assert "Missing option '--benchmark'" in err


def test_an_unknown_command_exits_with_2_and_names_the_nearest():
    code, _, err = call("scores")
    assert code == 2
    assert "Did you mean 'score'" in err


def test_bad_input_exits_with_1_and_one_line(tmp_path):
    (tmp_path / "a.jsonl").write_text("{")
    code, out, err = call("compare", "a.jsonl", "a.jsonl", cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith("error: a.jsonl:1: ")
    assert len(err.splitlines()) == 1


def test_a_file_that_cannot_be_opened_is_one_line(tmp_path):
    code, _, err = call("compare", "no.jsonl", "no.jsonl", cwd=tmp_path)
    assert (code, err) == (1, "error: no.jsonl: No such file or directory\n")


def test_ctrl_c_exits_with_130(tmp_path):
    os.mkfifo(tmp_path / "a.jsonl")
    process = start("compare", "a.jsonl", "a.jsonl", cwd=tmp_path)
    with (tmp_path / "a.jsonl").open("w"):  # it now waits for what this pipe gives
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


def test_the_shell_completes_commands():
    code, out, _ = call(_WIZARDCODER_COMPLETE="complete_bash", COMP_WORDS="wizardcoder sc", COMP_CWORD="1")
    assert (code, out.split()) == (0, ["score"])


def test_version():
    code, out, _ = call("--version")
    assert (code, out.split()[0]) == (0, "wizardcoder")

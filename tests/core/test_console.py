"""What a person sees: errors in one line, exit codes, plain progress, a closing line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from wizardcoder.core import console
from wizardcoder.core.console import StageError

ROOT = Path(__file__).resolve().parents[2]
HEAD = "import os, sys, time\nfrom wizardcoder.core import console\nfrom wizardcoder.core.console import StageError\n"
WAITING = (
    "def main():\n    print('ready', flush=True)\n    time.sleep(60)\n    print('not ended')\nconsole.entry(main)\n"
)


def start(program: str, **env: str) -> subprocess.Popen[str]:
    settings = {key: value for key, value in os.environ.items() if key != "DVC_ROOT"}
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + program],
        env={**settings, "PYTHONPATH": str(ROOT), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_wait_is_a_line_with_its_end_where_there_is_no_terminal(monkeypatch):
    lines = []
    monkeypatch.setattr(console, "say", lines.append)
    with console.track("evolve_r1", 60) as bar:
        console.show_wait("waiting for the rate limit", 1.0)
        assert lines == []  # too short for a line
        console.show_wait("waiting for the rate limit", 100.0)
        console.show_wait("waiting for the rate limit", 50.0)  # ends before the other
        console.show_wait("waiting for the rate limit", 105.0)  # ends soon after it
        bar.advance(60)
    console.show_wait("waiting for the rate limit", 1000.0)
    assert len(lines) == 1
    assert re.fullmatch(r"evolve_r1: 0/60 waiting for the rate limit until [\d-]*\s?\d\d:\d\d:\d\d", lines[0])


@pytest.mark.heavy
def test_a_stage_error_is_one_line_on_stderr_and_exit_code_1():
    process = start(
        "def main():\n    raise StageError('a.json: [bold]no[/bold] ' + 'such file ' * 30)\n" + WAITING[-20:]
    )
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert err.rstrip() == "error: a.json: [bold]no[/bold] " + ("such file " * 30).rstrip()
    assert err.count("\n") == 1


@pytest.mark.heavy
def test_a_file_that_cannot_be_written_is_one_line():
    process = start("def main():\n    raise PermissionError(13, 'Permission denied', 'a.json')\nconsole.entry(main)\n")
    assert process.communicate() == ("", "error: a.json: Permission denied\n")
    assert process.returncode == 1


@pytest.mark.heavy
def test_another_error_keeps_its_traceback():
    process = start("def main():\n    raise ZeroDivisionError('ours')\nconsole.entry(main)\n")
    _, err = process.communicate()
    assert process.returncode == 1
    assert err.startswith("Traceback")
    assert err.endswith("ZeroDivisionError: ours\n")


@pytest.mark.heavy
def test_a_clean_end_is_exit_code_0():
    process = start("console.entry(lambda: None)\n")
    assert process.communicate() == ("", "")
    assert process.returncode == 0


@pytest.mark.heavy
@pytest.mark.parametrize(("number", "code", "err"), [(signal.SIGTERM, 143, ""), (signal.SIGINT, 130, "interrupted\n")])
def test_a_signal_ends_the_stage_with_its_exit_code(number, code, err):
    process = start(WAITING)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.communicate() == ("", err)
    assert process.returncode == code


@pytest.mark.heavy
def test_a_signal_lets_the_stage_clean_up(tmp_path):
    program = (
        "from pathlib import Path\nfrom wizardcoder.core.records import replacing\n"
        "def main():\n    with replacing(Path(sys.argv[-1] or '.') / 'a.txt'):\n"
        "        print('ready', flush=True)\n        time.sleep(60)\nconsole.entry(main)\n"
    ).replace("sys.argv[-1] or '.'", repr(str(tmp_path)))
    process = start(program)
    assert process.stdout.readline() == "ready\n"
    assert [path.suffixes[-1] for path in tmp_path.iterdir()] == [".tmp"]
    process.terminate()
    process.communicate()
    assert process.returncode == 143
    assert list(tmp_path.iterdir()) == []


@pytest.mark.heavy
def test_a_stage_ends_itself_when_dvc_is_gone(tmp_path):
    stage = HEAD + "console.PARENT_POLL_S = 0.05\n" + "try:\n" + re.sub("^", "    ", WAITING, flags=re.MULTILINE)
    stage += "\nexcept SystemExit as exc:\n    print('ended with', exc.code, flush=True)\n"
    dvc = tmp_path / "dvc"
    dvc.write_text(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {stage!r}])\n", encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_ROOT": str(tmp_path)}
    with subprocess.Popen([sys.executable, dvc], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.kill()
        process.wait()
        assert process.stdout.read() == "ended with 143\n"


def test_progress_without_a_terminal_is_plain_lines(monkeypatch, capsys):
    monkeypatch.setattr(console, "PLAIN_EVERY_S", 0.0)
    with console.track("evolve_r1", 3) as bar:
        bar.advance()
        bar.advance(2, note="1 accepted")
    lines = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"evolve_r1: 1/3 \d+\.\d\d/s \d+ s left", lines[0])
    assert re.fullmatch(r"evolve_r1: 3/3 \d+\.\d\d/s 0 s left 1 accepted", lines[1])
    assert len(lines) == 2


def test_progress_without_a_terminal_is_silent_between_its_lines(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr(console, "time", SimpleNamespace(monotonic=lambda: now))
    with console.track("evolve_r1", 1000) as bar:
        for _ in range(999):
            now += 0.01
            bar.advance()
        assert capsys.readouterr().err == ""
        now = console.PLAIN_EVERY_S
        bar.advance()
    assert bar.done == 1000
    assert capsys.readouterr().err == "evolve_r1: 1000/1000 100.00/s 0 s left\n"


def test_the_closing_line_gives_counts_and_seconds(capsys):
    with console.closing_line("seed") as close:
        close(read=3, kept=2)
        close(cache_hits=1)
    assert re.fullmatch(r"seed: 3 read, 2 kept, 1 cache hits in \d+\.\d s\n", capsys.readouterr().err)


def test_a_failing_stage_has_no_closing_line(capsys):
    with pytest.raises(StageError), console.closing_line("seed") as close:
        close(read=3)
        raise StageError("no")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("line", ["[red]x[/red] [/nothing]", "x" * 300, "é 中 🙂", "a\\[b]"])
def test_a_line_is_printed_as_it_is(capsys, line):
    console.say(line)
    assert capsys.readouterr().err == f"{line}\n"


@pytest.mark.parametrize("line", ["error: data/pool.jsonl:100: line: Invalid JSON", "a:1234: b", "see :key: here"])
def test_a_line_with_colons_is_printed_as_it_is(capsys, line):
    console.say(line)
    assert capsys.readouterr().err == f"{line}\n"

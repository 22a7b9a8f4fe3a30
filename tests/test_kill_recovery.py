"""A run that is killed at any moment is repeated with the same command and gives the same outputs."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from ruamel.yaml import YAML

from wizardcoder.core import dvc_locks

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[1]
SEED = 13
KILLS = ("dvc", "stage", "all") * 2
STAGES = ("first", "second", "third")
STAGE = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from wizardcoder.core import console
from wizardcoder.core.records import write_jsonl

def main():
    source, out = sys.argv[1:]
    text = Path(source).read_text()
    for part in range(6):
        write_jsonl(Path(out, f"{{part}}.jsonl"), [{{"part": part, "of": text[-20:], "n": n}} for n in range(50)])
        time.sleep(0.05)

console.entry(main)
"""


@pytest.fixture
def projects(tmp_path):
    """Give two equal projects of three stages; both have a DVC cache of their own."""
    return [build(tmp_path / name) for name in ("undisturbed", "killed")]


def build(path):
    path.mkdir()
    (path / "stage.py").write_text(STAGE)
    (path / "seeds.txt").write_text("seeds\n")
    sources = ("seeds.txt", *(f"data/{name}" for name in STAGES))
    stages = {
        name: {
            "cmd": f"python stage.py {source}{'/5.jsonl' if source.startswith('data') else ''} data/{name}",
            "deps": [source],
            "outs": [f"data/{name}"],
        }
        for name, source in zip(STAGES, sources, strict=False)
    }
    with (path / "dvc.yaml").open("w") as file:
        YAML().dump({"stages": stages}, file)
    run(path, "git", "init", "--quiet")
    run(path, sys.executable, "-m", "dvc", "init", "--quiet")
    return path


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "DVC_"))}
    own = {"PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    return kept | own | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def start(path, *command):
    out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=path, env=environment(), start_new_session=True, **out)


def run(path, *command, code=0):
    process = start(path, *command)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == code, output
    return output


def repeat(path):
    """Start what `make repro` starts."""
    repair = f"{sys.executable} -m wizardcoder.cli.main check --repair"
    return start(path, "/bin/sh", "-c", f"{repair} && {sys.executable} -m dvc repro")


def kill(process, victim):
    """Kill a run's DVC, its stage, or all of its processes."""
    family = psutil.Process(process.pid).children(recursive=True)
    below_dvc = {child.pid for each in family if is_dvc(each) for child in each.children(recursive=True)}
    for each in family:
        if victim == "all" or (is_dvc(each) if victim == "dvc" else each.pid in below_dvc):
            each.kill()
    if victim == "all":
        os.killpg(process.pid, signal.SIGKILL)


def is_dvc(process):
    try:
        return "dvc" in process.cmdline()
    except psutil.Error:
        return False


def digests(path):
    files = sorted(file for file in (path / "data").rglob("*") if file.is_file() and file.name != ".gitignore")
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_a_run_killed_at_random_moments_is_completed_by_the_same_command(projects):
    undisturbed, killed = projects
    began = time.monotonic()
    assert repeat(undisturbed).wait(120) == 0
    seconds = time.monotonic() - began
    moments = random.Random(SEED)
    for victim in KILLS:
        process = repeat(killed)
        time.sleep(moments.uniform(0.2, 1.0) * seconds)
        if process.poll() is None:
            kill(process, victim)
        process.communicate(timeout=120)
    process = repeat(killed)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert digests(killed) == digests(undisturbed)
    assert len(digests(killed)) == 18
    assert run(killed, sys.executable, "-m", "dvc", "status", "--quiet") == ""
    assert dvc_locks.orphaned_stages(killed) == []


def test_an_empty_table_of_locks_stops_dvc_and_is_repaired(projects):
    path = projects[0]
    (path / ".dvc/tmp").mkdir(exist_ok=True)
    (path / ".dvc/tmp/rwlock").touch()
    assert "JSON structure is corrupted" in run(path, sys.executable, "-m", "dvc", "repro", code=255)
    output = run(path, sys.executable, "-m", "wizardcoder.cli.main", "check", "--repair")
    assert output == "repaired: removed .dvc/tmp/rwlock: empty or cut short by a killed DVC process\n"
    assert repeat(path).wait(120) == 0

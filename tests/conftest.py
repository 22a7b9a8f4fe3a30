"""What several tests share: a tiny random model, a folder in which a round of evolution can be run, and a clock."""

from __future__ import annotations

import asyncio
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ruamel.yaml import YAML

from wizardcoder.core.records import PoolItem, write_jsonl

ROOT = Path(__file__).resolve().parents[1]


class Room:
    """A project folder with a pool of twelve instructions and the real params.yaml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        pool = [PoolItem(f"seed{n}", f"Write a function that adds {n} to a number.") for n in range(12)]
        write_jsonl(folder / "data/rounds/r0/pool.jsonl", pool)
        own = {"WC_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "any"}
        self.env = {**os.environ, **own}

    def write_params(self, url, **changes):
        """Write params.yaml with another endpoint; `a__b=c` sets a.b to c."""
        params = YAML().load((ROOT / "params.yaml").read_text())
        params["teacher"]["base_url"] = url
        for key, value in changes.items():
            *path, last = key.split("__")
            node = params
            for part in path:
                node = node[part]
            node[last] = value
        with (self.folder / "params.yaml").open("w") as file:
            YAML().dump(params, file)

    def start(self, *args):
        """Start `python -m stages.evolve` with these arguments."""
        command = [sys.executable, "-m", "stages.evolve", *map(str, args)]
        out = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=self.env, **out)

    def call(self, *args):
        """Run it to its end."""
        process = self.start(*args)
        out, err = process.communicate(timeout=180)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def __call__(self, url, **changes):
        """Evolve round 1."""
        self.write_params(url, **changes)
        return self.call("--round", 1)


class Clock:
    """A clock that stands still while a coroutine works and jumps to its next timer when it only waits for that."""

    def __init__(self) -> None:
        self.now = 1000.0

    def run(self, main, still=lambda: True):
        """Run a coroutine by this clock, which does not jump before `still()`: nothing is on its way in real time."""
        clock, polls = self, 0

        class Selector(selectors.DefaultSelector):
            def select(self, timeout=None):
                nonlocal polls
                events = super().select(0)
                if events or timeout == 0:
                    polls = 0
                elif timeout is not None and still():
                    clock.now += timeout + 1e-6  # later than asked for by a moment, as every clock
                else:
                    events, polls = super().select(0.01), polls + 1
                    assert polls < 6000, "nothing happened for a minute"
                return events

        class Loop(asyncio.SelectorEventLoop):
            def time(self):
                return clock.now

        with asyncio.Runner(loop_factory=lambda: Loop(Selector())) as runner:
            return runner.run(main)


@pytest.fixture
def clock(monkeypatch):
    """Give a clock by which the pace, the transport and the mock endpoint live during the test."""
    own = Clock()
    for module in ("wizardcoder.teacher.rate_limit", "wizardcoder.teacher.endpoint", "bench.mock_endpoint"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(monotonic=lambda: own.now, time=time.time))
    return own


@pytest.fixture(scope="session", autouse=True)
def interruptible():
    """Let SIGINT reach the processes that tests start: a shell that starts pytest in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def room(tmp_path):
    """Give a folder in which a round of evolution can be run."""
    return Room(tmp_path)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a transformers directory: two layers, 32 wide, random weights, a byte-level tokenizer."""
    from tiny_model import build

    directory = tmp_path_factory.mktemp("tiny") / "model"
    build(directory)
    return directory


@pytest.fixture(scope="module")
def browser():
    """Give a headless Chromium; without one the tests that need it are skipped."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium in PATH (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program)
        yield found
        found.close()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory):
    """Give a small copy of the project whose pipeline has run; a test that changes it takes a `copy_of` it."""
    from finished_project import build

    return build(tmp_path_factory.mktemp("finished") / "project")


@pytest.fixture(scope="session")
def quick_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the quick pipeline, run and committed; to be copied, not used."""
    from quick_pipeline import QuickProject

    return QuickProject.build(tmp_path_factory.mktemp("quick") / "project").path


@pytest.fixture(scope="module")
def quick_project(quick_template: Path, tmp_path_factory: pytest.TempPathFactory):
    """Give a module's own quick pipeline, which its tests share."""
    from quick_pipeline import QuickProject

    return QuickProject(shutil.copytree(quick_template, tmp_path_factory.mktemp("quick") / "project", symlinks=True))

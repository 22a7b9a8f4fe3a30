"""Shared fixtures: a project folder for one round of evolution, a test clock, a tiny model, finished pipelines."""

from __future__ import annotations

import asyncio
import json
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
from wizardcoder.evolution.seed_round import select_seeds
from wizardcoder.evolution.seed_source import SeedParams

pytest_plugins = ["heavy"]

ROOT = Path(__file__).resolve().parents[1]


class Room:
    """A project folder with a pool of twelve instructions, a file of the same seeds and the real params.yaml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        pool = [PoolItem(f"seed{n}", f"Write a function that adds {n} to a number.") for n in range(12)]
        write_jsonl(folder / "data/rounds/r0/pool.jsonl", pool)
        self.seeds = [{"instruction": item.instruction, "output": "x" * 30} for item in pool]
        (folder / "seeds.json").write_text(json.dumps(self.seeds))
        own = {"WC_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "any"}
        self.env = {**os.environ, **own}

    def write_params(self, url, **changes):
        """Write params.yaml with another endpoint; `a__b=c` sets a.b to c."""
        params = YAML().load((ROOT / "params.yaml").read_text())
        params["teacher"]["base_url"] = url
        params["seed"] = {"source": "seeds.json", "limit": None}
        for key, value in changes.items():
            *path, last = key.split("__")
            node = params
            for part in path:
                node = node[part]
            node[last] = value
        with (self.folder / "params.yaml").open("w") as file:
            YAML().dump(params, file)

    def write_round_0(self):
        """Write the pool that the stage seed makes of the seeds, whose ids are hashes."""
        seeds, _ = select_seeds(self.seeds, SeedParams("seeds.json", None), 42)
        pool = [PoolItem(seed.id, seed.instruction) for seed in seeds]
        write_jsonl(self.folder / "data/rounds/r0/pool.jsonl", pool)

    def start(self, *args):
        """Start `python` with these arguments in the folder."""
        out = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([sys.executable, *map(str, args)], cwd=self.folder, env=self.env, **out)

    def call(self, *args):
        """Run `python` with these arguments to its end."""
        process = self.start(*args)
        out, err = process.communicate(timeout=180)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def __call__(self, url, **changes):
        """Evolve round 1."""
        self.write_params(url, **changes)
        return self.call("-m", "stages.evolve", "--round", 1)


class Clock:
    """A clock that stops while a coroutine works, and jumps to the next timer when the coroutine waits for it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def run(self, main, still=lambda: True):
        """Run a coroutine on this clock; it jumps only when `still()`: nothing happens in real time."""
        clock, polls = self, 0

        class Selector(selectors.DefaultSelector):
            def select(self, timeout=None):
                nonlocal polls
                events = super().select(0)
                if events or timeout == 0:
                    polls = 0
                elif timeout is not None and still():
                    clock.now += timeout + 1e-6  # slightly late, as a real clock
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
    """Return a clock that rate limiting, the endpoint and the mock endpoint use during the test."""
    own = Clock()
    for module in ("wizardcoder.teacher.rate_limit", "wizardcoder.teacher.endpoint", "bench.mock_endpoint"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(monotonic=lambda: own.now, time=time.time))
    return own


@pytest.fixture(scope="session", autouse=True)
def interruptible():
    """Let SIGINT reach the processes that tests start: it is ignored if a shell runs pytest in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def room(tmp_path):
    """Return a project folder for one round of evolution."""
    return Room(tmp_path)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a transformers directory: two layers, 32 wide, random weights, a byte-level tokenizer."""
    from tiny_model import build

    directory = tmp_path_factory.mktemp("tiny") / "model"
    build(directory)
    return directory


@pytest.fixture(scope="module")
def browser():
    """Return a headless Chromium; tests that need it are skipped if there is none."""
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
    """Return a small copy of the project whose pipeline has run; a test that changes it takes a `copy_of` it."""
    from finished_project import build

    return build(tmp_path_factory.mktemp("finished") / "project")


@pytest.fixture(scope="session")
def quick_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the quick pipeline, run and committed; copy it before use."""
    from quick_pipeline import QuickProject

    return QuickProject.build(tmp_path_factory.mktemp("quick") / "project").path


@pytest.fixture(scope="module")
def quick_project(quick_template: Path, tmp_path_factory: pytest.TempPathFactory):
    """Return a module's own quick pipeline, which its tests share."""
    from quick_pipeline import QuickProject

    return QuickProject(shutil.copytree(quick_template, tmp_path_factory.mktemp("quick") / "project", symlinks=True))

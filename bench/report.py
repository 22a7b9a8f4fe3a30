"""Measure how long the report takes to write and to open, by its number of samples.

In: instruction-response pairs in Alpaca format, numbers of samples. Out: a table: seconds of the stage, size of the
page, and what a user who opens it in Chromium waits for: the first paint, the first entries of the list, a search
through all texts.

    python bench/report.py --pairs code_alpaca_2k.json --samples 1000 100000
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.made_run import Pair, write_run

ROOT = Path(__file__).resolve().parent.parent
STEPS_PER_SEED = 5  # the seed and four attempts
SEARCHED = "zyzzyva"  # a word that no sample contains, so that all are searched
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="a .json file in Alpaca format")
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--runs", type=int, default=3, help="openings; the table shows the median")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="default: the first in PATH")
    options = parser.parse_args()
    rows = json.loads(options.pairs.read_text(encoding="utf-8"))
    pairs = [(f"{row['instruction']}\n{row['input']}".strip(), row["output"]) for row in rows]
    print("| samples | texts MB | stage s | peak MB | page MB | paint s | entries s | whole s | search s |")
    print("|---|---|---|---|---|---|---|---|---|")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for samples in options.samples:
            place = Path(folder) / str(samples)
            _measure(place, pairs, samples, options.runs, browser)
            shutil.rmtree(place)


def _measure(place: Path, pairs: list[Pair], samples: int, runs: int, browser: Browser) -> None:
    made = write_run(place, pairs, samples // STEPS_PER_SEED, [("Dev/0", "def f():\n")])
    params = YAML().load(ROOT / "params.yaml")
    params["report"]["samples"] = made
    YAML().dump(params, place / "params.yaml")
    (place / "bundled").symlink_to(ROOT / "bundled")
    texts = sum(path.stat().st_size for path in (place / "data/rounds").rglob("*.jsonl"))
    start = time.perf_counter()
    command = [sys.executable, "-m", "stages.report"]
    subprocess.run(command, cwd=place, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    page = place / "report/index.html"
    opened = [_open(browser, page) for _ in range(runs)]
    times = " | ".join(f"{median(each):.2f}" for each in zip(*opened, strict=True))
    size = page.stat().st_size / 1e6
    print(f"| {made:,} | {texts / 1e6:.1f} | {seconds:.1f} | {peak:.0f} | {size:.1f} | {times} |", flush=True)


def _open(browser: Browser, page: Path) -> tuple[float, float, float, float]:
    """Return the seconds to the first paint, to the first entries, to the end of the file, and of a search."""
    tab = browser.new_page()
    tab.add_init_script(
        "new MutationObserver((_, self) => { if (document.querySelector('#samples-list li')) {"
        " window.entriesAt = performance.now(); self.disconnect(); } })"
        ".observe(document, { childList: true, subtree: true });"
    )
    tab.goto(page.as_uri(), wait_until="load")
    tab.wait_for_selector("#samples-list li")
    paint, entries, whole = (
        tab.evaluate(f"{what} / 1000")
        for what in (PAINT, "window.entriesAt", "performance.getEntriesByType('navigation')[0].loadEventEnd")
    )
    start = time.perf_counter()
    tab.fill("#samples-form [name=text]", SEARCHED)
    tab.wait_for_selector("#samples-list .status:text-matches('^0 of')", timeout=120_000)
    search = time.perf_counter() - start
    tab.close()
    return paint, entries, whole, search


if __name__ == "__main__":
    main()

"""Measure how fast the evolve engine is, and what it loses, with a mock endpoint in its own process.

In: names of scenarios (default: all). Out: a table on the terminal. Each scenario runs `evolve_file` on new files in
its own process. "command" is the time from exec to exit; "engine" is the time that the command reports, without the
imports and the params. The floor is requests x latency / concurrency, or the time that the server's limit takes. "of
bare" compares with a bare aiohttp client that sends bodies of the same size after each round: the median of the
rounds' ratios.

    python bench/evolve.py [--runs 3] [NAME ...]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
LATENCY_S = 0.2
TOKENS = 2175.0  # that the mock's limit counts for a request, on average
PROGRAM = """
import sys
from pathlib import Path
from wizardcoder.core import console
from wizardcoder.evolution.standalone import evolve_file, standalone_params

def main():
    params = standalone_params(sys.argv[1], "m", concurrency=int(sys.argv[2]))
    with console.closing_line("evolve"):
        evolve_file(params, *map(Path, ("in.jsonl", "out.jsonl", "work")))

console.entry(main)
"""
BARE = """
import asyncio, json, sys, time
import aiohttp
url, concurrency, requests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

async def main():
    slots = asyncio.Semaphore(concurrency)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(number):
            message = {"role": "user", "content": f"question {number} " * 50}
            body = {"model": "m", "messages": [message], "temperature": 0.5, "max_tokens": 2048, "seed": number}
            async with slots, session.post(f"{url}/chat/completions", data=json.dumps(body)) as reply:
                json.loads(await reply.read())

        await asyncio.gather(*(one(n) for n in range(requests)))

started = time.monotonic()
asyncio.run(main())
print(time.monotonic() - started)
"""


@dataclass(frozen=True)
class Scenario:
    """One line of the table."""

    name: str
    records: int = 2000
    concurrency: int = 64
    endpoint: dict[str, float | str] = field(default_factory=dict)
    rates: tuple[tuple[float, float], ...] = ()  # (seconds, requests per second from then on)
    bare: bool = False  # compare with a bare client
    kill_after: int | None = None

    def floor_s(self) -> float:
        """Return the shortest possible time."""
        left = 2.0 * self.records
        ends = [*(start for start, _ in self.rates[1:]), math.inf]
        for (start, rate), end in zip(self.rates, ends[: len(self.rates)], strict=True):
            if left <= rate * (end - start):
                return start + left / rate
            left -= rate * (end - start)
        return left * LATENCY_S / self.concurrency


SCENARIOS = (
    Scenario("64 in flight", bare=True),
    Scenario("256 in flight", concurrency=256, bare=True),
    Scenario("10x records", records=20_000, concurrency=256),
    Scenario("5 % 429, 2 % 500", endpoint={"p429": 0.05, "p500": 0.02, "retry-after-s": 1}),
    Scenario("100 requests/s", endpoint={"rate-limit": 100}, rates=((0, 100),)),
    Scenario(
        "100, 40, 200 requests/s",
        endpoint={"rate-limit": 100, "rate-changes": "[[15, 40], [35, 200]]"},
        rates=((0, 100), (15, 40), (35, 200)),
    ),
    # each request counts as its 2,048 tokens at most and about 130 of the prompt
    Scenario("13 M tokens/min", endpoint={"tokens-per-minute": 13e6}, rates=((0, 13e6 / 60 / TOKENS),)),
    Scenario("kill -9", kill_after=1000),
)


@dataclass
class RunResult:
    """The measurements of one run."""

    seconds: float
    engine_s: float
    cpu_s: float
    peak_mb: float
    stats: dict[str, int]
    written: int
    in_order: bool
    bare_s: float | None = None


def main() -> None:
    """Run the scenarios and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    known = [scenario.name for scenario in SCENARIOS]
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"found {unknown[0]!r}, accepted: {', '.join(map(repr, known))}")
    table = Table(
        "scenario", "requests", "floor s", "command s", "engine s", "engine/floor", "requests/s", "of bare", "CPU ms"
    )
    table.add_column("peak MB")
    for column in ("refused", "early", "asked twice", "lost", "in order"):
        table.add_column(column)
    for scenario in SCENARIOS:
        if options.names and scenario.name not in options.names:
            continue
        table.add_row(*format_row(scenario, [run_scenario(scenario) for _ in range(options.runs)]))
    Console(width=170).print(table)


def format_row(scenario: Scenario, results: list[RunResult]) -> list[str]:
    """Format a scenario's line: medians over the runs, worst cases of the counts that must be zero."""
    seconds = statistics.median(r.seconds for r in results)
    engine_s = statistics.median(r.engine_s for r in results)
    requests = 2 * scenario.records
    worst = {name: max(r.stats.get(name, 0) for r in results) for name in ("early", "429", "twice")}
    killed = scenario.kill_after is not None
    ratios = [r.bare_s / r.engine_s for r in results if r.bare_s is not None]
    return [
        scenario.name,
        f"{requests:,}",
        "" if killed else f"{scenario.floor_s():.1f}",
        "" if killed else f"{seconds:.1f}",
        "" if killed else f"{engine_s:.1f}",
        "" if killed else f"{engine_s / scenario.floor_s():.2f}",
        "" if killed else f"{requests / engine_s:.0f}",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else "",
        f"{statistics.median(r.cpu_s for r in results) / requests * 1000:.2f}",
        f"{max(r.peak_mb for r in results):.0f}",
        str(worst["429"]),
        str(worst["early"]),
        str(worst["twice"]),
        str(max(scenario.records - r.written for r in results)),
        "yes" if all(r.in_order for r in results) else "NO",
    ]


def run_scenario(scenario: Scenario) -> RunResult:
    """Run one scenario once."""
    with tempfile.TemporaryDirectory() as folder, serve_mock(scenario.endpoint) as url:
        work = Path(folder)
        seeds = [{"id": f"s{n}", "instruction": f"Write a function that adds {n}."} for n in range(scenario.records)]
        (work / "in.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
        command = [sys.executable, "-c", PROGRAM, url, str(scenario.concurrency)]
        if scenario.kill_after is not None:
            killed = subprocess.Popen(command, cwd=work, env=environment(), stderr=subprocess.DEVNULL)
            while read_stats(url).get("answered", 0) < scenario.kill_after:
                time.sleep(0.02)
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=work, env=environment(), stderr=subprocess.PIPE)
        assert process.stderr is not None
        log = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        if status:
            raise SystemExit(f"{scenario.name}: exit status {status}: {log[-500:]}")
        written = [json.loads(line)["parent_id"] for line in (work / "out.jsonl").read_text().splitlines()]
        counts = read_stats(url)
        counts["twice"] = counts.get("answered", 0) - 2 * scenario.records
        bare_s = run_bare(url, scenario) if scenario.bare else None
        in_order = written == [seed["id"] for seed in seeds]
        return RunResult(
            seconds,
            float(log.split()[-2]),
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
            counts,
            len(written),
            in_order,
            bare_s,
        )


def run_bare(url: str, scenario: Scenario) -> float:
    """Send as many requests with a bare client; return its seconds without the imports."""
    command = [sys.executable, "-c", BARE, url, str(scenario.concurrency), str(2 * scenario.records)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@contextmanager
def serve_mock(options: dict[str, float | str]) -> Any:  # noqa: ANN401 - an iterator of the URL
    """Start the mock endpoint in its own process; yield its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "bench/mock_endpoint.py"), "--port", str(port)]
    for name, value in ({"latency-s": LATENCY_S, "jitter": 0.25} | options).items():
        command += [f"--{name}", str(value)]
    process = subprocess.Popen(command, env=environment())
    try:
        url = f"http://127.0.0.1:{port}/v1"
        for _ in range(100):
            try:
                read_stats(url)
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def read_stats(url: str) -> dict[str, int]:
    """Read the mock's counts."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as reply:
        counts: dict[str, int] = json.load(reply)
    return counts


def environment() -> dict[str, str]:
    """Return variables that make the project importable in child processes."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "none"}


if __name__ == "__main__":
    main()

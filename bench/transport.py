"""Measure the CPU time per request of each way to send a chat completion, from the SDK's typed call to bare aiohttp.

In: nothing. Out: a table on the terminal. Each way sends the same requests, 64 at once, to the mock endpoint in its own
process; the CPU time is that of the client.

    python bench/transport.py
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import openai
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.evolve import serve_mock
from wizardcoder.teacher.http import LeanOpenAI

REQUESTS = 2000
WARM_UP = 200
IN_FLIGHT = 64
Way = Callable[[dict[str, Any]], Awaitable[object]]


async def measure_all(url: str) -> list[tuple[str, float]]:
    """Return (way, CPU milliseconds per request)."""
    stock = openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0, http_client=openai.DefaultAioHttpClient())
    lean = LeanOpenAI(url, "k", 60)
    async with stock, lean, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def bare(body: dict[str, Any]) -> object:
            async with session.post(f"{url}/chat/completions", data=json.dumps(body)) as reply:
                return json.loads(await reply.read())

        async def plain(client: openai.AsyncOpenAI, body: dict[str, Any]) -> object:
            reply = await client.post("/chat/completions", cast_to=httpx2.Response, body=body)
            return json.loads(reply.content)

        async def encoded(body: dict[str, Any]) -> object:
            reply = await lean.post_encoded("/chat/completions", json.dumps(body).encode())
            return json.loads(reply.content)

        ways: dict[str, Way] = {
            "AsyncOpenAI, chat.completions.create": lambda body: stock.chat.completions.create(**body),
            "AsyncOpenAI, post": lambda body: plain(stock, body),
            "LeanOpenAI (used)": encoded,
            "bare aiohttp": bare,
        }
        return [(name, await measure_way(way)) for name, way in ways.items()]


async def measure_way(way: Way) -> float:
    """Send the requests in one way; return CPU milliseconds per request."""
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> None:
        message = {"role": "user", "content": f"question {number} " * 50}
        async with slots:
            await way({"model": "m", "messages": [message], "temperature": 0.5, "max_tokens": 256, "seed": number})

    await asyncio.gather(*(one(n) for n in range(WARM_UP)))
    started = time.process_time()
    await asyncio.gather(*(one(n) for n in range(WARM_UP, WARM_UP + REQUESTS)))
    return (time.process_time() - started) / REQUESTS * 1000


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    table = Table("way", "CPU ms/request")
    with serve_mock({"latency-s": 0.05}) as url:
        for name, value in asyncio.run(measure_all(url)):
            table.add_row(name, f"{value:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

"""Draws real samples of HumanEval from the embedded model, for benchmarks/evaluate.py.

    python benchmarks/draw_samples.py --out samples.jsonl

The field's protocol for pass@k: 20 completions of each problem at temperature 0.2, top_p 0.95, cut at the stop
sequences of the Codex paper (arXiv 2107.03374, section 2.2), by a server of one thread on each core. What is drawn is
kept, so the same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from openai import AsyncOpenAI

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stages.lib.answers import AnswerStore, Key
from stages.lib.benchmarks import load_benchmark
from stages.lib.cache import cache_dir
from stages.lib.console import track
from stages.lib.embedded import GGUF_SHA256, gguf_path
from stages.lib.local_server import serve
from stages.lib.problem import Problem
from stages.lib.records import write_jsonl

SAMPLING = {"temperature": 0.2, "top_p": 0.95, "stop": ["\nclass", "\ndef", "\n#", "\nif", "\nprint"]}
STORE = "drawn.sqlite"
SLOTS, CONTEXT_TOKENS = 16, 2048


def main() -> None:
    """Draw and write the samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=20, help="samples of a problem")
    parser.add_argument("--take", type=int, help="the first so many problems")
    parser.add_argument("--max-tokens", type=int, default=256)
    options = parser.parse_args()
    problems = load_benchmark("humaneval")[: options.take]
    with ExitStack() as stack:
        urls = [stack.enter_context(served(core)) for core in sorted(os.sched_getaffinity(0))]
        store = stack.enter_context(AnswerStore(cache_dir() / STORE))
        completions = asyncio.run(drawn(urls, store, problems, options.each, options.max_tokens))
    lines = [
        {"task_id": problem.task_id, "completion": completion}
        for problem, own in zip(problems, completions, strict=True)
        for completion in own
    ]
    print(f"{write_jsonl(options.out, lines)} samples, {len({tuple(line.values()) for line in lines})} distinct")


@contextmanager
def served(core: int) -> Iterator[str]:
    """Serve the model on one core; yields the base URL."""
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})  # the server's, which it inherits
    with serve(gguf_path(), SLOTS, CONTEXT_TOKENS, threads=1) as url:
        os.sched_setaffinity(0, all_cores)
        yield url


async def drawn(
    urls: Sequence[str], store: AnswerStore, problems: Sequence[Problem], each: int, max_tokens: int
) -> list[list[str]]:
    """Give `each` completions of each problem, each with a seed of its own."""
    free: asyncio.Queue[AsyncOpenAI] = asyncio.Queue()
    for url in urls * SLOTS:
        free.put_nowait(AsyncOpenAI(base_url=url, api_key="none", timeout=600))
    with track("draw", len(problems) * each) as bar:

        async def one(problem: Problem, seed: int) -> str:
            asked = SAMPLING | {"prompt": problem.prompt, "max_tokens": max_tokens, "seed": seed}
            key = Key.of(asked | {"model": GGUF_SHA256})
            kept = store.get(key)
            if kept is None:
                client = await free.get()
                found = await client.completions.create(model="local", **asked)
                free.put_nowait(client)
                kept = {"text": found.choices[0].text}
                store.put(key, kept)
            bar.advance()
            return str(kept["text"])

        async def all_of(problem: Problem) -> list[str]:
            return list(await asyncio.gather(*[one(problem, seed) for seed in range(each)]))

        return list(await asyncio.gather(*map(all_of, problems)))


if __name__ == "__main__":
    main()

"""Draw real samples of HumanEval from the embedded model, for bench/evaluate.py.

    python bench/draw_samples.py --out samples.jsonl
    python bench/draw_samples.py --out chat.jsonl --protocol chat

The usual protocol for pass@k: 20 samples of each problem at temperature 0.2, top_p 0.95, from one single-threaded
server per core. `raw`: completions of the bare prompt, cut at the stop sequences of the Codex paper (arXiv 2107.03374,
section 2.2). `chat`: what the stage evaluate scores, that is, the code extracted from answers to params.yaml's question
in the training prompt. Samples are cached, so the same command continues after an interruption.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from wizardcoder.benchmarks import protocol
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.bundled_wheels import GGUF_SHA256, gguf_path
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import track
from wizardcoder.core.params import load
from wizardcoder.core.records import write_jsonl
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.evaluation.settings import Params
from wizardcoder.teacher.served_model import LOGS, ServedModel
from wizardcoder.teacher.serving import ServeParams, embedded

SAMPLING = {"temperature": 0.2, "top_p": 0.95}
STOP = ["\nclass", "\ndef", "\n#", "\nif", "\nprint"]
STORE = "drawn.sqlite"
SLOTS, CONTEXT_TOKENS = 16, 2048


@dataclass(frozen=True, slots=True)
class SamplingProtocol:
    """Builds the request for a problem, without the sampling settings, and extracts the code from its answer."""

    request: Callable[[Problem], dict[str, Any]]
    completion: Callable[[Problem, str], str]


def main() -> None:
    """Draw and write the samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--protocol", choices=("raw", "chat"), default="raw")
    parser.add_argument("--each", type=int, default=20, help="samples of each problem")
    parser.add_argument("--take", type=int, help="only the first TAKE problems")
    parser.add_argument("--max-tokens", type=int, default=256)
    options = parser.parse_args()
    problems = load_benchmark("humaneval")[: options.take]
    sampling = make_raw() if options.protocol == "raw" else make_chat(load(Params))
    with ExitStack() as stack:
        urls = stack.enter_context(served()).urls
        store = stack.enter_context(AnswerStore(cache_dir() / STORE))
        completions = asyncio.run(draw(urls, store, problems, sampling, options.each, options.max_tokens))
    lines = [
        {"task_id": problem.task_id, "completion": completion}
        for problem, own in zip(problems, completions, strict=True)
        for completion in own
    ]
    print(f"{write_jsonl(options.out, lines)} samples, {len({tuple(line.values()) for line in lines})} distinct")


def make_raw() -> SamplingProtocol:
    """Return the protocol of the pass@k papers for models without instruction tuning."""
    return SamplingProtocol(lambda problem: {"prompt": problem.prompt, "stop": STOP}, lambda _, text: text)


def make_chat(params: Params) -> SamplingProtocol:
    """Return the protocol of the stage evaluate."""

    def asked(problem: Problem) -> dict[str, Any]:
        return {"prompt": protocol.build_question(problem, params.evaluate.prompt, params.train.prompt)}

    return SamplingProtocol(
        asked, lambda problem, text: protocol.extract_completion(problem, text, params.evaluate.extract)
    )


@contextmanager
def served() -> Iterator[ServedModel]:
    """Serve the model with one server per core."""
    cores = len(os.sched_getaffinity(0))
    settings = embedded(ServeParams(None, cores, 0, {}, 60), SLOTS, CONTEXT_TOKENS)
    model = ServedModel(settings, "serve", str(gguf_path()), [""] * cores, cache_dir() / LOGS)
    model.start()
    try:
        yield model
    finally:
        model.close()


async def draw(
    urls: Sequence[str],
    store: AnswerStore,
    problems: Sequence[Problem],
    sampling: SamplingProtocol,
    each: int,
    max_tokens: int,
) -> list[list[str]]:
    """Return `each` completions of each problem, each with its own seed."""
    free: asyncio.Queue[AsyncOpenAI] = asyncio.Queue()
    for url in urls * SLOTS:
        free.put_nowait(AsyncOpenAI(base_url=url, api_key="none", timeout=600))
    with track("draw", len(problems) * each) as bar:

        async def one(problem: Problem, seed: int) -> str:
            asked = SAMPLING | sampling.request(problem) | {"max_tokens": max_tokens, "seed": seed}
            key = Key.of(asked | {"model": GGUF_SHA256})
            kept = store.get(key)
            if kept is None:
                client = await free.get()
                found = await client.completions.create(model="local", **asked)
                free.put_nowait(client)
                kept = {"text": found.choices[0].text}
                store.put(key, kept)
            bar.advance()
            return sampling.completion(problem, str(kept["text"]))

        async def all_of(problem: Problem) -> list[str]:
            return list(await asyncio.gather(*[one(problem, seed) for seed in range(each)]))

        return list(await asyncio.gather(*map(all_of, problems)))


if __name__ == "__main__":
    main()

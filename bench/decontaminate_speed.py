"""Measure the speed of decontamination's search on 78,000 training samples and 2,700 test samples.

In: a file in Alpaca format. Out: seconds, ratios and peak memory of the dense top-5 search, whose floor is a blocked
matrix product with argpartition, and of TF-IDF with the rule. Nothing is run or asked.

    python bench/decontaminate_speed.py --texts code_alpaca_2k.json
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.decontaminate import read_alpaca, read_params
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.records import Example
from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem
from wizardcoder.decontamination.pairs import PairSearch
from wizardcoder.text.embeddings import TFIDF
from wizardcoder.text.tfidf import BLOCK, find_nearest_rows

SAMPLES, QUERIES, DIMS, TOP_K = 78_000, 2_700, 1_024, 5


def main() -> None:
    """Measure both searches, each in its own process, so that peak memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, required=True, help="a JSON list in Alpaca format")
    examples = read_alpaca(parser.parse_args().texts)
    context = multiprocessing.get_context("spawn")
    for measure, arguments in ((_measure_dense, ()), (_measure_rule, (examples,))):
        process = context.Process(target=measure, args=arguments)
        process.start()
        process.join()


def _measure_dense() -> None:
    draw = np.random.default_rng(1)
    queries, corpus = (draw.standard_normal((n, DIMS), dtype=np.float32) for n in (QUERIES, SAMPLES))
    ratios, times = [], []
    for _ in range(3):
        started = time.perf_counter()
        for _ in find_nearest_rows(queries, corpus, TOP_K):
            pass
        ours = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        for start in range(0, QUERIES, BLOCK):
            np.argpartition(queries[start : start + BLOCK] @ corpus.T, SAMPLES - TOP_K, axis=1)
        floor = time.perf_counter() - started
        ratios.append(ours / floor)
        times.append((ours, floor, peak / 1024))
    for ours, floor, megabytes in times:
        print(
            f"dense: ours {ours:.1f} s, floor {floor:.1f} s, ratio {ours / floor:.2f}, peak so far {megabytes:.0f} MB"
        )
    print(f"dense: median ratio {sorted(ratios)[1]:.2f}")


def _measure_rule(examples: list[Example]) -> None:
    corpus = vary_examples(examples, SAMPLES)
    problems = load_benchmark("humaneval")
    queries = [
        replace(
            problems[n % len(problems)],
            task_id=f"{n}",
            prompt=replace_words(problems[n % len(problems)].prompt, n, 0.3),
        )
        for n in range(QUERIES)
    ]
    rule = read_params(TFIDF, "rule", "off").decontaminate.rule
    started = time.perf_counter()
    search = PairSearch([BenchmarkProblem("x", p) for p in queries], corpus, TFIDF, rule, cache_dir())
    built = time.perf_counter() - started
    pairs = sum(1 for _ in search.find(range(QUERIES), 0, TOP_K, copies=True))
    seconds, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    words = sum(len(e.instruction.split()) + len(e.response.split()) for e in corpus) / len(corpus)
    print(f"tfidf and rule: {seconds:.1f} s ({built:.1f} s vectors and indexes), {pairs} pairs, peak {peak:.0f} MB,")
    print(f"    {len(corpus)} samples of {words:.0f} words, {QUERIES} test samples")


def vary_examples(examples: list[Example], count: int) -> list[Example]:
    """Return `count` examples: copies of the real ones with a fifth of the words replaced."""
    chosen = (examples[n % len(examples)] for n in range(count))
    return [
        replace(e, id=f"{n}", instruction=replace_words(e.instruction, n), response=replace_words(e.response, n))
        for n, e in enumerate(chosen)
    ]


def replace_words(text: str, seed: int, share: float = 0.2) -> str:
    """Replace a share of the words by made-up ones, drawn by the seed."""
    draw = random.Random(seed)

    def replace_word(old: str) -> str:
        return old if draw.random() > share else f"word{draw.randrange(30_000)}"

    return "\n".join(" ".join(map(replace_word, line.split(" "))) for line in text.split("\n"))


if __name__ == "__main__":
    main()

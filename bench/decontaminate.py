"""Decontamination measured: speed of retrieval, planted leaks found, and what real data lose.

    python bench/decontaminate.py speed --texts code_alpaca.json
    python bench/decontaminate.py planted --texts code_alpaca.json --mbpp mbpp.jsonl --judge both
    python bench/decontaminate.py real --texts code_alpaca.json --against humaneval mbpp=mbpp.jsonl ...

Thresholds are those of params.yaml, but `min_similarity` and `min_doubt`, which belong to an embedder. The teacher is
the one that params.yaml names; it is asked about labelled pairs alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.planted import Planted, planted
from stages import decontaminate
from stages.decontaminate import Judgement
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.params import load
from wizardcoder.core.records import Example
from wizardcoder.decontamination.pairs import Pair, Search, Task, text_of_problem
from wizardcoder.text.embeddings import TFIDF
from wizardcoder.text.tfidf import BLOCK, nearest

SAMPLES, QUERIES, DIMS, TOP_K = 78_000, 2_700, 1_024, 5
OF_MODELS = {"min_similarity": 0.9, "min_doubt": 0.5}  # params.yaml's are tfidf's
Key = tuple[str, str]  # example id, task id


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "planted", "real"])
    parser.add_argument("--texts", type=Path, required=True, help="a JSON list in Alpaca form")
    parser.add_argument("--mbpp", type=Path, help="mbpp.jsonl")
    parser.add_argument("--embedder", default=TFIDF)
    parser.add_argument("--judge", choices=["rule", "teacher", "both"], default="rule", help="of the planted")
    parser.add_argument("--execution", choices=["off", "retrieved", "all"], default="all", help="of samples' code")
    parser.add_argument("--show", type=int, default=0, help="so many of the excluded beside their test sample")
    parser.add_argument("--against", nargs="*", default=[], help="BENCHMARK=FILE, or dev, humaneval")
    args = parser.parse_args()
    examples = alpaca(args.texts)
    if args.what == "speed":
        speed(examples)
    elif args.what == "planted":
        show_planted(examples, args.mbpp, settings(args.embedder, args.judge, args.execution))
    else:
        real(examples, args.against, settings(args.embedder, "rule", args.execution), args.show)


def settings(embedder: str, judge: str, scope: str) -> decontaminate.Params:
    """Read params.yaml; embedder, judge, what is run, and the embedder's thresholds in place of its own."""
    params = load(decontaminate.Params)
    own = params.decontaminate
    own = replace(own, embedder=embedder, judge=judge, execution=replace(own.execution, scope=scope))
    if embedder != TFIDF:
        own = replace(own, rule=replace(own.rule, **OF_MODELS))
    return replace(params, decontaminate=own)


def alpaca(path: Path) -> list[Example]:
    """Read Alpaca records as round 0 would hold them."""
    records = json.loads(path.read_text(encoding="utf-8"))
    texts = [("\n".join(filter(None, [r["instruction"], r["input"]])), r["output"]) for r in records]
    return [Example(f"real/{n}", None, 0, None, *pair) for n, pair in enumerate(texts)]


def speed(examples: list[Example]) -> None:
    """Time the dense top-5 against its floor, and the whole rule on as many texts; each in a process of its own."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    for measure, arguments in ((_dense, ()), (_rule, (examples,))):
        process = context.Process(target=measure, args=arguments)
        process.start()
        process.join()


def _dense() -> None:
    draw = np.random.default_rng(1)
    queries, corpus = (draw.standard_normal((n, DIMS), dtype=np.float32) for n in (QUERIES, SAMPLES))
    ratios, times = [], []
    for _ in range(3):
        started = time.perf_counter()
        for _ in nearest(queries, corpus, TOP_K):
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


def _rule(examples: list[Example]) -> None:
    corpus = varied(examples, SAMPLES)
    problems = load_benchmark("humaneval")
    queries = [
        replace(problems[n % len(problems)], task_id=f"{n}", prompt=vary(problems[n % len(problems)].prompt, n, 0.3))
        for n in range(QUERIES)
    ]
    rule = settings(TFIDF, "rule", "off").decontaminate.rule
    started = time.perf_counter()
    search = Search([Task("x", p) for p in queries], corpus, TFIDF, rule, cache_dir())
    built = time.perf_counter() - started
    pairs = sum(1 for _ in search.pairs(range(QUERIES), 0, TOP_K, copies=True))
    took, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    words = sum(len(e.instruction.split()) + len(e.response.split()) for e in corpus) / len(corpus)
    print(f"tfidf and rule: {took:.1f} s ({built:.1f} s vectors and indexes), {pairs} pairs, peak {peak:.0f} MB,")
    print(f"    {len(corpus)} samples of {words:.0f} words, {QUERIES} test samples")


def varied(examples: list[Example], count: int) -> list[Example]:
    """Give as many samples as asked for: the real ones, then copies of them with every fifth word exchanged."""
    chosen = (examples[n % len(examples)] for n in range(count))
    return [
        replace(e, id=f"{n}", instruction=vary(e.instruction, n), response=vary(e.response, n))
        for n, e in enumerate(chosen)
    ]


def vary(text: str, number: int, share: float = 0.2) -> str:
    """Exchange a share of the words by others, the same for the same number."""
    draw = random.Random(number)

    def word(old: str) -> str:
        return old if draw.random() > share else f"word{draw.randrange(30_000)}"

    return "\n".join(" ".join(map(word, line.split(" "))) for line in text.split("\n"))


def show_planted(examples: list[Example], mbpp: Path | None, params: decontaminate.Params) -> None:
    """Plant the labelled pairs into the real data; print what the judge finds, by kind and half."""
    problems = {p.task_id: p for p in labelled_problems(mbpp)}
    plants, own = planted(problems), params.decontaminate
    found = pairs_of(plants, list(problems.values()), examples, params)
    print(f"{len(plants)} labelled pairs in {len(examples)} real samples")
    print(f"embedder {own.embedder}, judge {own.judge}, execution {own.execution.scope}")
    if own.judge == "rule":
        print("min_similarity: matched of the tuning half, leaks and others; precision")
        for least in (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0):
            rule = replace(own.rule, min_similarity=least)
            told = judgements_of(found, replace(params, decontaminate=replace(own, rule=rule)))
            print(f"  {least:.2f}", *_counts(plants, told))
    told = judgements_of(found, params)
    print(f"by kind at {own.rule}: matched of tuning half, of held-out half; paired at all")
    for kind in dict.fromkeys(p.kind for p in plants):
        of_kind = [p for p in plants if p.kind == kind]
        cells = [f"{sum(_matched(told, half))} of {len(half)}" for half in halves(of_kind)]
        print(f"  {kind} | {' | '.join(cells)} | {sum(_key(p) in found for p in of_kind)} of {len(of_kind)}")
    print("all", *_counts(plants, told))
    asked, unclear = sum(t.judge == "teacher" for t in told.values()), sum(not t.clear for t in told.values())
    print(f"{len(told)} paired, the teacher was asked about {asked}, {unclear} unclear")


def labelled_problems(mbpp: Path | None) -> list[Problem]:
    """Give HumanEval, and MBPP where its file is given."""
    names = ["mbpp", "mbpp_400"] if mbpp else []
    return [*load_benchmark("humaneval"), *(p for name in names for p in load_benchmark(name, str(mbpp)))]


def pairs_of(
    plants: list[Planted], problems: list[Problem], examples: list[Example], params: decontaminate.Params
) -> dict[Key, Pair]:
    """Find each plant's own pair among the real samples, where it is retrieved or copied.

    Plants of one kind are planted together, so that the copies of a test sample do not push each other out.
    """
    keys, tests, found = {_key(p) for p in plants}, [Task("labelled", p) for p in problems], {}
    for kind in dict.fromkeys(p.kind for p in plants):
        samples = [*examples, *(p.example for p in plants if p.kind == kind)]
        for _, pair in searched(tests, samples, params):
            key = pair.example.id, pair.test.problem.task_id
            if key in keys:
                found[key] = pair
    return found


def searched(tests: list[Task], samples: list[Example], params: decontaminate.Params) -> Iterator[tuple[int, Pair]]:
    """Find the pairs that the stage judges first."""
    own, started = params.decontaminate, time.perf_counter()
    found = decontaminate.solve(own.execution, tests, samples)
    print(
        f"{found.programs} programs held against {len(tests) - len(found.untold)} of {len(tests)} test samples in "
        f"{time.perf_counter() - started:.0f} s, {found.ended} samples ran out of their limits",
        file=sys.stderr,
    )
    search = Search(tests, samples, own.embedder, own.rule, cache_dir(), solved=found.solved)
    return search.pairs(range(len(tests)), 0, own.top_k, copies=True, solutions=own.execution.scope == "all")


def judgements_of(found: dict[Key, Pair], params: decontaminate.Params) -> dict[Key, Judgement]:
    """Judge the pairs as the stage does."""
    return dict(zip(found, decontaminate.judge_pairs(list(found.values()), params), strict=True))


def halves(plants: list[Planted]) -> tuple[list[Planted], list[Planted]]:
    """Split by a hash of the test sample: for choosing thresholds, and for reporting."""
    tuning = {p.task_id for p in plants if hashlib.sha256(p.task_id.encode()).digest()[0] % 2 == 0}
    return [p for p in plants if p.task_id in tuning], [p for p in plants if p.task_id not in tuning]


def _key(plant: Planted) -> Key:
    return plant.example.id, plant.task_id


def _matched(told: dict[Key, Judgement], plants: Iterable[Planted]) -> Iterator[bool]:
    """Say of each whether it is excluded; what was not paired was never judged, and stays."""
    return (_key(p) in told and told[_key(p)].match for p in plants)


def _counts(plants: list[Planted], told: dict[Key, Judgement]) -> Iterator[str]:
    for name, part in zip(("tuning", "held out", "both"), (*halves(plants), plants), strict=True):
        hits = Counter(p.leak for p, matched in zip(part, _matched(told, part), strict=True) if matched)
        leaks = sum(p.leak for p in part)
        others = len(part) - leaks
        yield f"| {name}: {hits[True]} of {leaks}, {hits[False]} of {others}, {hits[True] / max(hits.total(), 1):.3f}"


def real(examples: list[Example], sources: list[str], params: decontaminate.Params, show: int) -> None:
    """Print what real data lose to each benchmark by the rule and by execution."""
    rule, excluded = params.decontaminate.rule, set()
    shown: dict[str, list[tuple[Judgement, Pair]]] = defaultdict(list)
    for name, _, source in (source.partition("=") for source in sources):
        tests = [Task(name, p) for p in load_benchmark(name, source or None)]
        pairs = [pair for _, pair in searched(tests, examples, params)]
        told = zip(decontaminate.judge_pairs(pairs, params), pairs, strict=True)
        hits = [(judgement, pair) for judgement, pair in told if judgement.match]
        lost = {pair.example.id for _, pair in hits}
        reasons = Counter(j.text.split()[0] if j.judge == "rule" else j.judge for j, _ in hits)
        asked = sum(pair.similarity >= rule.min_doubt for pair in pairs)
        excluded |= lost
        shown[name] = hits
        print(f"{name} | {len(tests)} | {len(lost)} | {dict(reasons)} | {len(pairs)} pairs, {asked} above min_doubt")
    print(f"all | | {len(excluded)} of {len(examples)}")
    for name, hits in shown.items():
        for said, pair in random.Random(1).sample(hits, min(show, len(hits))):
            print(f"\n=== {name} {pair.test.problem.task_id}: {said.text}, similarity {pair.similarity:.2f}")
            print(text_of_problem(pair.test.problem)[:1500])
            print(f"--- {pair.example.id}\n{pair.example.instruction}\n--\n{pair.example.response[:1200]}")


if __name__ == "__main__":
    main()

"""Measure what decontamination finds: planted leaks, and how much real data each benchmark excludes.

    python bench/decontaminate.py planted --texts code_alpaca.json --mbpp mbpp.jsonl --judge both
    python bench/decontaminate.py real --texts code_alpaca.json --against humaneval mbpp=mbpp.jsonl ...

Thresholds are those of params.yaml, except `min_similarity` and `min_doubt` of a model embedder. The teacher is the one
in params.yaml; it is only asked about labelled pairs. Speed: decontaminate_speed.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.planted import Planted, list_planted
from stages.decontaminate import Params
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.params import load
from wizardcoder.core.records import Example
from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem
from wizardcoder.decontamination.exclusion import run_examples
from wizardcoder.decontamination.judgements import judge_pairs
from wizardcoder.decontamination.pairs import Pair, PairSearch
from wizardcoder.decontamination.teacher_judgements import PairJudgement
from wizardcoder.teacher.judging import UnclearLimit
from wizardcoder.text.embeddings import TFIDF

MODEL_THRESHOLDS = {"min_similarity": 0.9, "min_doubt": 0.5}  # those of params.yaml are for tfidf
SWEEP = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
Key = tuple[str, str]  # example id, task id


def main() -> None:
    """Run one of the two measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["planted", "real"])
    parser.add_argument("--texts", type=Path, required=True, help="a JSON list in Alpaca format")
    parser.add_argument("--mbpp", type=Path, help="mbpp.jsonl")
    parser.add_argument("--embedder", default=TFIDF)
    parser.add_argument("--judge", choices=["rule", "teacher", "both"], default="rule", help="of the planted pairs")
    parser.add_argument("--execution", choices=["off", "retrieved", "all"], default="all", help="scope of execution")
    parser.add_argument("--show", type=int, default=0, help="how many excluded pairs to print for each benchmark")
    parser.add_argument("--against", nargs="*", default=[], help="BENCHMARK=FILE, or dev, humaneval")
    args = parser.parse_args()
    examples = read_alpaca(args.texts)
    if args.what == "planted":
        measure_planted(examples, args.mbpp, read_params(args.embedder, args.judge, args.execution))
    else:
        measure_real(examples, args.against, read_params(args.embedder, "rule", args.execution), args.show)


def read_params(embedder: str, judge: str, scope: str) -> Params:
    """Read params.yaml; replace embedder, judge and execution scope, and for a model its thresholds."""
    params = load(Params)
    own = params.decontaminate
    own = replace(own, embedder=embedder, judge=judge, execution=replace(own.execution, scope=scope))
    if embedder != TFIDF:
        own = replace(own, rule=replace(own.rule, **MODEL_THRESHOLDS))
    return replace(params, decontaminate=own)


def read_alpaca(path: Path) -> list[Example]:
    """Read Alpaca records as examples of round 0."""
    records = json.loads(path.read_text(encoding="utf-8"))
    texts = [("\n".join(filter(None, [r["instruction"], r["input"]])), r["output"]) for r in records]
    return [Example(f"real/{n}", None, 0, None, *pair) for n, pair in enumerate(texts)]


def measure_planted(examples: list[Example], mbpp: Path | None, params: Params) -> None:
    """Plant the labelled pairs into the real data; print what the judge matches, by kind and half."""
    problems = {p.task_id: p for p in load_labelled_problems(mbpp)}
    plants, own = list_planted(problems), params.decontaminate
    found = find_planted_pairs(plants, list(problems.values()), examples, params)
    print(f"{len(plants)} labelled pairs in {len(examples)} real samples")
    print(f"embedder {own.embedder}, judge {own.judge}, execution {own.execution.scope}")
    if own.judge == "rule":
        print("min_similarity: matched of the tuning half, leaks and others; precision")
        for minimum in SWEEP:
            rule = replace(own.rule, min_similarity=minimum)
            judged = judge_planted_pairs(found, replace(params, decontaminate=replace(own, rule=rule)))
            print(f"  {minimum:.2f}", *_format_counts(plants, judged))
    judged = judge_planted_pairs(found, params)
    print(f"by kind at {own.rule}: matched of the tuning half, of the held-out half; found as a pair at all")
    for kind in dict.fromkeys(p.kind for p in plants):
        of_kind = [p for p in plants if p.kind == kind]
        cells = [f"{sum(_list_matched(judged, half))} of {len(half)}" for half in split_halves(of_kind)]
        print(f"  {kind} | {' | '.join(cells)} | {sum(_key(p) in found for p in of_kind)} of {len(of_kind)}")
    print("all", *_format_counts(plants, judged))
    asked, unclear = sum(j.judge == "teacher" for j in judged.values()), sum(not j.clear for j in judged.values())
    print(f"{len(judged)} pairs found, the teacher was asked about {asked}, {unclear} unclear")


def load_labelled_problems(mbpp: Path | None) -> list[Problem]:
    """Load HumanEval, and MBPP if its file is given."""
    names = ["mbpp", "mbpp_400"] if mbpp else []
    return [*load_benchmark("humaneval"), *(p for name in names for p in load_benchmark(name, str(mbpp)))]


def find_planted_pairs(
    plants: list[Planted], problems: list[Problem], examples: list[Example], params: Params
) -> dict[Key, Pair]:
    """Find each plant's own pair among the real samples, if it is retrieved, a copy or a solution.

    Each kind is planted separately, so that the copies of a test sample do not displace each other in the top k.
    """
    keys, tests, found = {_key(p) for p in plants}, [BenchmarkProblem("labelled", p) for p in problems], {}
    for kind in dict.fromkeys(p.kind for p in plants):
        samples = [*examples, *(p.example for p in plants if p.kind == kind)]
        for _, pair in search_pairs(tests, samples, params):
            key = pair.example.id, pair.test.problem.task_id
            if key in keys:
                found[key] = pair
    return found


def search_pairs(tests: list[BenchmarkProblem], samples: list[Example], params: Params) -> Iterator[tuple[int, Pair]]:
    """Find the pairs that the stage judges first."""
    own, started = params.decontaminate, time.perf_counter()
    found = run_examples(tests, samples, own.execution)
    print(
        f"{found.programs} programs compared with {len(tests) - len(found.uncheckable)} of {len(tests)} test samples "
        f"in {time.perf_counter() - started:.0f} s, {found.exceeded_limits} samples exceeded their limits",
        file=sys.stderr,
    )
    search = PairSearch(tests, samples, own.embedder, own.rule, cache_dir(), solutions=found.matches)
    return search.find(range(len(tests)), 0, own.top_k, copies=True, solutions=own.execution.scope == "all")


def judge_planted_pairs(found: dict[Key, Pair], params: Params) -> dict[Key, PairJudgement]:
    """Judge the pairs as the stage does."""
    judgements = judge_pairs(
        list(found.values()), params.decontaminate, params.teacher, params.run.seed, UnclearLimit.of(params.teacher)
    )
    return dict(zip(found, judgements, strict=True))


def split_halves(plants: list[Planted]) -> tuple[list[Planted], list[Planted]]:
    """Split by a hash of the test sample: one half to choose thresholds, one to report."""
    tuning = {p.task_id for p in plants if hashlib.sha256(p.task_id.encode()).digest()[0] % 2 == 0}
    return [p for p in plants if p.task_id in tuning], [p for p in plants if p.task_id not in tuning]


def _key(plant: Planted) -> Key:
    return plant.example.id, plant.task_id


def _list_matched(judged: dict[Key, PairJudgement], plants: Iterable[Planted]) -> Iterator[bool]:
    """Yield for each plant whether it is excluded; a plant that was not found as a pair is kept."""
    return (_key(p) in judged and judged[_key(p)].match for p in plants)


def _format_counts(plants: list[Planted], judged: dict[Key, PairJudgement]) -> Iterator[str]:
    for name, part in zip(("tuning", "held out", "both"), (*split_halves(plants), plants), strict=True):
        hits = Counter(p.leak for p, matched in zip(part, _list_matched(judged, part), strict=True) if matched)
        leaks = sum(p.leak for p in part)
        others = len(part) - leaks
        yield f"| {name}: {hits[True]} of {leaks}, {hits[False]} of {others}, {hits[True] / max(hits.total(), 1):.3f}"


def measure_real(examples: list[Example], sources: list[str], params: Params, show: int) -> None:
    """Print how many real samples each benchmark excludes, by the rule and by execution."""
    rule, excluded = params.decontaminate.rule, set()
    shown: dict[str, list[tuple[PairJudgement, Pair]]] = defaultdict(list)
    for name, _, source in (source.partition("=") for source in sources):
        tests = [BenchmarkProblem(name, p) for p in load_benchmark(name, source or None)]
        pairs = [pair for _, pair in search_pairs(tests, examples, params)]
        judgements = judge_pairs(
            pairs, params.decontaminate, params.teacher, params.run.seed, UnclearLimit.of(params.teacher)
        )
        hits = [(judgement, pair) for judgement, pair in zip(judgements, pairs, strict=True) if judgement.match]
        ids = {pair.example.id for _, pair in hits}
        reasons = Counter(j.text.split()[0] if j.judge == "rule" else j.judge for j, _ in hits)
        asked = sum(pair.similarity >= rule.min_doubt for pair in pairs)
        excluded |= ids
        shown[name] = hits
        print(f"{name} | {len(tests)} | {len(ids)} | {dict(reasons)} | {len(pairs)} pairs, {asked} above min_doubt")
    print(f"all | | {len(excluded)} of {len(examples)}")
    for name, hits in shown.items():
        for judgement, pair in random.Random(1).sample(hits, min(show, len(hits))):
            print(f"\n=== {name} {pair.test.problem.task_id}: {judgement.text}, similarity {pair.similarity:.2f}")
            print(pair.test.problem.full_text[:1500])
            print(f"--- {pair.example.id}\n{pair.example.instruction}\n--\n{pair.example.response[:1200]}")


if __name__ == "__main__":
    main()

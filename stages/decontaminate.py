"""Stage decontaminate: training samples that are too close to a benchmark are excluded.

In: data/merged/examples.jsonl and every benchmark in `decontaminate.benchmarks`. For each test sample the most similar
training samples are retrieved and judged, by a rule or by the teacher (paper, appendix C). Out: data/decontaminated
with examples.jsonl and excluded.jsonl (each with its test sample, similarity and judgement);
metrics/decontaminate.json.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass as params_dataclass

from stages.lib import console, prompts
from stages.lib.benchmarks import load_benchmark
from stages.lib.cache import cache_dir
from stages.lib.console import StageError
from stages.lib.endpoint import RequestFailedError
from stages.lib.params import STRICT, AtLeastOne, Fraction, RunParams, Text, load
from stages.lib.problem import Problem
from stages.lib.records import Example, read_jsonl, write_jsonl, write_metrics
from stages.lib.similarity import nearest, ngram_overlap
from stages.lib.teacher import TeacherParams, open_teacher

SOURCE = Path("data/merged/examples.jsonl")
OUT = Path("data/decontaminated")
METRICS = Path("metrics/decontaminate.json")
_NO_JUDGEMENT = "no judgement"


@params_dataclass(frozen=True, slots=True, config=STRICT)
class RuleParams:
    """A pair matches when either number is reached."""

    ngram_words: AtLeastOne
    min_overlap: Fraction
    min_similarity: Fraction


@params_dataclass(frozen=True, slots=True, config=STRICT)
class DecontaminateParams:
    """The `decontaminate` section."""

    benchmarks: list[Text]
    embedder: Literal["tfidf"]
    top_k: AtLeastOne
    judge: Literal["rule", "teacher"]
    rule: RuleParams
    prompt: Text


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    run: RunParams
    teacher: TeacherParams
    benchmarks: dict[str, Text | None]
    decontaminate: DecontaminateParams


@dataclass(frozen=True, slots=True)
class Pair:
    """A test sample and one of its nearest training samples; `similarity` is the cosine, `overlap` the n-gram share."""

    benchmark: str
    problem: Problem
    example: Example
    similarity: float
    overlap: float


@dataclass(frozen=True, slots=True)
class Excluded:
    """A training sample that matched a test sample, and why."""

    id: str
    benchmark: str
    task_id: str
    similarity: float
    overlap: float
    judge: str
    judgement: str
    instruction: str
    response: str
    test_text: str


def main() -> None:
    """Read the merged set and the benchmarks, write what stays and what is excluded."""
    params = load(Params)
    with console.closing_line("decontaminate") as close:
        check(params.decontaminate)
        examples = list(read_jsonl(SOURCE, Example))
        tests = [
            (name, p)
            for name in params.decontaminate.benchmarks
            for p in load_benchmark(name, params.benchmarks.get(name))
        ]
        pairs, judged = run(params, tests, examples)
        excluded = {item.id for item in judged}
        kept = write_jsonl(OUT / "examples.jsonl", (e for e in examples if e.id not in excluded))
        write_jsonl(OUT / "excluded.jsonl", judged)
        counts = {"kept": kept, "excluded": len(excluded)}
        by_benchmark = {
            f"excluded.{name}": len({item.id for item in judged if item.benchmark == name})
            for name in params.decontaminate.benchmarks
        }
        close(**counts)
        top = {f"top_1_similarity.{name}": value for name, value in _mean_top_1(pairs).items()}
        write_metrics(METRICS, {**counts, **by_benchmark, **top, "pairs_judged": len(pairs)})


def check(params: DecontaminateParams) -> None:
    """Refuse a benchmark named twice."""
    twice = [name for name, count in Counter(params.benchmarks).items() if count > 1]
    if twice:
        raise StageError(f"params.yaml: decontaminate.benchmarks: found {twice[0]} twice, accepted: each once")


def run(params: Params, tests: list[tuple[str, Problem]], examples: list[Example]) -> tuple[list[Pair], list[Excluded]]:
    """Give all pairs that were judged, and those that matched.

    Where all of a test sample's `top_k` matched there may be more behind them: it is held against what remains, until
    one does not match.
    """
    all_pairs: list[Pair] = []
    all_judged: list[Excluded] = []
    remaining = examples
    while tests and remaining:
        pairs = find_pairs(tests, remaining, params.decontaminate)
        judged = judge_by_rule(pairs, params.decontaminate.rule)
        if params.decontaminate.judge == "teacher":
            judged = asyncio.run(_judge_by_teacher(pairs, params))
        all_pairs += pairs
        all_judged += judged
        matches = Counter((item.benchmark, item.task_id) for item in judged)
        tests = [(name, p) for name, p in tests if matches[name, p.task_id] == params.decontaminate.top_k]
        excluded = {item.id for item in judged}
        remaining = [example for example in remaining if example.id not in excluded]
    return all_pairs, all_judged


def find_pairs(tests: list[tuple[str, Problem]], examples: list[Example], params: DecontaminateParams) -> list[Pair]:
    """Retrieve for each test sample its `top_k` most similar training samples, prompts and solutions included."""
    if not examples:
        raise StageError(f"{SOURCE}: holds no example")
    queries = [text_of_problem(problem) for _, problem in tests]
    corpus = [text_of_example(example) for example in examples]
    pairs = []
    with console.track("decontaminate", len(tests)) as bar:
        for (name, problem), query, found in zip(tests, queries, nearest(queries, corpus, params.top_k), strict=True):
            for index, similarity in found:
                overlap = ngram_overlap(query, corpus[index], params.rule.ngram_words)
                pairs.append(Pair(name, problem, examples[index], similarity, overlap))
            bar.advance()
    return pairs


def judge_by_rule(pairs: Iterable[Pair], rule: RuleParams) -> list[Excluded]:
    """Give the pairs that match by n-gram overlap or by similarity."""
    excluded = []
    for pair in pairs:
        if pair.overlap >= rule.min_overlap:
            excluded.append(_excluded(pair, "rule", f"overlap {pair.overlap:.2f} >= {rule.min_overlap}"))
        elif pair.similarity >= rule.min_similarity:
            excluded.append(_excluded(pair, "rule", f"similarity {pair.similarity:.2f} >= {rule.min_similarity}"))
    return excluded


def text_of_problem(problem: Problem) -> str:
    """Give the text of a test sample: its prompt and its solution."""
    return f"{problem.prompt}\n{problem.canonical_solution}"


def text_of_example(example: Example) -> str:
    """Give the text of a training sample: its instruction and its response."""
    return f"{example.instruction}\n{example.response}"


async def _judge_by_teacher(pairs: list[Pair], params: Params) -> list[Excluded]:
    """Ask the teacher about each pair; an answer that is neither yes nor no counts as a match."""
    async with open_teacher(params.teacher, cache_dir()) as teacher:
        with console.track("decontaminate: judging", len(pairs)) as bar:

            async def judge(pair: Pair) -> str:
                text = prompts.fill(
                    params.decontaminate.prompt,
                    test=text_of_problem(pair.problem),
                    sample=text_of_example(pair.example),
                )
                try:
                    told = await teacher.ask("judge", prompts.plain_messages(text), params.run.seed)
                except RequestFailedError as exc:
                    return f"{_NO_JUDGEMENT}: {exc}"
                finally:
                    bar.advance()
                return told.answer.text.strip()

            judgements = await asyncio.gather(*map(judge, pairs))
    return [
        _excluded(pair, "teacher", judgement)
        for pair, judgement in zip(pairs, judgements, strict=True)
        if judgement.startswith(_NO_JUDGEMENT) or not re.match(r"\W*no\b", judgement.lower())
    ]


def _excluded(pair: Pair, judge: str, judgement: str) -> Excluded:
    return Excluded(
        id=pair.example.id,
        benchmark=pair.benchmark,
        task_id=pair.problem.task_id,
        similarity=round(pair.similarity, 4),
        overlap=round(pair.overlap, 4),
        judge=judge,
        judgement=judgement,
        instruction=pair.example.instruction,
        response=pair.example.response,
        test_text=text_of_problem(pair.problem),
    )


def _mean_top_1(pairs: list[Pair]) -> dict[str, float]:
    best: dict[str, dict[str, float]] = {}
    for pair in pairs:
        tasks = best.setdefault(pair.benchmark, {})
        tasks[pair.problem.task_id] = max(tasks.get(pair.problem.task_id, 0.0), pair.similarity)
    return {name: sum(tasks.values()) / len(tasks) for name, tasks in best.items()}


if __name__ == "__main__":
    console.entry(main)

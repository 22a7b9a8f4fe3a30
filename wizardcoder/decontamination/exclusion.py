"""Finds all matching pairs and turns them into excluded training samples.

In: the benchmarks' problems and training samples. Out: the judged pairs, and a record for each match.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from wizardcoder.core.cache import cache_dir
from wizardcoder.core.records import Example
from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem
from wizardcoder.decontamination.execution.search import NOT_RUN, ExecutionResult, search_solutions
from wizardcoder.decontamination.judgements import judge_pairs
from wizardcoder.decontamination.pairs import Pair, PairSearch
from wizardcoder.decontamination.settings import DecontaminateParams, ExecutionParams
from wizardcoder.decontamination.teacher_judgements import PairJudgement
from wizardcoder.teacher.judging import UnclearLimit
from wizardcoder.teacher.settings import TeacherParams


@dataclass(frozen=True, slots=True)
class Excluded:
    """A line of excluded.jsonl: a training sample that matches a test sample, and why."""

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


@dataclass(frozen=True, slots=True)
class JudgedPairs:
    """Judged pairs with their judgements, and the result of the execution check."""

    pairs: list[Pair]
    judgements: list[PairJudgement]
    execution: ExecutionResult

    def list_excluded(self) -> list[Excluded]:
        """Return a record for each matching pair."""
        both = zip(self.pairs, self.judgements, strict=True)
        return [_to_excluded(pair, judgement) for pair, judgement in both if judgement.match]


def find_matches(
    tests: Sequence[BenchmarkProblem],
    examples: Sequence[Example],
    params: DecontaminateParams,
    teacher: TeacherParams,
    seed: int,
) -> JudgedPairs:
    """Find and judge the pairs.

    If all of a test sample's `top_k` match, there may be more matches at lower ranks: the search then doubles the
    ranks until one does not match. A match that the teacher did not clearly confirm does not extend the search.

    Raises:
        StageError: the endpoint fails for good, or the teacher's judgements are too often unclear.
    """
    limit = UnclearLimit.of(teacher)
    execution = run_examples(tests, examples, params.execution, params.runtime.workers)
    search = PairSearch(tests, examples, params.embedder, params.rule, cache_dir(), solutions=execution.matches)
    result = JudgedPairs([], [], execution)
    seen: set[tuple[int, str]] = set()
    remaining, first, end = list(range(len(tests))), 0, params.top_k
    while remaining and first < len(examples):
        ranked = search.find(remaining, first, end, copies=first == 0, solutions=params.execution.scope == "all")
        found = [(test, pair) for test, pair in ranked if (test, pair.example.id) not in seen]
        seen |= {(test, pair.example.id) for test, pair in found}
        pairs = [pair for _, pair in found]
        judgements = judge_pairs(pairs, params, teacher, seed, limit)
        result.pairs.extend(pairs)
        result.judgements.extend(judgements)
        both = zip(found, judgements, strict=True)
        finished = {test for (test, _), judgement in both if not (judgement.match and judgement.clear)}
        remaining = [test for test in remaining if test not in finished]
        first, end = end, 2 * end
    limit.check()
    return result


def run_examples(
    tests: Sequence[BenchmarkProblem], examples: Sequence[Example], params: ExecutionParams, workers: int | None = None
) -> ExecutionResult:
    """Run the training samples' code, unless `params.scope` is `off`.

    Raises:
        SandboxError: the sandbox is not available on this machine, or failed.
    """
    if params.scope == "off":
        return NOT_RUN
    problems = [test.problem for test in tests]
    workers = workers or len(os.sched_getaffinity(0))
    return search_solutions(problems, examples, params.limits(), workers, cache_dir())


def _to_excluded(pair: Pair, judgement: PairJudgement) -> Excluded:
    return Excluded(
        id=pair.example.id,
        benchmark=pair.test.benchmark,
        task_id=pair.test.problem.task_id,
        similarity=round(pair.similarity, 4),
        overlap=round(pair.overlap.share, 4),
        judge=judgement.judge,
        judgement=judgement.text,
        instruction=pair.example.instruction,
        response=pair.example.response,
        test_text=pair.test.problem.full_text,
    )

"""Stage decontaminate: training samples that are too close to a benchmark are excluded.

In: data/merged/examples.jsonl and every benchmark in `decontaminate.benchmarks`, scored in this run or not. For each
test sample the most similar training samples are retrieved (paper, appendix C), those that hold its text or its
solution, and those whose code solves it when it is run; what does not solve it is judged by a rule, by the teacher, or
by both. Out: data/decontaminated with examples.jsonl and excluded.jsonl (a line per matching pair: test sample,
similarity, overlap, judge, judgement); metrics/decontaminate.json.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, AtLeastOne, Fraction, Positive, RunParams, Text, Untracked, load
from wizardcoder.core.records import Example, read_jsonl, write_jsonl, write_metrics
from wizardcoder.core.templates import fill
from wizardcoder.decontamination.execution import runner as prober
from wizardcoder.decontamination.execution import search as solved
from wizardcoder.decontamination.execution.reference_outputs import Agreement
from wizardcoder.decontamination.pairs import (
    Pair,
    RuleParams,
    Search,
    Task,
    copy_judgement,
    rule_judgement,
    text_of_example,
    text_of_problem,
    top_1,
)
from wizardcoder.teacher import chats
from wizardcoder.teacher.ask_all import ask_all
from wizardcoder.teacher.endpoint import RequestFailedError
from wizardcoder.teacher.teacher import Teacher, TeacherParams, open_teacher
from wizardcoder.teacher.yes_no import parse_yes_no

SOURCE = Path("data/merged/examples.jsonl")
OUT = Path("data/decontaminated")
METRICS = Path("metrics/decontaminate.json")


@params_dataclass(frozen=True, slots=True, config=STRICT)
class ExecutionParams:
    """Whether training samples' code is run, and when it solves a test sample.

    `scope`: with `all` each training sample that solves a test sample is a match, with `retrieved` only where it was
    retrieved for it or copies it; the same is run.
    """

    scope: Literal["off", "retrieved", "all"]
    min_agreement: Fraction
    min_agreement_few: Fraction
    call_s: Positive
    timeout_s: Positive
    memory_mb: AtLeastOne
    allow_unsafe: bool
    workers: Untracked[AtLeastOne | None]

    def rules(self) -> prober.Rules:
        """Give what the results depend on."""
        agreement = Agreement(self.min_agreement, self.min_agreement_few)
        return prober.Rules(agreement, self.call_s, self.timeout_s, self.memory_mb, self.allow_unsafe)


@params_dataclass(frozen=True, slots=True, config=STRICT)
class DecontaminateParams:
    """The `decontaminate` section."""

    benchmarks: list[Text]
    embedder: Text
    top_k: AtLeastOne
    judge: Literal["rule", "teacher", "both"]
    rule: RuleParams
    execution: ExecutionParams
    attempts: AtLeastOne
    prompt: Text


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    run: RunParams
    teacher: TeacherParams
    benchmarks: dict[str, Text | None]
    decontaminate: DecontaminateParams


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge says about a pair; `clear` is False where the teacher answered neither yes nor no."""

    match: bool
    judge: str
    text: str
    clear: bool = True


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


@dataclass(frozen=True, slots=True)
class Judged:
    """All pairs that were judged, what was said about each, and what came of running the training samples' code."""

    pairs: list[Pair]
    judgements: list[Judgement]
    execution: solved.Search

    def excluded(self) -> list[Excluded]:
        """Give the pairs that matched."""
        both = zip(self.pairs, self.judgements, strict=True)
        return [_excluded(pair, judgement) for pair, judgement in both if judgement.match]


def main() -> None:
    """Read the merged set and the benchmarks, write what stays and what is excluded."""
    params = load(Params)
    check(params.decontaminate.execution)
    with console.closing_line("decontaminate") as close:
        tests = read_tests(params)
        examples = list(read_jsonl(SOURCE, Example))
        judged = run(params, tests, examples)
        excluded = judged.excluded()
        ids = {item.id for item in excluded}
        kept = write_jsonl(OUT / "examples.jsonl", (e for e in examples if e.id not in ids))
        write_jsonl(OUT / "excluded.jsonl", excluded)
        close(kept=kept, excluded=len(ids))
        write_metrics(METRICS, {"kept": kept, **metrics(params.decontaminate, judged, excluded)})


def check(params: ExecutionParams) -> None:
    """Refuse params by which no code could ever solve anything, or any would."""
    if not params.call_s < params.timeout_s:
        raise StageError(
            f"params.yaml: decontaminate.execution.call_s: found {params.call_s}, accepted: less than timeout_s, "
            f"{params.timeout_s}, in which all of a sample's calls have to end"
        )
    for name in ("min_agreement", "min_agreement_few"):
        if not getattr(params, name):
            raise StageError(f"params.yaml: decontaminate.execution.{name}: found 0, accepted: more than 0, up to 1")


def read_tests(params: Params) -> list[Task]:
    """Load the problems of every benchmark.

    Raises:
        StageError: a benchmark is named twice or has no source, or a problem has no text.
    """
    names = params.decontaminate.benchmarks
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise StageError(f"params.yaml: decontaminate.benchmarks: found {twice[0]} twice, accepted: each once")
    tests = [Task(name, problem) for name in names for problem in load_benchmark(name, params.benchmarks.get(name))]
    for test in tests:
        if not re.search(r"\w", test.problem.prompt):
            raise StageError(
                f"benchmarks.{test.benchmark}: {test.problem.task_id}: prompt: found {test.problem.prompt!r}, "
                "accepted: a text, which training samples can be held against"
            )
    return tests


def run(params: Params, tests: Sequence[Task], examples: Sequence[Example]) -> Judged:
    """Find and judge the pairs.

    Where all of a test sample's `top_k` match there may be more behind them: twice as many are looked at, until one
    does not match. A match that the teacher did not clearly state says nothing of what lies behind it.
    """
    if not examples:
        raise StageError(f"{SOURCE}: holds no example")
    own = params.decontaminate
    execution = solve(own.execution, tests, examples)
    search = Search(tests, examples, own.embedder, own.rule, cache_dir(), solved=execution.solved)
    everything = Judged([], [], execution)
    seen: set[tuple[int, str]] = set()
    waiting, first, end = list(range(len(tests))), 0, own.top_k
    while waiting and first < len(examples):
        found = [
            (test, pair)
            for test, pair in search.pairs(
                waiting, first, end, copies=first == 0, solutions=own.execution.scope == "all"
            )
            if (test, pair.example.id) not in seen
        ]
        seen |= {(test, pair.example.id) for test, pair in found}
        pairs = [pair for _, pair in found]
        judgements = judge_pairs(pairs, params)
        everything.pairs.extend(pairs)
        everything.judgements.extend(judgements)
        both = zip(found, judgements, strict=True)
        other = {test for (test, _), judgement in both if not (judgement.match and judgement.clear)}
        waiting = [test for test in waiting if test not in other]
        first, end = end, 2 * end
    return everything


def solve(params: ExecutionParams, tests: Sequence[Task], examples: Sequence[Example]) -> solved.Search:
    """Run the training samples' code, where params say so.

    Raises:
        SandboxError: the sandbox cannot be had on this machine, or failed.
    """
    if params.scope == "off":
        return solved.NOTHING
    problems = [test.problem for test in tests]
    workers = params.workers or len(os.sched_getaffinity(0))
    return solved.search(problems, examples, params.rules(), workers, cache_dir())


def judge_pairs(pairs: Sequence[Pair], params: Params) -> list[Judgement]:
    """Judge by `decontaminate.judge` what nothing else settles."""
    own = params.decontaminate
    settled = [_settled(pair, own) for pair in pairs]
    doubtful = [pair for pair, judgement in zip(pairs, settled, strict=True) if judgement is None]
    told = iter(console.run_async(_by_teacher(doubtful, params)) if doubtful else [])
    return [judgement or next(told) for judgement in settled]


def metrics(params: DecontaminateParams, judged: Judged, excluded: Sequence[Excluded]) -> dict[str, object]:
    """Count records (not pairs) by benchmark and judge, and describe each benchmark's nearest training samples."""
    found: dict[str, object] = {
        "excluded": len({item.id for item in excluded}),
        "pairs_judged": len(judged.pairs),
        "pairs_asked": sum(judgement.judge == "teacher" for judgement in judged.judgements),
        "unclear": sum(not judgement.clear for judgement in judged.judgements),
    }
    judges = [*(("rule", "teacher") if params.judge == "both" else (params.judge,))]
    judges.append("execution")
    execution = judged.execution
    found |= {
        "execution.programs": execution.programs,
        "execution.ended": execution.ended,
        "execution.unparsed": execution.unparsed,
        "execution.untold": len(execution.untold),
    }
    for name, best in top_1(judged.pairs).items():
        own = [item for item in excluded if item.benchmark == name]
        found[f"excluded.{name}"] = len({item.id for item in own})
        for judge in judges:
            found[f"excluded.{name}.{judge}"] = len({item.id for item in own if item.judge == judge})
        found[f"top_1_similarity.{name}.mean"] = float(np.mean(best))
        found[f"top_1_similarity.{name}.p95"] = float(np.percentile(best, 95))
        found[f"top_1_similarity.{name}.max"] = max(best)
    return found


def _settled(pair: Pair, params: DecontaminateParams) -> Judgement | None:
    """Say what needs no teacher: by `rule` all, else what solves the test sample, and by `both` what is clear.

    Clear is a copy, which matches, and what is less alike than `min_doubt`, which does not.
    """
    if params.judge != "teacher" and (copied := copy_judgement(pair, params.rule)) is not None:
        return _by_rule(copied)
    if pair.solved is not None:
        return Judgement(True, "execution", pair.solved)
    if params.judge == "rule":
        return _by_rule(rule_judgement(pair, params.rule))
    return _by_rule(None) if params.judge == "both" and pair.similarity < params.rule.min_doubt else None


def _by_rule(reason: str | None) -> Judgement:
    return Judgement(reason is not None, "rule", reason or "")


async def _by_teacher(pairs: Sequence[Pair], params: Params) -> list[Judgement]:
    async with open_teacher(params.teacher, cache_dir()) as teacher:
        with console.track("decontaminate: judging", len(pairs)) as bar:

            async def judge(pair: Pair) -> Judgement:
                judgement = await _asked(teacher, pair, params)
                bar.advance()
                return judgement

            return await ask_all(pairs, judge, teacher.window, teacher.stop)


async def _asked(teacher: Teacher, pair: Pair, params: Params) -> Judgement:
    """Ask until the answer is yes or no; a pair without such an answer after `attempts` counts as a match."""
    own = params.decontaminate
    text = fill(own.prompt, test=text_of_problem(pair.test.problem), sample=text_of_example(pair.example))
    answer = ""
    for attempt in range(own.attempts):
        try:
            # another seed as well: at temperature 0 the same request has the same answer
            told = await teacher.ask("judge", chats.plain_messages(text), params.run.seed + attempt, attempt)
        except RequestFailedError as exc:
            return Judgement(True, "teacher", f"no judgement: {exc}", clear=False)
        answer = told.answer.text.strip()
        if (match := parse_yes_no(answer)) is not None:
            return Judgement(match, "teacher", answer)
    return Judgement(True, "teacher", answer, clear=False)


def _excluded(pair: Pair, judgement: Judgement) -> Excluded:
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
        test_text=text_of_problem(pair.test.problem),
    )


if __name__ == "__main__":
    console.entry(main)

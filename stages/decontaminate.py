"""Stage decontaminate: excludes training samples that are too close to a benchmark.

In: data/merged/examples.jsonl, and every benchmark in `decontaminate.benchmarks`, evaluated in this run or not. A
training sample is a candidate for a test sample if it is among the most similar ones (paper, appendix C), contains its
text or solution, or solves it when its code is run. A rule, the teacher, or both judge the candidates.
Out: data/decontaminated with examples.jsonl and excluded.jsonl (one line per matching pair: test sample, similarity,
overlap, judge, judgement); metrics/decontaminate.json.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.core import console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, RunParams, Text, load
from wizardcoder.core.records import Example, read_records, write_jsonl, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem, load_problems
from wizardcoder.decontamination.exclusion import JudgedPairs, find_matches
from wizardcoder.decontamination.metrics import compute_metrics
from wizardcoder.decontamination.settings import DecontaminateParams, check_execution
from wizardcoder.teacher.settings import TeacherParams


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that this stage reads."""

    run: RunParams
    teacher: TeacherParams
    benchmarks: dict[str, Text | None]
    decontaminate: DecontaminateParams


def main() -> None:
    """Read the merged set and the benchmarks; write the kept and the excluded samples."""
    params = load(Params)
    own = params.decontaminate
    check_execution(own.execution)
    with console.closing_line("decontaminate") as close:
        problems = load_problems(own.benchmarks, params.benchmarks)
        examples = list(read_records(paths.MERGED_EXAMPLES, Example))
        judged = run(params, problems, examples)
        excluded = judged.list_excluded()
        ids = {item.id for item in excluded}
        kept = write_jsonl(paths.TRAINING_EXAMPLES, (e for e in examples if e.id not in ids))
        write_jsonl(paths.EXCLUDED, excluded)
        close(kept=kept, excluded=len(ids))
        write_metrics(paths.DECONTAMINATE_METRICS, {"kept": kept, **compute_metrics(own.judge, judged, excluded)})


def run(params: Params, problems: Sequence[BenchmarkProblem], examples: Sequence[Example]) -> JudgedPairs:
    """Find and judge the pairs of a test sample and a training sample.

    Raises:
        StageError: there is no training sample, the sandbox is not available, or the endpoint fails for good.
    """
    if not examples:
        raise StageError(f"{paths.MERGED_EXAMPLES}: found no example, accepted: at least one")
    return find_matches(problems, examples, params.decontaminate, params.teacher, params.run.seed)


if __name__ == "__main__":
    run_stage(main, __doc__)

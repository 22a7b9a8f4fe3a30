"""Stage analyze: measures what each round of evolution did.

In: the accepted and rejected attempts of every round, the results of screening, the benchmarks in
`decontaminate.benchmarks`. Out: data/analysis with tables (outcomes, mix, measures, records, difficulty) and figures
(PNG and SVG); metrics/analyze.json; metrics/rounds.csv for the plot. Training does not depend on it.

Counts are over all records; measures are over `analyze.sample` records of each round, drawn by the run's seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic.dataclasses import dataclass

from wizardcoder.analysis import figures
from wizardcoder.analysis.difficulty import DifficultyJudgement, judge_difficulty
from wizardcoder.analysis.measure_rounds import Analysis, measure_rounds
from wizardcoder.analysis.round_files import RoundRecords, draw_examples, read_rounds
from wizardcoder.analysis.settings import AnalyzeParams
from wizardcoder.analysis.tables import ROUND_COLUMNS, flatten_metrics, list_rounds, write_tables
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.core import console, paths
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.params import PART, STRICT, RunParams, Text, load
from wizardcoder.core.records import write_csv, write_jsonl, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.teacher.settings import TeacherParams
from wizardcoder.teacher.teacher import open_teacher


@dataclass(frozen=True, slots=True, config=PART)
class ComparedBenchmarks:
    """The benchmarks in the `decontaminate` section."""

    benchmarks: list[Text]


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that this stage reads; `benchmarks` maps a name to its source."""

    run: RunParams
    teacher: TeacherParams
    benchmarks: dict[str, Text | None]
    decontaminate: ComparedBenchmarks
    analyze: AnalyzeParams


def main() -> None:
    """Read the rounds, measure them, write tables, figures and metrics."""
    params = load(Params)
    with console.closing_line("analyze") as close:
        rounds = read_rounds()
        names = dict.fromkeys(params.decontaminate.benchmarks)
        benchmarks = {name: _load_texts(name, params.benchmarks.get(name)) for name in names}
        judgements = console.run_async(_judge(params, rounds)) if params.analyze.difficulty == "teacher" else []
        analysis = run(params, rounds, benchmarks, judgements)
        write_tables(analysis, paths.ANALYSIS)
        write_jsonl(paths.ANALYSIS / "difficulty.jsonl", judgements)
        pictures = figures.draw_all(analysis.rounds, list(benchmarks), paths.ANALYSIS)
        metrics = flatten_metrics(analysis.rounds)
        write_csv(paths.ROUNDS_TABLE, list_rounds(metrics, (each.round for each in analysis.rounds)), ROUND_COLUMNS)
        unscored = {"difficulty_unscored": sum(j.score is None for j in judgements)} if judgements else {}
        sizes = {"sample": params.analyze.sample, "compared": analysis.compared}
        write_metrics(paths.ANALYZE_METRICS, {**metrics, **unscored, **sizes})
        records = sum(len(each.examples) for each in rounds)
        close(records=records, measured=len(analysis.measured), pictures=pictures, **unscored)


def run(
    params: Params,
    rounds: Sequence[RoundRecords],
    benchmarks: Mapping[str, Sequence[str]],
    judgements: Sequence[DifficultyJudgement],
) -> Analysis:
    """Measure a draw of every round; `benchmarks` has the texts of the problems by name."""
    return measure_rounds(rounds, benchmarks, judgements, params.analyze.sample, params.run.seed)


def _load_texts(name: str, source: str | None) -> list[str]:
    return [problem.full_text for problem in load_benchmark(name, source)]


async def _judge(params: Params, rounds: Sequence[RoundRecords]) -> list[DifficultyJudgement]:
    own = params.analyze
    count = min(own.sample, own.difficulty_sample)
    examples = [e for each in rounds for e in draw_examples(each.examples, count, params.run.seed)]
    async with open_teacher(params.teacher, cache_dir()) as teacher:
        return await judge_difficulty(
            examples, own.difficulty_prompt, own.difficulty_attempts, params.run.seed, teacher
        )


if __name__ == "__main__":
    run_stage(main, __doc__)

"""Stage analyze: an account of what each round did.

In: the accepted and rejected attempts of every round, what the screening found, the benchmarks in
`decontaminate.benchmarks`. Out: data/analysis with tables (outcomes, mix, measures, records, difficulty) and pictures
(PNG and SVG); metrics/analyze.json; metrics/rounds.csv for the plot. Nothing that is trained on depends on it.

Counts are of all records; measures are of `analyze.sample` records of each round, drawn by the run's seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.analysis import figures
from wizardcoder.analysis.difficulty import Judgement, judge
from wizardcoder.analysis.round_files import Round, draw, origins, read_rounds
from wizardcoder.analysis.round_statistics import (
    Account,
    Measured,
    account_of,
    flat_metrics,
    measure_rows,
    mix_rows,
    outcome_rows,
    record_rows,
    rounded,
)
from wizardcoder.analysis.settings import AnalyzeParams
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import console, paths
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.params import PART, STRICT, RunParams, Text, load
from wizardcoder.core.records import Example, write_csv, write_jsonl, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.source_code.complexity import measure_python
from wizardcoder.source_code.extraction import code_of
from wizardcoder.teacher.settings import TeacherParams
from wizardcoder.teacher.teacher import open_teacher
from wizardcoder.text.measures import count_requirements, count_tokens, distinct_share
from wizardcoder.text.nearest import nearest_by_set, nearest_in, pair_similarities

PYTHON = "python"
# the columns of metrics/rounds.csv, which no choice of benchmarks changes
PLOTTED = (
    "round",
    "attempted",
    "accepted",
    "acceptance",
    "total",
    "instruction_tokens",
    "response_tokens",
    "requirements",
    "cyclomatic",
    "maintainability",
    "nesting",
    "difficulty",
    "to_parent",
    "to_seed",
    "nearest_in_round",
    "nearest_in_round_before",
    "distinct_1",
    "distinct_2",
    "distinct_3",
)


@params_dataclass(frozen=True, slots=True, config=PART)
class Checked:
    """Of the `decontaminate` section only the benchmarks that are held against the training data."""

    benchmarks: list[Text]


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml; `benchmarks` maps a name to its source."""

    run: RunParams
    teacher: TeacherParams
    benchmarks: dict[str, Text | None]
    decontaminate: Checked
    analyze: AnalyzeParams


@dataclass(frozen=True, slots=True)
class Analysis:
    """Accounts by round, the records that were measured, and how many of each round were compared as a set."""

    accounts: list[Account]
    measured: list[Measured]
    compared: int


def main() -> None:
    """Read the rounds, measure them, write tables, pictures and metrics."""
    params = load(Params)
    with console.closing_line("analyze") as close:
        rounds = read_rounds()
        names = dict.fromkeys(params.decontaminate.benchmarks)
        benchmarks = {name: load_benchmark(name, params.benchmarks.get(name)) for name in names}
        judgements = console.run_async(_judged(params, rounds)) if params.analyze.difficulty == "teacher" else []
        analysis = run(params, rounds, benchmarks, judgements)
        _write_tables(analysis, judgements)
        pictures = figures.draw_all(analysis.accounts, list(benchmarks), paths.ANALYSIS)
        metrics = flat_metrics(analysis.accounts)
        _write_plot(analysis.accounts, metrics)
        unscored = {"difficulty_unscored": sum(j.score is None for j in judgements)} if judgements else {}
        write_metrics(
            paths.ANALYZE_METRICS,
            {**metrics, **unscored, "sample": params.analyze.sample, "compared": analysis.compared},
        )
        records = sum(len(each.examples) for each in rounds)
        close(records=records, measured=len(analysis.measured), pictures=pictures, **unscored)


def run(
    params: Params, rounds: Sequence[Round], benchmarks: Mapping[str, list[Problem]], judgements: Sequence[Judgement]
) -> Analysis:
    """Measure a draw of every round.

    How near a set's records lie to each other, and how varied their words are, depends on how many there are. So these
    compare equally many of each round: as many as the smallest draw of more than one record has.
    """
    drawn = {each.number: draw(each.examples, params.analyze.sample, params.run.seed) for each in rounds}
    compared = min((len(found) for found in drawn.values() if len(found) > 1), default=0)
    sets = {number: found[:compared] if len(found) > 1 else [] for number, found in drawn.items()}
    measured = [Measured(e, _own_measures(e, each)) for each in rounds for e in drawn[each.number]]
    values = {item.example.id: item.values for item in measured}
    _add_drift(values, [item.example for item in measured], rounds)
    near_sets = nearest_by_set([[e.instruction for e in found] for found in sets.values()])
    for found, (within, before) in zip(sets.values(), near_sets, strict=True):
        _add(values, "nearest_in_round", found if within else [], within)
        _add(values, "nearest_in_round_before", found if before else [], before)
    for name, problems in benchmarks.items():
        near = nearest_in([item.example.full_text for item in measured], [p.full_text for p in problems])
        _add(values, f"similarity.{name}", [item.example for item in measured] if near else [], near)
    for judgement in judgements:
        if judgement.score is not None:
            values[judgement.id]["difficulty"] = judgement.score
    accounts = [
        account_of(
            each,
            [item for item in measured if item.example.round == each.number],
            _shares(sets[each.number], benchmarks),
        )
        for each in rounds
    ]
    return Analysis(accounts, measured, compared)


async def _judged(params: Params, rounds: Sequence[Round]) -> list[Judgement]:
    own = params.analyze
    count = min(own.sample, own.difficulty_sample)
    examples = [e for each in rounds for e in draw(each.examples, count, params.run.seed)]
    async with open_teacher(params.teacher, cache_dir()) as teacher:
        return await judge(examples, own.difficulty_prompt, own.difficulty_attempts, params.run.seed, teacher)


def _own_measures(example: Example, of: Round) -> dict[str, float]:
    """Give what can be read from the record alone."""
    values: dict[str, float] = {
        "instruction_tokens": count_tokens(example.instruction),
        "response_tokens": count_tokens(example.response),
        "requirements": count_requirements(example.instruction),
    }
    if example.instruction_tokens is not None:
        values["teacher_instruction_tokens"] = example.instruction_tokens
    if example.response_tokens is not None:
        values["teacher_response_tokens"] = example.response_tokens
    screened = of.screened.get(example.id)
    if screened is not None and screened.language == PYTHON:
        # the code that screen verified, so that complexity and verdicts by round are about the same programs
        program = code_of(example.response, example.instruction)
        code = measure_python(program.text) if program is not None else None
        if code is not None:
            values |= {
                "cyclomatic": code.cyclomatic,
                "maintainability": code.maintainability,
                "nesting": code.nesting,
            }
    return values


def _add_drift(values: Mapping[str, dict[str, float]], examples: Sequence[Example], rounds: Sequence[Round]) -> None:
    """Add how like its parent, and how like its seed, each evolved instruction still is."""
    found = origins(examples, {e.id: e for each in rounds for e in each.examples})
    evolved = [example for example in examples if example.id in found]
    to_parent = [(e.instruction, found[e.id].parent) for e in evolved]
    to_seed = [(e.instruction, found[e.id].seed) for e in evolved]
    alike = pair_similarities([*to_parent, *to_seed])
    _add(values, "to_parent", evolved, alike[: len(evolved)])
    _add(values, "to_seed", evolved, alike[len(evolved) :])


def _add(
    values: Mapping[str, dict[str, float]], name: str, examples: Sequence[Example], numbers: Sequence[float]
) -> None:
    for example, number in zip(examples, numbers, strict=True):
        values[example.id][name] = number


def _shares(compared: Sequence[Example], benchmarks: Mapping[str, list[Problem]]) -> dict[str, float]:
    """Give how varied a set is, and how near to each benchmark's problems it comes (mean over the problems)."""
    shares = {f"distinct_{n}": distinct_share([e.instruction for e in compared], n) for n in (1, 2, 3)}
    for name, problems in benchmarks.items():
        near = nearest_in([p.full_text for p in problems], [e.full_text for e in compared])
        shares[f"reached.{name}"] = sum(near) / len(near) if near else None
    return {name: share for name, share in shares.items() if share is not None}


def _write_tables(analysis: Analysis, judgements: Sequence[Judgement]) -> None:
    accounts = analysis.accounts
    names = sorted({name for item in analysis.measured for name in item.values})
    write_csv(paths.ANALYSIS / "outcomes.csv", outcome_rows(accounts), ("round", "heuristic", "outcome", "count"))
    write_csv(paths.ANALYSIS / "mix.csv", mix_rows(accounts), ("round", "kind", "name", "count"))
    columns = ("round", "measure", "n", "mean", "margin", "q1", "median", "q3")
    write_csv(paths.ANALYSIS / "measures.csv", measure_rows(accounts), columns)
    write_csv(paths.ANALYSIS / "records.csv", record_rows(analysis.measured), ("id", "round", "heuristic", *names))
    write_jsonl(paths.ANALYSIS / "difficulty.jsonl", judgements)


def _write_plot(accounts: Sequence[Account], metrics: Mapping[str, int | float]) -> None:
    """Write a line per round, of the metrics that PLOTTED names; a measure without a value stays empty."""
    rows = []
    for account in accounts:
        own = {name: metrics[key] for name in PLOTTED if (key := f"r{account.round}.{name}") in metrics}
        rows.append({"round": account.round, **rounded(own)})
    write_csv(paths.ROUNDS_TABLE, rows, PLOTTED)


if __name__ == "__main__":
    run_stage(main, __doc__)

"""Measure a draw of each round: lengths, complexity, drift, diversity, similarity to benchmarks.

In: the rounds, the texts of the benchmarks' problems, the difficulty scores. Out: a summary per round, and each drawn
record with its measures. Reads and writes no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wizardcoder.analysis.difficulty import DifficultyJudgement
from wizardcoder.analysis.round_files import RoundRecords, draw_examples, find_sources
from wizardcoder.analysis.round_statistics import MeasuredExample, RoundSummary, summarize_round
from wizardcoder.core.records import Example
from wizardcoder.source_code.complexity import measure_python
from wizardcoder.source_code.extraction import extract_program
from wizardcoder.text.measures import compute_distinct_share, count_requirements, count_tokens
from wizardcoder.text.nearest import compare_pairs, compare_sets, find_nearest

PYTHON = "python"


@dataclass(frozen=True, slots=True)
class Analysis:
    """The rounds' summaries, the measured records, and how many records of each round were compared as a set."""

    rounds: list[RoundSummary]
    measured: list[MeasuredExample]
    compared: int


def measure_rounds(
    rounds: Sequence[RoundRecords],
    benchmarks: Mapping[str, Sequence[str]],
    judgements: Sequence[DifficultyJudgement],
    sample: int,
    seed: int,
) -> Analysis:
    """Measure `sample` records of every round, drawn by the seed.

    The diversity of a set, and the similarity of its records to each other, depend on its size. Both are measured on
    equally many records of each round: as many as the smallest draw of more than one record has.
    """
    drawn = {each.number: draw_examples(each.examples, sample, seed) for each in rounds}
    compared = min((len(examples) for examples in drawn.values() if len(examples) > 1), default=0)
    sets = {number: examples[:compared] if len(examples) > 1 else [] for number, examples in drawn.items()}
    measured = [MeasuredExample(e, _measure_alone(e, each)) for each in rounds for e in drawn[each.number]]
    values = {item.example.id: item.values for item in measured}
    examples = [item.example for item in measured]
    _add_drift(values, examples, rounds)
    _add_neighbours(values, sets)
    _add_similarity(values, examples, benchmarks)
    for judgement in judgements:
        if judgement.score is not None:
            values[judgement.id]["difficulty"] = judgement.score
    summaries = [
        summarize_round(
            each,
            [item for item in measured if item.example.round == each.number],
            _measure_set(sets[each.number], benchmarks),
        )
        for each in rounds
    ]
    return Analysis(summaries, measured, compared)


def _measure_alone(example: Example, records: RoundRecords) -> dict[str, float]:
    """Return the measures that depend on the record alone."""
    values: dict[str, float] = {
        "instruction_tokens": count_tokens(example.instruction),
        "response_tokens": count_tokens(example.response),
        "requirements": count_requirements(example.instruction),
    }
    if example.instruction_tokens is not None:
        values["teacher_instruction_tokens"] = example.instruction_tokens
    if example.response_tokens is not None:
        values["teacher_response_tokens"] = example.response_tokens
    screened = records.screened.get(example.id)
    return values | _measure_program(example) if screened and screened.language == PYTHON else values


def _measure_program(example: Example) -> dict[str, float]:
    """Measure the code that the stage screen verified, so that complexity and verdicts are about the same programs."""
    program = extract_program(example.response, example.instruction)
    measures = measure_python(program.text) if program is not None else None
    if measures is None:
        return {}
    return {
        "cyclomatic": measures.cyclomatic,
        "maintainability": measures.maintainability,
        "nesting": measures.nesting,
    }


def _add_drift(
    values: Mapping[str, dict[str, float]], examples: Sequence[Example], rounds: Sequence[RoundRecords]
) -> None:
    """Add the similarity of each evolved instruction to its parent's and to its seed's."""
    sources = find_sources(examples, {e.id: e for each in rounds for e in each.examples})
    evolved = [example for example in examples if example.id in sources]
    to_parent = [(e.instruction, sources[e.id].parent) for e in evolved]
    to_seed = [(e.instruction, sources[e.id].seed) for e in evolved]
    similarities = compare_pairs([*to_parent, *to_seed])
    _add(values, "to_parent", evolved, similarities[: len(evolved)])
    _add(values, "to_seed", evolved, similarities[len(evolved) :])


def _add_neighbours(values: Mapping[str, dict[str, float]], sets: Mapping[int, Sequence[Example]]) -> None:
    """Add the similarity of each instruction to the nearest one of its round, and of the round before."""
    similarities = compare_sets([[e.instruction for e in examples] for examples in sets.values()])
    for examples, (within, before) in zip(sets.values(), similarities, strict=True):
        _add(values, "nearest_in_round", examples if within else [], within)
        _add(values, "nearest_in_round_before", examples if before else [], before)


def _add_similarity(
    values: Mapping[str, dict[str, float]], examples: Sequence[Example], benchmarks: Mapping[str, Sequence[str]]
) -> None:
    """Add the similarity of each record to the nearest problem of each benchmark."""
    for name, problems in benchmarks.items():
        similarities = find_nearest([e.full_text for e in examples], problems)
        _add(values, f"similarity.{name}", examples if similarities else [], similarities)


def _add(
    values: Mapping[str, dict[str, float]], name: str, examples: Sequence[Example], numbers: Sequence[float]
) -> None:
    for example, number in zip(examples, numbers, strict=True):
        values[example.id][name] = number


def _measure_set(examples: Sequence[Example], benchmarks: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return the measures of a set: distinct-n, and the mean over a benchmark's problems of their nearest record."""
    shares = {f"distinct_{n}": compute_distinct_share([e.instruction for e in examples], n) for n in (1, 2, 3)}
    for name, problems in benchmarks.items():
        similarities = find_nearest(problems, [e.full_text for e in examples])
        shares[f"reached.{name}"] = sum(similarities) / len(similarities) if similarities else None
    return {name: share for name, share in shares.items() if share is not None}

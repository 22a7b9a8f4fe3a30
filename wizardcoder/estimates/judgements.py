"""Estimate what the stages after the rounds will ask the teacher, where params.yaml lets one judge.

In: the seeds, the estimator of the rounds, the problems of benchmarks. Out: requests, tokens and money of screen,
analyze and decontaminate. The records need not exist yet, so these are upper bounds: every evolution is counted as
accepted, none as flagged, dropped or copied, and no answer as stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.records import Example
from wizardcoder.estimates.rounds import GROWTH_CHARACTERS, Estimate, Estimator


@dataclass(frozen=True, slots=True)
class RoundSize:
    """The largest possible number of records of a round, and the mean tokens of their texts."""

    records: int
    instruction: float
    response: float


def round_sizes(estimator: Estimator, seeds: Sequence[Example]) -> dict[int, RoundSize]:
    """Return the size of round 0 and of each enabled round."""
    instruction = fmean(estimator.count(seed.instruction) for seed in seeds)
    response = fmean(estimator.count(seed.response) for seed in seeds)
    growth = estimator.count("x" * GROWTH_CHARACTERS)
    sizes = {0: RoundSize(len(seeds), instruction, response)}
    for times, number in enumerate(estimator.rounds, start=1):
        sizes[number] = RoundSize(len(seeds), instruction + times * growth, estimator.lengths["respond"])
    return sizes


def estimate_screening(estimator: Estimator, sizes: Mapping[int, RoundSize], prompt: str, attempts: int) -> Estimate:
    """Estimate the judgements of safety: one for each record."""
    own = estimator.count(prompt)
    tokens = sum(size.records * (own + size.instruction + size.response) for size in sizes.values())
    return _judged(estimator, sum(size.records for size in sizes.values()), tokens, attempts)


def estimate_rating(
    estimator: Estimator, sizes: Mapping[int, RoundSize], prompt: str, sample: int, attempts: int
) -> Estimate:
    """Estimate the judgements of difficulty: one for each of `sample` records of a round."""
    own = estimator.count(prompt)
    drawn = {number: min(sample, size.records) for number, size in sizes.items()}
    tokens = sum(drawn[number] * (own + size.instruction) for number, size in sizes.items())
    return _judged(estimator, sum(drawn.values()), tokens, attempts)


def estimate_decontamination(
    estimator: Estimator,
    sizes: Mapping[int, RoundSize],
    problems: Collection[Problem],
    *,
    prompt: str,
    top_k: int,
    attempts: int,
) -> Estimate:
    """Estimate the judgements of contamination: of each problem with `top_k` of the records of these rounds."""
    records = sum(size.records for size in sizes.values())
    each = min(top_k, records)
    if not each:
        return Estimate()
    sample = sum(size.records * (size.instruction + size.response) for size in sizes.values()) / records
    own = estimator.count(prompt)
    tokens = sum(each * (own + estimator.count(problem.full_text) + sample) for problem in problems)
    return _judged(estimator, each * len(problems), tokens, attempts)


def _judged(estimator: Estimator, questions: int, prompt_tokens: float, attempts: int) -> Estimate:
    """Price questions that are asked once; `most` counts all attempts and answers of the full length."""
    price, longest = estimator.settings.teacher.runtime.price, estimator.limits["judge"]
    answered = questions * estimator.lengths["judge"]
    return Estimate(
        requests=questions,
        prompt_tokens=prompt_tokens,
        completion_tokens=answered,
        cost=price.of(prompt_tokens, answered),
        most=attempts * price.of(prompt_tokens, questions * longest),
    )

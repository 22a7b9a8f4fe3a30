"""Estimate what scoring will ask of the models in `evaluate.endpoints`, before anything is sent.

In: prompts, the store of generations, a price. Out: requests, tokens and money. Stored answers are deducted exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from wizardcoder.estimates.rounds import ENOUGH_ANSWERS, Estimate
from wizardcoder.generation.endpoint_sampler import EndpointSampler
from wizardcoder.teacher.budget import Price


def estimate_scoring(
    sampler: EndpointSampler,
    prompts: Sequence[str],
    n: int,
    *,
    count: Callable[[str], float],
    price: Price,
    counted: set[str],
) -> Estimate:
    """Estimate the requests to a model.

    Args:
        sampler: asks the model.
        prompts: the prompts of the benchmark.
        n: samples for each prompt.
        count: returns a text's tokens; used where the store holds too few answers of the model.
        price: of the model.
        counted: keys of samples that an earlier estimate contains; those of this one are added.
    """
    samples = {key: known for key, known in sampler.stored(prompts, n).items() if key not in counted}
    counted.update(samples)
    missing = [prompt for prompt, answer in samples.values() if answer is None]
    known = [(len(prompt), answer) for prompt, answer in samples.values() if answer is not None]
    measured = [(length, answer) for length, answer in known if answer["prompt_tokens"] and answer["completion_tokens"]]
    longest: float = sampler.token_limit
    expected = longest
    if len(measured) >= ENOUGH_ANSWERS:
        expected = fmean(answer["completion_tokens"] for _, answer in measured)
        ratio = sum(answer["prompt_tokens"] for _, answer in measured) / sum(length for length, _ in measured)
        prompt_tokens = ratio * sum(map(len, missing))
    else:
        prompt_tokens = sum(map(count, missing))
    return Estimate(
        cached=len(known),
        requests=len(missing),
        prompt_tokens=prompt_tokens,
        completion_tokens=len(missing) * expected,
        cost=price.of(prompt_tokens, len(missing) * expected),
        most=price.of(prompt_tokens, len(missing) * longest),
    )

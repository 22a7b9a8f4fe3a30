"""What scoring will ask of the models in `evaluate.endpoints`, before anything is sent.

In: prompts, what the store of generations knows, a price. Out: requests, tokens and money. What is known is deducted
exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from wizardcoder.estimates.rounds import ENOUGH_ANSWERS, Estimate
from wizardcoder.generation.endpoint_sampler import EndpointSampler
from wizardcoder.teacher.budget import Price


def scoring(
    sampler: EndpointSampler,
    prompts: Sequence[str],
    n: int,
    *,
    count: Callable[[str], float],
    price: Price,
    counted: set[str],
) -> Estimate:
    """Estimate what a model will be asked.

    Args:
        sampler: of the model.
        prompts: what it is asked.
        n: samples drawn of each.
        count: gives a text's tokens, where too few answers of the model are known to tell.
        price: of the model.
        counted: keys of the samples that another estimate has; those of this one are added.
    """
    samples = {key: told for key, told in sampler.known(prompts, n).items() if key not in counted}
    counted.update(samples)
    missing = [prompt for prompt, answer in samples.values() if answer is None]
    known = [(len(prompt), answer) for prompt, answer in samples.values() if answer is not None]
    told = [(length, answer) for length, answer in known if answer["prompt_tokens"] and answer["completion_tokens"]]
    longest: float = sampler.sampling.max_new_tokens
    expected = longest
    if len(told) >= ENOUGH_ANSWERS:
        expected = fmean(answer["completion_tokens"] for _, answer in told)
        ratio = sum(answer["prompt_tokens"] for _, answer in told) / sum(length for length, _ in told)
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

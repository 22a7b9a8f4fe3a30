"""Make the merged rounds equal in size, in records or in tokens (the paper's controls of rounds alone).

In: what is left of each round after all other filters. Out: the same selection with a seeded draw of each round.
"""

from __future__ import annotations

from collections.abc import Mapping

from wizardcoder.core.console import StageError
from wizardcoder.core.draws import draw_order
from wizardcoder.merging.selection import Removal, Selection
from wizardcoder.merging.settings import MergeParams


def measure_sizes(selection: Selection, params: MergeParams) -> dict[int, int]:
    """Return each round's size as `merge.match` counts it: in tokens, otherwise in records."""
    by_tokens = params.match == "tokens"
    return {number: sum(left.values()) if by_tokens else len(left) for number, left in selection.left.items()}


def choose_target(params: MergeParams, sizes: Mapping[int, int], other_sizes: Mapping[int, int]) -> tuple[int, str]:
    """Return the common size of the rounds, and its source: a round, or `merge.target`.

    Without `merge.target` it is the size of the smallest round. The rounds that are not merged count too, so that
    separate merges of one round each have the same size without a number in params.yaml.

    Args:
        params: the `merge` section.
        sizes: of the merged rounds.
        other_sizes: of the other rounds, each filtered alone.

    Raises:
        StageError: a merged round is smaller than the target, or empty.
    """
    smallest = min(sizes.values())
    found = ", ".join(f"r{number} {size}" for number, size in sizes.items())
    if smallest == 0:
        raise StageError(f"params.yaml: merge.match: a round has nothing left ({params.match}: {found}); leave it out")
    if params.target is None:
        size, number = min((size, number) for number, size in (*sizes.items(), *other_sizes.items()) if size)
        return size, f"all of round {number}"
    if params.target > smallest:
        raise StageError(
            f"params.yaml: merge.target: found {params.target}, accepted: at most {smallest}, the size of the smallest "
            f"round ({params.match}: {found})"
        )
    return params.target, "merge.target"


def match_rounds(selection: Selection, params: MergeParams, target: int, seed: int) -> Selection:
    """Draw records of each round until `target` is reached; with tokens the last record may exceed it."""
    left, removed = {}, dict(selection.removed)
    by_tokens = params.match == "tokens"
    for number, tokens in selection.left.items():
        sizes = tokens if by_tokens else dict.fromkeys(tokens, 1)
        kept = draw_to_size(sizes, target, seed)
        left[number] = {key: size for key, size in tokens.items() if key in kept}
        detail = f"not drawn: {target} of {sum(sizes.values())} {params.match}"
        removed |= {key: Removal("match", detail) for key in tokens if key not in kept}
    return Selection(left, removed)


def draw_to_size(sizes: Mapping[str, int], target: int, seed: int) -> set[str]:
    """Draw ids in the seed's order until their sizes reach `target`."""
    kept: set[str] = set()
    total = 0
    for key in draw_order(sizes, seed):
        if total >= target:
            break
        kept.add(key)
        total += sizes[key]
    return kept

"""Validation of the `merge` section: which rounds and heuristics are chosen.

In: the section, the heuristics and the sizes of the rounds. Out: an error that names the key. Merges nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.merging.near_duplicates import choose_bands
from wizardcoder.merging.settings import MergeParams


def check_choice(merge: MergeParams, heuristics: Collection[str], sizes: Mapping[int, int]) -> None:
    """Refuse rounds, heuristics or a target that cannot be merged.

    Args:
        merge: the `merge` section.
        heuristics: the names of all heuristics.
        sizes: the number of records of each existing round.

    Raises:
        StageError: no round, a repeated, unknown or empty round; a repeated or unknown heuristic; a target without a
            match; too few permutations.
    """
    if not merge.rounds:
        raise StageError("params.yaml: merge.rounds: found [], accepted: a list of rounds such as [0, 1, 2]")
    for number in merge.rounds:
        if number not in sizes:
            raise StageError(f"params.yaml: merge.rounds: found {number}, accepted: rounds 0 to {paths.LAST_ROUND}")
        if merge.rounds.count(number) > 1:
            raise StageError(f"params.yaml: merge.rounds: found {number} twice, accepted: each round once")
        if sizes[number] == 0:
            raise StageError(
                f"params.yaml: merge.rounds: round {number} has no example; leave it out"
                + (f", or switch it on with evolve.enabled.r{number}" if number else "")
            )
    for name, count in Counter(merge.without).items():
        if name not in heuristics:
            accepted = ", ".join(sorted(heuristics))
            raise StageError(f"params.yaml: merge.without: found {name!r}, accepted: {accepted}")
        if count > 1:
            raise StageError(f"params.yaml: merge.without: found {name!r} twice, accepted: each once")
    if merge.target is not None and merge.match == "none":
        raise StageError(f"params.yaml: merge.target: found {merge.target}, accepted: null where merge.match is none")
    if merge.near_duplicates.threshold is not None:
        choose_bands(merge.near_duplicates.threshold, merge.near_duplicates.num_perm)

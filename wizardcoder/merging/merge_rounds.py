"""Decide about each record of the merged rounds: every filter, then equal sizes.

In: a function that reads a round's records, since rounds are read several times and never held in memory. Out: a
selection, and the metrics of the merge. Writes no files.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from wizardcoder.core import console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example
from wizardcoder.merging.matching import choose_target, match_rounds, measure_sizes
from wizardcoder.merging.selection import RecordOrigin, Selection, find_excluded_heuristic, select_records
from wizardcoder.merging.settings import MergeParams


def merge_rounds(
    params: MergeParams, seed: int, read: Callable[[int], Iterable[Example]], dropped: Mapping[str, RecordOrigin]
) -> Selection:
    """Decide about each record of the rounds in `merge.rounds`.

    Args:
        params: the `merge` section.
        seed: of the draw and of the MinHash permutations.
        read: reads the screened records of a round.
        dropped: the origins of the records that screening dropped; they may be ancestors.

    Raises:
        StageError: a round cannot be matched, or no record is left.
    """
    excluded_heuristic = _filter_heuristics(params, read, dropped)

    def select(numbers: Sequence[int]) -> Selection:
        return select_records(params, seed, ((n, read(n)) for n in numbers), excluded_heuristic)

    selection = select(params.rounds)
    if params.match != "none":
        others = [] if params.target else sorted(set(paths.ROUND_NUMBERS) - set(params.rounds))
        other_sizes = {n: measure_sizes(select([n]), params)[n] for n in others}
        target, source = choose_target(params, measure_sizes(selection, params), other_sizes)
        console.say(f"merge: match {params.match}, target {target} ({source})")
        selection = match_rounds(selection, params, target, seed)
    if not any(selection.left.values()):
        counts = ", ".join(f"{count} by {reason}" for reason, count in selection.count_reasons().items() if count)
        raise StageError(f"params.yaml: merge: no example is left; removed: {counts}")
    return selection


def compute_metrics(
    selection: Selection, kept_by_heuristic: Counter[str | None], heuristics: Iterable[str]
) -> dict[str, object]:
    """Count the kept records by round and heuristic, the removed ones by reason, and the tokens by round."""
    tokens = {number: sum(left.values()) for number, left in selection.left.items()}
    names = {*heuristics, *kept_by_heuristic} - {None}
    return {
        "kept": kept_by_heuristic.total(),
        **{f"kept.r{number}": len(left) for number, left in selection.left.items()},
        **{f"kept.heuristic.{name}": kept_by_heuristic[name] for name in names},
        "removed": len(selection.removed),
        **{f"removed.{reason}": count for reason, count in selection.count_reasons().items()},
        "tokens": sum(tokens.values()),
        **{f"tokens.r{number}": count for number, count in tokens.items()},
    }


def _filter_heuristics(
    params: MergeParams, read: Callable[[int], Iterable[Example]], dropped: Mapping[str, RecordOrigin]
) -> Callable[[Example], str | None]:
    """Return the function that names the heuristic for which a record is removed."""
    if not params.without:
        return lambda _: None
    origins = {e.id: RecordOrigin(e.parent_id, e.heuristic) for n in paths.ROUND_NUMBERS for e in read(n)}
    return functools.partial(find_excluded_heuristic, frozenset(params.without), {**origins, **dropped})

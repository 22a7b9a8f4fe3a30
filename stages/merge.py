"""Stage merge: the wanted rounds become one training set.

In: data/screened/rN.jsonl of every round in `merge.rounds`; where heuristics are left out or rounds made equal, of the
other rounds too. Out: data/merged with examples.jsonl (in the order of rounds, then of records) and removed.jsonl (each
with its reason; a duplicate names its twin); metrics/merge.json. wizardcoder/merging/selection.py decides.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator

from pydantic.dataclasses import dataclass

from wizardcoder.core import console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PART, STRICT, RunParams, Text, load
from wizardcoder.core.records import Example, Rejected, count_lines, read_records, replacing, to_line, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.merging import selection
from wizardcoder.merging.choice import check_choice
from wizardcoder.merging.selection import REASONS, MergeParams, Origin, Removal, Selection


@dataclass(frozen=True, slots=True, config=PART)
class EvolveParams:
    """Of the section `evolve`: the heuristics there are."""

    heuristics: dict[str, Text]


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    run: RunParams
    evolve: EvolveParams
    merge: MergeParams


def main() -> None:
    """Join the rounds from file to file: first all is decided, then what is kept and what is not is written."""
    params = load(Params)
    rounds = params.merge.rounds
    sizes = {number: _size(number) for number in set(rounds) if number in paths.ROUND_NUMBERS}
    check_choice(params.merge, params.evolve.heuristics, sizes)
    with console.closing_line("merge") as close:
        chosen = run(params)
        kept = _write(rounds, chosen)
        write_metrics(paths.MERGE_METRICS, metrics(params, chosen, kept))
        close(kept=kept.total(), removed=len(chosen.removed))


def run(params: Params) -> Selection:
    """Decide about each record of the wanted rounds.

    Raises:
        StageError: a round cannot be matched, or nothing is left.
    """
    merge = params.merge
    left_out = _left_out(merge)
    chosen = _select(params, merge.rounds, left_out)
    if merge.match != "none":
        unwanted = [] if merge.target else sorted(set(paths.ROUND_NUMBERS) - set(merge.rounds))
        alone = {n: selection.sizes(_select(params, [n], left_out), merge)[n] for n in unwanted}
        target, source = selection.target_size(merge, selection.sizes(chosen, merge), alone)
        console.say(f"merge: match {merge.match}, target {target} ({source})")
        chosen = selection.match(chosen, merge, target, params.run.seed)
    if not any(chosen.left.values()):
        told = ", ".join(f"{count} by {reason}" for reason, count in _by_reason(chosen).items() if count)
        raise StageError(f"params.yaml: merge: no example is left; removed: {told}")
    return chosen


def metrics(params: Params, chosen: Selection, kept: Counter[str | None]) -> dict[str, object]:
    """Count what is kept by round and by heuristic, what is removed by reason, and the tokens by round."""
    tokens = {number: sum(left.values()) for number, left in chosen.left.items()}
    heuristics = {*params.evolve.heuristics, *kept} - {None}
    return {
        "kept": kept.total(),
        **{f"kept.r{number}": len(left) for number, left in chosen.left.items()},
        **{f"kept.heuristic.{name}": kept[name] for name in heuristics},
        "removed": len(chosen.removed),
        **{f"removed.{reason}": count for reason, count in _by_reason(chosen).items()},
        "tokens": sum(tokens.values()),
        **{f"tokens.r{number}": count for number, count in tokens.items()},
    }


def _select(params: Params, rounds: list[int], left_out: Callable[[Example], str | None]) -> Selection:
    with console.track("merge", sum(map(_size, rounds))) as bar:

        def examples(number: int) -> Iterator[Example]:
            for example in _read(number):
                yield example
                bar.advance()

        return selection.select(params.merge, params.run.seed, ((n, examples(n)) for n in rounds), left_out)


def _left_out(params: MergeParams) -> Callable[[Example], str | None]:
    """Give the function that names a record's forbidden heuristic; ancestors that were screened out count as well."""
    if params.heuristics is None:
        return lambda _: None
    origins = {e.id: Origin(e.parent_id, e.heuristic) for n in paths.ROUND_NUMBERS for e in _read(n)}
    origins |= {r.id: Origin(r.parent_id, r.heuristic) for r in read_records(paths.SCREENED_OUT, Rejected)}
    return functools.partial(selection.forbidding, frozenset(params.heuristics), origins)


def _write(rounds: list[int], chosen: Selection) -> Counter[str | None]:
    """Write what is kept and what is removed; gives the number kept by heuristic."""
    kept: Counter[str | None] = Counter()
    with replacing(paths.MERGED_EXAMPLES) as kept_file, replacing(paths.MERGED_REMOVED) as removed_file:
        for example in (e for number in rounds for e in _read(number)):
            removal = chosen.removed.get(example.id)
            if removal is None:
                kept_file.write(to_line(example))
                kept[example.heuristic] += 1
            else:
                removed_file.write(to_line(_rejected(example, removal)))
    return kept


def _rejected(example: Example, removal: Removal) -> Rejected:
    return Rejected(
        id=example.id,
        parent_id=example.parent_id,
        round=example.round,
        heuristic=example.heuristic,
        reason=removal.reason,
        instruction=example.instruction,
        response=example.response,
        detail=removal.detail,
    )


def _by_reason(chosen: Selection) -> dict[str, int]:
    found = Counter(removal.reason for removal in chosen.removed.values())
    return {reason: found[reason] for reason in REASONS}


def _read(number: int) -> Iterator[Example]:
    return read_records(paths.screened_round(number), Example)


def _size(number: int) -> int:
    return count_lines(paths.screened_round(number))


if __name__ == "__main__":
    run_stage(main, __doc__)

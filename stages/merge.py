"""Stage merge: merges the selected rounds into one training set.

In: data/screened/rN.jsonl of every round in `merge.rounds`; the other rounds too if heuristics are left out or rounds
are made equal. Out: data/merged with examples.jsonl (in the order of rounds, then of records) and removed.jsonl (each
with its reason; a duplicate names its original); metrics/merge.json. The selection is in wizardcoder/merging.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from pydantic.dataclasses import dataclass

from wizardcoder.core import console, paths
from wizardcoder.core.params import PART, STRICT, RunParams, Text, load
from wizardcoder.core.records import Example, Rejected, count_lines, read_records, replacing, to_line, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.merging.choice import check_choice
from wizardcoder.merging.merge_rounds import compute_metrics, merge_rounds
from wizardcoder.merging.selection import RecordOrigin, Removal, Selection
from wizardcoder.merging.settings import MergeParams


@dataclass(frozen=True, slots=True, config=PART)
class KnownHeuristics:
    """The heuristics in the `evolve` section."""

    heuristics: dict[str, Text]


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that this stage reads."""

    run: RunParams
    evolve: KnownHeuristics
    merge: MergeParams


def main() -> None:
    """Merge the rounds from file to file: decide about all records, then write them."""
    params = load(Params)
    rounds = params.merge.rounds
    sizes = {number: count_lines(paths.screened_round(number)) for number in set(rounds) & set(paths.ROUND_NUMBERS)}
    check_choice(params.merge, params.evolve.heuristics, sizes)
    with console.closing_line("merge") as close:
        selection = run(params, _read_with_progress, _read_dropped(params.merge))
        kept = _write(rounds, selection)
        write_metrics(paths.MERGE_METRICS, compute_metrics(selection, kept, params.evolve.heuristics))
        close(kept=kept.total(), removed=len(selection.removed))


def run(params: Params, read: Callable[[int], Iterable[Example]], dropped: Mapping[str, RecordOrigin]) -> Selection:
    """Decide about each record of the merged rounds; `read` reads a round, `dropped` is what screening dropped."""
    return merge_rounds(params.merge, params.run.seed, read, dropped)


def _write(rounds: list[int], selection: Selection) -> Counter[str | None]:
    """Write the kept and the removed records; return the number of kept ones by heuristic."""
    kept: Counter[str | None] = Counter()
    with replacing(paths.MERGED_EXAMPLES) as kept_file, replacing(paths.MERGED_REMOVED) as removed_file:
        for example in (e for number in rounds for e in _read(number)):
            removal = selection.removed.get(example.id)
            if removal is None:
                kept_file.write(to_line(example))
                kept[example.heuristic] += 1
            else:
                removed_file.write(to_line(_reject(example, removal)))
    return kept


def _reject(example: Example, removal: Removal) -> Rejected:
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


def _read(number: int) -> Iterator[Example]:
    return read_records(paths.screened_round(number), Example)


def _read_with_progress(number: int) -> Iterator[Example]:
    with console.track(f"merge: round {number}", count_lines(paths.screened_round(number))) as bar:
        for example in _read(number):
            yield example
            bar.advance()


def _read_dropped(params: MergeParams) -> dict[str, RecordOrigin]:
    """Read what screening dropped, if it is needed: it may be the ancestor of a record that was not dropped."""
    if not params.without:
        return {}
    return {r.id: RecordOrigin(r.parent_id, r.heuristic) for r in read_records(paths.SCREENED_OUT, Rejected)}


if __name__ == "__main__":
    run_stage(main, __doc__)

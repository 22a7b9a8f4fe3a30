"""Stage merge: the wanted rounds become one training set.

In: data/rounds/rN/examples.jsonl of every round in `merge.rounds`. Out: data/merged with examples.jsonl (in the order
of rounds, then of records) and removed.jsonl (exact duplicates, each naming its twin); metrics/merge.json.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from pydantic.dataclasses import dataclass

from stages.lib import console
from stages.lib.console import StageError
from stages.lib.params import STRICT, load
from stages.lib.records import Example, Rejected, count_lines, read_jsonl, replacing, to_line, write_metrics

ROUNDS = Path("data/rounds")
OUT = Path("data/merged")
METRICS = Path("metrics/merge.json")
LAST_ROUND = 4


@dataclass(frozen=True, slots=True, config=STRICT)
class MergeParams:
    """The rounds to join; 0 is the seed."""

    rounds: list[int]


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    merge: MergeParams


def main() -> None:
    """Join the rounds from file to file."""
    rounds = load(Params).merge.rounds
    check(rounds, {number: _size(number) for number in set(rounds) if 0 <= number <= LAST_ROUND})
    with console.closing_line("merge") as close, ExitStack() as stack:
        kept_file = stack.enter_context(replacing(OUT / "examples.jsonl"))
        removed_file = stack.enter_context(replacing(OUT / "removed.jsonl"))
        examples = (e for number in rounds for e in read_jsonl(ROUNDS / f"r{number}" / "examples.jsonl", Example))
        kept = dict.fromkeys(rounds, 0)
        removed = 0
        for outcome in run(examples):
            if isinstance(outcome, Example):
                kept_file.write(to_line(outcome))
                kept[outcome.round] += 1
            else:
                removed_file.write(to_line(outcome))
                removed += 1
        totals = {"kept": sum(kept.values()), "removed": removed}
        write_metrics(METRICS, totals | {f"kept.r{number}": n for number, n in kept.items()})
        close(**totals)


def run(examples: Iterable[Example]) -> Iterator[Example | Rejected]:
    """Pass each example through, or give it as Rejected when an earlier one has the same texts."""
    seen: dict[bytes, str] = {}
    for example in examples:
        texts = f"{example.instruction}\0{example.response}"
        digest = hashlib.blake2b(texts.encode(), digest_size=16).digest()
        twin = seen.setdefault(digest, example.id)
        if twin == example.id:
            yield example
        else:
            yield Rejected(
                example.id,
                example.parent_id,
                example.round,
                example.heuristic,
                "duplicate",
                example.instruction,
                example.response,
                f"same text as {twin}",
            )


def check(rounds: list[int], sizes: dict[int, int]) -> None:
    """Refuse a choice of rounds that cannot be merged.

    Raises:
        StageError: no round, a round twice, one that does not exist, or an empty one.
    """
    if not rounds:
        raise StageError("params.yaml: merge.rounds: found [], accepted: a list of rounds such as [0, 1, 2]")
    for number in rounds:
        if number not in sizes:
            raise StageError(f"params.yaml: merge.rounds: found {number}, accepted: rounds 0 to {LAST_ROUND}")
        if rounds.count(number) > 1:
            raise StageError(f"params.yaml: merge.rounds: found {number} twice, accepted: each round once")
        if sizes[number] == 0:
            raise StageError(
                f"params.yaml: merge.rounds: round {number} has no example; leave it out"
                + (f", or switch it on with evolve.enabled.r{number}" if number else "")
            )


def _size(number: int) -> int:
    return count_lines(ROUNDS / f"r{number}" / "examples.jsonl")


if __name__ == "__main__":
    console.entry(main)

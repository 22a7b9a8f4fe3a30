"""One round of evolution, from a pool file to three output files.

In: a file of pool items. Out: lines of accepted examples, of rejected attempts, and of the next pool (each lineage's
latest accepted instruction), all in the pool's order, and the round's counts. Records stream: memory does not grow
with the pool.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import IO

from wizardcoder.core import console
from wizardcoder.core.money import format_cost
from wizardcoder.core.records import Example, PoolItem, Rejected, count_lines, read_records, to_line
from wizardcoder.evolution.evolve_one import Evolution, evolve_one
from wizardcoder.evolution.settings import EvolutionSettings
from wizardcoder.teacher.ask_all import stream_answers
from wizardcoder.teacher.budget import Price, describe_run_cost
from wizardcoder.teacher.judging import UnclearLimit
from wizardcoder.teacher.teacher import Teacher, Usage, open_teacher

FILES = ("examples", "rejected", "pool")
COUNTS = ("attempted", "accepted", "rejected", "lead_ins_stripped", "judge_unclear")


async def evolve_round(
    settings: EvolutionSettings,
    number: int,
    source: Path,
    files: Mapping[str, IO[str]],
    *,
    cache: Path,
    line_of: Callable[[Example], str] = to_line,
    describe_cost: Callable[[], str] = describe_run_cost,
) -> dict[str, float]:
    """Evolve the pool in `source` and return the round's counts.

    Args:
        settings: the sections of params.yaml that decide an evolution.
        number: the round's number.
        source: lines of pool items.
        files: open text files, by the names in FILES.
        cache: the folder of the answer store.
        line_of: formats an accepted example as a line.
        describe_cost: says what the run will cost, for the error of a teacher that has a price but no budget.

    Raises:
        StageError: the endpoint is down, refuses the key, the budget would be exceeded, or the judge of equality is too
            often unclear; all answers are kept.
    """
    total = count_lines(source)
    counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    counts["attempted"] = total
    limit = UnclearLimit.of_equality(settings.teacher)
    async with open_teacher(settings.teacher, cache, describe_cost=describe_cost) as teacher:
        with console.track(f"evolve_r{number}", total) as bar:

            async def evolve(item: PoolItem) -> Evolution:
                return await evolve_one(settings, number, item, teacher)

            pool = read_records(source, PoolItem)
            async with aclosing(stream_answers(pool, evolve, teacher.window, teacher.stop)) as outcomes:
                async for item, outcome in outcomes:
                    _write(item, outcome.record, files, line_of)
                    counts.update(_counted(outcome))
                    if outcome.judged:
                        limit.count(outcome.unclear_judgement)
                    bar.advance(note=_progress_note(counts["accepted"], bar.done + 1, total, teacher))
        limit.check()
    return {**counts, **_usage_metrics(teacher.usage)}


def headline(metrics: Mapping[str, float]) -> dict[str, object]:
    """Return the totals of a round for its closing line: the metrics without a breakdown by reason or heuristic."""
    totals = {name: value for name, value in metrics.items() if "." not in name and name != "enabled"}
    return {name: format_cost(value) if name in ("cost", "paid") else value for name, value in totals.items()}


def _write(
    item: PoolItem, outcome: Example | Rejected, files: Mapping[str, IO[str]], line_of: Callable[[Example], str]
) -> None:
    if isinstance(outcome, Example):
        files["examples"].write(line_of(outcome))
        files["pool"].write(to_line(PoolItem(outcome.id, outcome.instruction)))
    else:
        files["rejected"].write(to_line(outcome))
        files["pool"].write(to_line(item))  # a failed evolution returns its instruction to the pool, as in WizardLM


def _counted(outcome: Evolution) -> list[str]:
    record = outcome.record
    counted = ["lead_ins_stripped"] * outcome.lead_in_stripped
    counted += ["judge_unclear"] * (outcome.unclear_judgement is not None)
    heuristic = f"heuristic.{record.heuristic}"
    if isinstance(record, Example):
        return [*counted, "accepted", f"{heuristic}.accepted"]
    return [*counted, "rejected", f"rejected.{record.reason}", f"{heuristic}.rejected.{record.reason}"]


def _usage_metrics(usage: Usage) -> dict[str, float]:
    unknown = {
        f"unknown_finish_reason.{re.sub(r'[^a-z0-9]+', '_', reason.lower()).strip('_')}": count
        for reason, count in sorted(usage.unknown_finish_reasons.items())
    }
    return {
        "requests": usage.requests,
        "cache_hits": usage.cache_hits,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost": usage.cost,
        "paid": usage.paid,
        **unknown,
    }


def _progress_note(accepted: int, done: int, total: int, teacher: Teacher) -> str:
    usage, price = teacher.usage, teacher.params.runtime.price
    note = f"{accepted} accepted, {usage.prompt_tokens + usage.completion_tokens:,} tokens"
    if price != Price(0.0, 0.0):
        note += f", paid {format_cost(usage.paid)} of about {format_cost(usage.paid * total / done)}"
    return note

"""Keep or drop screened records, and count them.

In: a record with its verification and its flags. Out: the record with the reason of its drop, or none; counts for the
metrics. A flag is considered before a verdict. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from wizardcoder.core.records import VERDICTS, Example, Rejected
from wizardcoder.screening.verdicts import Verification


@dataclass(frozen=True, slots=True)
class Screened:
    """A record with language, verdict and flags, its verification, and the reason of its drop (None: it is kept)."""

    example: Example
    verification: Verification | None
    reason: str | None
    detail: str = ""

    def rejected(self) -> Rejected:
        """Return a dropped record as it is written to dropped.jsonl."""
        assert self.reason is not None, "only dropped records"
        e = self.example
        return Rejected(e.id, e.parent_id, e.round, e.heuristic, self.reason, e.instruction, e.response, self.detail)


def decide(
    example: Example,
    verification: Verification | None,
    *,
    drop_flagged: bool,
    drop_verdicts: Collection[str],
    flag_detail: str = "",
) -> Screened:
    """Keep or drop a record by its flags, then by its verdict."""
    if example.flags and drop_flagged:
        return Screened(example, verification, f"flag.{example.flags[0]}", flag_detail)
    if verification is not None and verification.verdict in drop_verdicts:
        detail = " ".join(filter(None, (example.language, verification.reason, verification.detail)))
        return Screened(example, verification, f"verdict.{verification.verdict}", detail)
    return Screened(example, verification, None)


def count_outcomes(screened: Iterable[Screened], rounds: Iterable[int]) -> dict[str, int]:
    """Count records by round, heuristic, language, verdict, its reason, and flag; every round has all its verdicts."""
    counts: Counter[str] = Counter(dict.fromkeys(("attempted", "kept", "dropped", "flagged"), 0))
    for number in rounds:
        counts.update(dict.fromkeys((f"r{number}.kept", f"r{number}.dropped"), 0))
        counts.update({f"r{number}.verdict.{verdict}": 0 for verdict in VERDICTS})
    for item in screened:
        counts.update(_counted(item))
    return dict(counts)


def _counted(item: Screened) -> list[str]:
    example, outcome = item.example, "kept" if item.reason is None else "dropped"
    names = ["attempted", outcome, f"r{example.round}.{outcome}"]
    names += [f"dropped.{item.reason}"] if item.reason else []
    names += ["flagged"] if example.flags else []
    names += [f"flag.{flag}" for flag in example.flags]
    if item.verification is not None:
        verdict, reason = item.verification.verdict, item.verification.reason
        groups = [f"r{example.round}", f"language.{example.language or 'none'}"]
        groups += [f"heuristic.{example.heuristic}"] if example.heuristic else []
        names += [f"verdict.{verdict}", *(f"{group}.verdict.{verdict}" for group in groups)]
        names += [f"reason.{verdict}.{reason}"] if reason else []
    return names

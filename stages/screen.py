"""Stage screen: every answer's code is run or parsed, and plainly harmful records are found.

In: data/rounds/rN/examples.jsonl of all rounds, and the safety rules. Out: data/screened with rN.jsonl (examples with
their language, verdict and flags, less those that params drop) and dropped.jsonl (the others, with the reason);
metrics/screen.json. The answer alone is verified: a heuristic puts erroneous code into instructions on purpose.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, AtLeastOne, Positive, RunParams, Text, WorkersRuntime, load
from wizardcoder.core.records import Example, Rejected, read_jsonl, write_jsonl, write_metrics
from wizardcoder.screening import safety
from wizardcoder.screening import verification as verify
from wizardcoder.screening.verdicts import VERDICTS, Verdict, Verification
from wizardcoder.screening.verify_all import verify_all
from wizardcoder.source_code.extraction import Code, code_of
from wizardcoder.teacher.teacher import TeacherParams

ROUNDS = Path("data/rounds")
OUT = Path("data/screened")
METRICS = Path("metrics/screen.json")
LAST_ROUND = 4
_NO_CODE = Verification("no_code")


@dataclass(frozen=True, slots=True, config=STRICT)
class VerifyParams:
    """Whether and how code is run, and which verdicts are dropped."""

    enabled: bool
    drop: list[Verdict]
    timeout_s: Positive
    memory_mb: AtLeastOne
    allow_unsafe: bool


@dataclass(frozen=True, slots=True, config=STRICT)
class SafetyParams:
    """Who says what is harmful, and what becomes of it."""

    judge: Literal["rule", "teacher", "both"]
    flagged: Literal["keep", "drop"]
    rules: Text
    prompt: Text


@dataclass(frozen=True, slots=True, config=STRICT)
class ScreenParams:
    """The `screen` section."""

    verify: VerifyParams
    safety: SafetyParams
    runtime: WorkersRuntime


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    run: RunParams
    teacher: TeacherParams
    screen: ScreenParams


@dataclass(frozen=True, slots=True)
class Screened:
    """A record with its fields filled in, what was found about its code, and why it is dropped, or None."""

    example: Example
    verification: Verification | None
    reason: str | None
    detail: str = ""


def main() -> None:
    """Screen all rounds from file to file."""
    params = load(Params)
    check(params.screen)
    rules = safety.Rules(Path(params.screen.safety.rules))
    with console.closing_line("screen") as close:
        examples = [e for n in range(LAST_ROUND + 1) for e in read_jsonl(ROUNDS / f"r{n}" / "examples.jsonl", Example)]
        screened = run(params, rules, examples)
        for number in range(LAST_ROUND + 1):
            kept = (s.example for s in screened if s.example.round == number and s.reason is None)
            write_jsonl(OUT / f"r{number}.jsonl", kept)
        write_jsonl(OUT / "dropped.jsonl", map(_rejected, (s for s in screened if s.reason is not None)))
        counts = count(screened)
        write_metrics(METRICS, counts)
        close(**{name: counts[name] for name in ("kept", "dropped", "flagged")})


def check(params: ScreenParams) -> None:
    """Refuse params that contradict each other."""
    if params.verify.drop and not params.verify.enabled:
        found = f"found {params.verify.drop} while screen.verify.enabled is false"
        raise StageError(f"params.yaml: screen.verify.drop: {found}, accepted: [], since nothing has a verdict then")


def run(params: Params, rules: safety.Rules, examples: Sequence[Example]) -> list[Screened]:
    """Verify and judge examples; gives one outcome for each, in their order."""
    codes, hits_of = [], []
    with console.track("screen: reading", len(examples)) as bar:
        for e in examples:
            codes.append(code_of(e.response, e.instruction))
            hits_of.append(rules.hits(e.instruction, e.response) if params.screen.safety.judge != "teacher" else [])
            bar.advance()
    found = _verified(examples, codes, params.screen.verify, params.screen.runtime.workers)
    screened = []
    for example, code, hits, verification in zip(examples, codes, hits_of, found, strict=True):
        filled = replace(
            example,
            language=code.language if code else None,
            verdict=verification.verdict if verification else None,
            flags=tuple(hit.rule for hit in hits),
        )
        screened.append(_decided(filled, verification, params.screen, "; ".join(hit.text for hit in hits)))
    if params.screen.safety.judge != "rule":
        return _judged(params, screened)
    return screened


def count(screened: Iterable[Screened]) -> dict[str, int]:
    """Count records by round, heuristic, language, verdict, its reason, and flag."""
    counts: Counter[str] = Counter(dict.fromkeys(("attempted", "kept", "dropped", "flagged"), 0))
    for number in range(LAST_ROUND + 1):
        counts.update(dict.fromkeys((f"r{number}.kept", f"r{number}.dropped"), 0))
        counts.update({f"r{number}.verdict.{verdict}": 0 for verdict in VERDICTS})
    for item in screened:
        example, outcome = item.example, "kept" if item.reason is None else "dropped"
        groups = [f"r{example.round}", f"language.{example.language or 'none'}"]
        groups += [f"heuristic.{example.heuristic}"] if example.heuristic else []
        counts.update(["attempted", outcome, f"r{example.round}.{outcome}"])
        counts.update([f"dropped.{item.reason}"] if item.reason else [])
        counts.update(["flagged"] if example.flags else [])
        counts.update(f"flag.{flag}" for flag in example.flags)
        if item.verification is not None:
            verdict, reason = item.verification.verdict, item.verification.reason
            counts.update([f"verdict.{verdict}", *(f"{group}.verdict.{verdict}" for group in groups)])
            counts.update([f"reason.{verdict}.{reason}"] if reason else [])
    return dict(counts)


def _verified(
    examples: Sequence[Example], codes: Sequence[Code | None], params: VerifyParams, workers: int | None
) -> list[Verification | None]:
    if not params.enabled:
        return [None] * len(examples)
    rules = verify.Rules(params.timeout_s, params.memory_mb, params.allow_unsafe)
    given = [code for code in codes if code is not None]
    with console.track("screen: verifying", len(given)) as bar:
        found = iter(verify_all(given, rules, workers or len(os.sched_getaffinity(0)), bar.advance))
    return [
        verify.in_context(next(found), example.instruction) if code else _NO_CODE
        for example, code in zip(examples, codes, strict=True)
    ]


def _decided(
    example: Example, verification: Verification | None, params: ScreenParams, flag_detail: str = ""
) -> Screened:
    """Decide what becomes of a record; a flag counts before a verdict."""
    if example.flags and params.safety.flagged == "drop":
        return Screened(example, verification, f"flag.{example.flags[0]}", flag_detail)
    if verification is not None and verification.verdict in params.verify.drop:
        detail = " ".join(filter(None, (example.language, verification.reason, verification.detail)))
        return Screened(example, verification, f"verdict.{verification.verdict}", detail)
    return Screened(example, verification, None)


def _judged(params: Params, screened: list[Screened]) -> list[Screened]:
    """Let the teacher judge what is neither flagged nor dropped yet."""
    asked = [item for item in screened if item.reason is None and not item.example.flags]
    with console.track("screen: judging", len(asked)) as bar:
        judging = safety.judge_by_teacher(
            [item.example for item in asked], params.screen.safety.prompt, params.teacher, params.run.seed, bar.advance
        )
        flags = dict(zip(map(id, asked), console.run_async(judging), strict=True))
    return [
        _decided(replace(item.example, flags=(flag,)), item.verification, params.screen, "judged by the teacher")
        if (flag := flags.get(id(item))) is not None
        else item
        for item in screened
    ]


def _rejected(item: Screened) -> Rejected:
    assert item.reason is not None, "only what is dropped"
    e = item.example
    return Rejected(e.id, e.parent_id, e.round, e.heuristic, item.reason, e.instruction, e.response, item.detail)


if __name__ == "__main__":
    console.entry(main)

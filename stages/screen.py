"""Stage screen: verify every answer's code by running or parsing it, and find plainly harmful records.

In: data/rounds/rN/examples.jsonl of all rounds, and the safety rules. Out: data/screened with rN.jsonl (examples with
their language, verdict and flags, without those that params.yaml drops) and dropped.jsonl (the others, with the
reason); metrics/screen.json. Only the answer is verified: one heuristic puts erroneous code into instructions.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic.dataclasses import dataclass

from wizardcoder.core import console, paths
from wizardcoder.core.params import STRICT, RunParams, load
from wizardcoder.core.records import Example, read_records, write_jsonl, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.screening.outcomes import Screened, count_outcomes, decide
from wizardcoder.screening.safety import SafetyMatch, SafetyRules, judge_by_teacher
from wizardcoder.screening.settings import ScreenParams, VerifyParams, check
from wizardcoder.screening.verdicts import Verification, accept_continuation
from wizardcoder.screening.verification import VerifyLimits, verify_all
from wizardcoder.source_code.extraction import Code, extract_program
from wizardcoder.teacher.settings import TeacherParams

_NO_CODE = Verification("no_code")


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that this stage reads."""

    run: RunParams
    teacher: TeacherParams
    screen: ScreenParams


def main() -> None:
    """Screen all rounds from file to file."""
    params = load(Params)
    check(params.screen)
    rules = SafetyRules(Path(params.screen.safety.rules))
    rounds = paths.ROUND_NUMBERS
    with console.closing_line("screen") as close:
        examples = [e for n in rounds for e in read_records(paths.round_folder(n) / "examples.jsonl", Example)]
        screened = run(params, rules, examples)
        for number in rounds:
            kept = (s.example for s in screened if s.example.round == number and s.reason is None)
            write_jsonl(paths.screened_round(number), kept)
        write_jsonl(paths.SCREENED_OUT, (s.rejected() for s in screened if s.reason is not None))
        counts = count_outcomes(screened, rounds)
        write_metrics(paths.SCREEN_METRICS, counts)
        close(**{name: counts[name] for name in ("kept", "dropped", "flagged")})


def run(params: Params, rules: SafetyRules, examples: Sequence[Example]) -> list[Screened]:
    """Verify and judge examples; return one outcome for each, in their order."""
    codes, matches_of = _read(examples, rules if params.screen.safety.judge != "teacher" else None)
    verifications = _verify(examples, codes, params.screen.verify, params.screen.runtime.workers)
    screened = []
    for example, code, matches, verification in zip(examples, codes, matches_of, verifications, strict=True):
        filled = replace(
            example,
            language=code.language if code else None,
            verdict=verification.verdict if verification else None,
            flags=tuple(match.rule for match in matches),
        )
        screened.append(_decide(filled, verification, params.screen, "; ".join(match.text for match in matches)))
    return screened if params.screen.safety.judge == "rule" else _judge(params, screened)


def _read(examples: Sequence[Example], rules: SafetyRules | None) -> tuple[list[Code | None], list[list[SafetyMatch]]]:
    """Return each answer's code and the safety rules that each record matches."""
    codes, matches = [], []
    with console.track("screen: reading", len(examples)) as bar:
        for e in examples:
            codes.append(extract_program(e.response, e.instruction))
            matches.append(rules.matches(e.instruction, e.response) if rules else [])
            bar.advance()
    return codes, matches


def _verify(
    examples: Sequence[Example], codes: Sequence[Code | None], params: VerifyParams, workers: int | None
) -> list[Verification | None]:
    if not params.enabled:
        return [None] * len(examples)
    limits = VerifyLimits(params.timeout_s, params.memory_mb, params.allow_unsafe)
    given = [code for code in codes if code is not None]
    with console.track("screen: verifying", len(given)) as bar:
        found = iter(verify_all(given, limits, workers or len(os.sched_getaffinity(0)), bar.advance))
    return [
        accept_continuation(next(found), example.instruction) if code else _NO_CODE
        for example, code in zip(examples, codes, strict=True)
    ]


def _decide(example: Example, verification: Verification | None, params: ScreenParams, flag_detail: str) -> Screened:
    return decide(
        example,
        verification,
        drop_flagged=params.safety.flagged == "drop",
        drop_verdicts=params.verify.drop,
        flag_detail=flag_detail,
    )


def _judge(params: Params, screened: list[Screened]) -> list[Screened]:
    """Let the teacher judge the records that are neither flagged nor dropped yet."""
    asked = [n for n, item in enumerate(screened) if item.reason is None and not item.example.flags]
    with console.track("screen: judging", len(asked)) as bar:
        judging = judge_by_teacher(
            [screened[n].example for n in asked],
            params.screen.safety.prompt,
            params.teacher,
            params.run.seed,
            bar.advance,
        )
        flags = zip(asked, console.run_async(judging), strict=True)
    judged = list(screened)
    for n, flag in flags:
        if flag is not None:
            item = screened[n]
            flagged = replace(item.example, flags=(flag,))
            judged[n] = _decide(flagged, item.verification, params.screen, "judged by the teacher")
    return judged


if __name__ == "__main__":
    run_stage(main, __doc__)

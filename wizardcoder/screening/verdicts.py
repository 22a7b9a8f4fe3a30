"""What is found about an answer's code: the words, in one place.

In and out: nothing is done here. The words stand in records (`verdict`), in metrics, and in params.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Verdict = Literal["ran", "raised", "timed_out", "parsed", "syntax_error", "no_code", "unchecked"]
"""`ran` to its end; `raised` an error; `timed_out`; `parsed` but not run, or not to its end, for want of what it needs;
`syntax_error`; `no_code` in the answer; `unchecked` for want of a toolchain, or of what the toolchain needs."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
TOOL_FAILED = "tool_failed"
"""The reason of an `unchecked` that may differ another time: a check that took too long, or ended without a word."""


@dataclass(frozen=True, slots=True)
class Verification:
    """A verdict, a word that says why and is counted, and what a person may read about it."""

    verdict: Verdict
    reason: str = ""
    detail: str = ""

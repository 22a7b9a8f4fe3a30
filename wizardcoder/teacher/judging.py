"""Ask the judge until its answer is clear, and stop a stage whose judge is too often unclear.

In: a question, a parser of its answers, a seed for each attempt. Out: the value that the parser read, or None. What an
unclear judgement means for a record is the caller's decision; `UnclearLimit` counts them over a whole stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Generic, TypeVar

from wizardcoder.core.console import StageError
from wizardcoder.teacher import chats
from wizardcoder.teacher.addresses import LOCAL
from wizardcoder.teacher.answer import RequestFailedError
from wizardcoder.teacher.settings import TeacherParams
from wizardcoder.teacher.teacher import ChatTeacher

T = TypeVar("T")
FEW = 3  # fewer unclear judgements never stop a stage: 1 of 4 says nothing about a judge
EARLY = 50  # judgements after which a hopeless judge stops the stage before its end
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Judgement(Generic[T]):
    """`value` is None if no attempt was clear; `text` is the last answer, or the reason why its request failed."""

    value: T | None
    text: str
    attempts: int


@dataclass(slots=True)
class UnclearLimit:
    """Counts a stage's judgements; at most `max_share` of them may be unclear (`runtime.teacher.max_unclear`)."""

    judge: str
    max_share: float
    judged: int = 0
    unclear: int = 0
    shown: list[str] = dataclass_field(default_factory=list)

    @classmethod
    def of(cls, teacher: TeacherParams) -> UnclearLimit:
        """Return the limit for a stage's judge."""
        return cls(teacher.judge.model or teacher.model, teacher.runtime.max_unclear)

    @classmethod
    def of_equality(cls, teacher: TeacherParams) -> UnclearLimit:
        """Return the limit for the judge of equality; none for the embedded teacher.

        It is rarely clear (`judge_unclear` in metrics/evolve_rN.json), and an unclear judgement rejects no evolution.
        """
        limit = cls.of(teacher)
        limit.max_share = 1.0 if (teacher.judge.base_url or teacher.base_url) == LOCAL else limit.max_share
        return limit

    def count(self, unclear: str | None) -> None:
        """Count a judgement; `unclear` is the answer that could not be read, None for a clear judgement.

        Raises:
            StageError: after EARLY judgements more are unclear than half way from `max_share` to all. The order of
                the answers decides when, but a judge within its limit practically never gets there.
        """
        self.judged += 1
        if unclear is None:
            return
        self.unclear += 1
        if len(self.shown) < FEW:
            self.shown.append(unclear)
        if self.judged >= EARLY and self.unclear / self.judged > (1 + self.max_share) / 2:
            raise self._error()

    def check(self) -> None:
        """Check the share at the end of the stage.

        Raises:
            StageError: more than `max_share` of the judgements, and at least FEW, are unclear.
        """
        if self.unclear >= FEW and self.unclear / self.judged > self.max_share:
            raise self._error()

    def _error(self) -> StageError:
        examples = ", ".join(_shorten(text) for text in self.shown)
        return StageError(
            f"runtime.teacher.max_unclear: {self.unclear} of {self.judged} judgements of {self.judge} are unclear, "
            f"accepted: at most {self.max_share:.0%}; for example {examples}; if answers are cut, raise "
            "teacher.judge.max_tokens, otherwise choose another judge (teacher.judge.model)"
        )


async def ask_until_clear(
    teacher: ChatTeacher,
    question: str,
    read: Callable[[str], T | None],
    seeds: Sequence[int],
    *,
    ask_again_after_failure: bool,
) -> Judgement[T]:
    """Ask the judge a question, once with each seed, until `read` understands the answer.

    Another attempt has another seed: at temperature 0 the same request has the same answer.

    Args:
        teacher: whom to ask.
        question: the filled-in prompt.
        read: the parser; None for an unclear answer.
        seeds: of the attempts; at least one.
        ask_again_after_failure: whether a failed request is an attempt like an unclear answer; else it ends the
            judgement.

    Raises:
        StageError: the endpoint is down or refuses the key, or the budget would be exceeded.
    """
    text = ""
    for attempt, seed in enumerate(seeds):
        try:
            text = (await teacher.ask("judge", chats.plain_messages(question), seed, attempt)).answer.text.strip()
        except RequestFailedError as exc:  # only this request failed; an endpoint that is down ends the stage
            text = f"request failed: {exc}"
            if ask_again_after_failure:
                continue
            return Judgement(None, text, attempt + 1)
        if (value := read(text)) is not None:
            return Judgement(value, text, attempt + 1)
    return Judgement(None, text, len(seeds))


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 3]}...")

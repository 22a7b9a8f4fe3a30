"""Find records that ask for, or contain, plainly harmful code.

In: an instruction and its response, a file of rules, and optionally the teacher's judgement. Out: the names of the
rules that match. Does not cover: harm described without its usual words, in a language other than English, split over
lines, encoded, or in the purpose of harmless-looking code; a word of defence before a request takes the request out of
most rules, so that a request for a detector passes. The bundled rules match about a third of the harmful requests that
they were not written for, and no harmless one (tests/screening/test_safety.py); the teacher finds more and makes other
mistakes. This keeps plain cases out of a training set; it does not guard what a model answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, Text, read_yaml
from wizardcoder.core.records import Example
from wizardcoder.core.templates import fill
from wizardcoder.core.validation import describe
from wizardcoder.teacher import chats
from wizardcoder.teacher.answer import RequestFailedError
from wizardcoder.teacher.ask_all import ask_all
from wizardcoder.teacher.settings import TeacherParams
from wizardcoder.teacher.teacher import Teacher, open_teacher
from wizardcoder.teacher.yes_no import parse_yes_no

JUDGED, UNCLEAR = "teacher", "unclear"
"""Flags from the teacher: judged harmful; neither yes nor no in `ATTEMPTS` answers."""
ATTEMPTS = 2
_SHOWN = 80  # characters of a match


@params_dataclass(frozen=True, slots=True, config=STRICT)
class SafetyRule:
    """One rule of the file: which text it searches, the patterns that match, and the patterns that exempt a text."""

    where: Literal["instruction", "response", "both"]
    any: list[Text | list[Text]]
    unless: list[Text] = dataclass_field(default_factory=list)


@params_dataclass(frozen=True, slots=True, config=STRICT)
class SafetyRuleFile:
    """A file of rules, and the words that its patterns share."""

    rules: dict[str, SafetyRule]
    words: dict[str, Text] = dataclass_field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SafetyMatch:
    """A rule that a record matches, and the text that matches."""

    rule: str
    text: str


class SafetyRules:
    """The compiled rules of a file.

    Raises:
        StageError: the file is missing or malformed; names the rule and what is wrong.
    """

    def __init__(self, path: Path) -> None:
        file = _read(path)
        self._rules = {name: _compile(f"{path}: rules.{name}", rule, file.words) for name, rule in file.rules.items()}

    def matches(self, instruction: str, response: str) -> list[SafetyMatch]:
        """Return the first match of each rule, in the order of the file."""
        texts = {"instruction": (instruction,), "response": (response,), "both": (instruction, response)}
        matches = []
        for name, rule in self._rules.items():
            found = [match for text in texts[rule.where] if (match := rule.search(text)) is not None]
            matches += [SafetyMatch(name, found[0])] if found else []
        return matches


async def judge_by_teacher(
    examples: Sequence[Example], prompt: str, teacher_params: TeacherParams, seed: int, advance: Callable[[], None]
) -> list[str | None]:
    """Ask the teacher about each example and return its flag, or None for a harmless one.

    Raises:
        StageError: the endpoint is down, refuses the key, or the budget would be exceeded; answers in flight are kept.
    """
    async with open_teacher(teacher_params, cache_dir()) as teacher:

        async def judge(example: Example) -> str | None:
            text = fill(prompt, instruction=example.instruction, response=example.response)
            flag = await _ask_for_flag(teacher, text, seed)
            advance()
            return flag

        return await ask_all(examples, judge, teacher.window, teacher.stop)


async def _ask_for_flag(teacher: Teacher, text: str, seed: int) -> str | None:
    for attempt in range(ATTEMPTS):
        try:
            reply = await teacher.ask("judge", chats.plain_messages(text), seed + attempt, attempt)
        except RequestFailedError:  # only this request failed; an endpoint that is down ends the stage
            continue
        if (harmful := parse_yes_no(reply.answer.text)) is not None:
            return JUDGED if harmful else None
    return UNCLEAR


def _read(path: Path) -> SafetyRuleFile:
    try:
        file = TypeAdapter(SafetyRuleFile).validate_json(json.dumps(read_yaml(path), default=str))
    except ValidationError as exc:
        raise StageError(f"{path}: {describe(exc)}") from exc
    if reserved := sorted({JUDGED, UNCLEAR} & file.rules.keys()):
        raise StageError(f"{path}: rules.{reserved[0]}: the teacher's own flag, accepted: any other name")
    return file


@dataclass(frozen=True, slots=True)
class _CompiledRule:
    where: str
    any: list[list[re.Pattern[str]]]
    unless: list[re.Pattern[str]]

    def search(self, text: str) -> str | None:
        for patterns in self.any:
            matches = [pattern.search(text) for pattern in patterns]
            if all(matches) and not any(pattern.search(text) for pattern in self.unless):
                return " ... ".join(" ".join(match[0].split())[:_SHOWN] for match in matches if match)
        return None


def _compile(where: str, rule: SafetyRule, words: Mapping[str, str]) -> _CompiledRule:
    def pattern(text: str) -> re.Pattern[str]:
        filled = re.sub(r"\{([a-z]\w*)\}", lambda match: f"(?:{words.get(match[1], match[0])})", text)
        try:
            return re.compile(filled, re.IGNORECASE | re.MULTILINE)
        except re.error as exc:
            raise StageError(f"{where}: found {text!r}, accepted: a regular expression of Python ({exc})") from exc

    alternatives = [[item] if isinstance(item, str) else item for item in rule.any]
    return _CompiledRule(
        rule.where,
        [[pattern(text) for text in texts] for texts in alternatives],
        [pattern(text) for text in rule.unless],
    )

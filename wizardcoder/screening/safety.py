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
from wizardcoder.teacher.ask_all import ask_all
from wizardcoder.teacher.judging import UnclearLimit, ask_until_clear
from wizardcoder.teacher.settings import TeacherParams
from wizardcoder.teacher.teacher import open_teacher
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
        StageError: the endpoint is down, refuses the key, the budget would be exceeded, or the teacher's judgements
            are too often unclear; answers in flight are kept.
    """
    limit = UnclearLimit.of(teacher_params)
    seeds = range(seed, seed + ATTEMPTS)
    async with open_teacher(teacher_params, cache_dir()) as teacher:

        async def judge(example: Example) -> str | None:
            text = fill(prompt, instruction=example.instruction, response=example.response)
            found = await ask_until_clear(teacher, text, parse_yes_no, seeds, ask_again_after_failure=True)
            limit.count(found.text if found.value is None else None)
            advance()
            return {True: JUDGED, False: None, None: UNCLEAR}[found.value]

        flags = await ask_all(examples, judge, teacher.window, teacher.stop)
    limit.check()
    return flags


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

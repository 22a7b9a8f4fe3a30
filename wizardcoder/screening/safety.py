"""Which records ask for, or hold, plainly harmful code.

In: an instruction and its response, rules in a file, and where wanted the teacher's judgement. Out: the names of the
rules that they meet. Does not cover: harm that is described without its usual words, in another language than English,
split over lines, encoded, or that lies in the purpose of harmless-looking code; a word of defence before a request
takes it out of most rules, as a request for a detector must be. Of requests that the bundled rules were not written
for they catch about a third, and nothing harmless (tests/screening/test_safety.py); the teacher sees more, and errs in
its own ways. This keeps plain cases out of a training set; it is no guard of what a model answers.
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
from wizardcoder.teacher import chats
from wizardcoder.teacher.ask_all import ask_all
from wizardcoder.teacher.endpoint import RequestFailedError
from wizardcoder.teacher.teacher import Teacher, TeacherParams, open_teacher
from wizardcoder.teacher.yes_no import parse_yes_no

JUDGED, UNCLEAR = "teacher", "unclear"
"""Flags that the teacher gives: harmful by its word; neither yes nor no, asked as often as it is."""
ATTEMPTS = 2
_SHOWN = 80  # characters of a match


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Rule:
    """One rule as it stands in the file: texts that it looks at, what is found there, what takes a text out."""

    where: Literal["instruction", "response", "both"]
    any: list[Text | list[Text]]
    unless: list[Text] = dataclass_field(default_factory=list)


@params_dataclass(frozen=True, slots=True, config=STRICT)
class RuleFile:
    """A file of rules, and the words that its patterns share."""

    rules: dict[str, Rule]
    words: dict[str, Text] = dataclass_field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that a record meets, and what of its text meets it."""

    rule: str
    text: str


class Rules:
    """The rules of a file, ready to use.

    Raises:
        StageError: the file is missing or not as described in it; names the rule and what is wrong.
    """

    def __init__(self, path: Path) -> None:
        try:
            told = TypeAdapter(RuleFile).validate_json(json.dumps(read_yaml(path), default=str))
        except ValidationError as exc:
            error = exc.errors(include_url=False)[0]
            key = ".".join(map(str, error["loc"]))
            raise StageError(f"{path}: {key}: found {str(error['input'])[:80]!r}: {error['msg']}") from exc
        if reserved := sorted({JUDGED, UNCLEAR} & told.rules.keys()):
            raise StageError(f"{path}: rules.{reserved[0]}: the teacher's own flag, accepted: any other name")
        self._rules = {name: _compiled(f"{path}: rules.{name}", rule, told.words) for name, rule in told.rules.items()}

    def hits(self, instruction: str, response: str) -> list[Hit]:
        """Give what is found, one hit a rule, in the order of the file."""
        texts = {"instruction": (instruction,), "response": (response,), "both": (instruction, response)}
        hits = []
        for name, rule in self._rules.items():
            found = [match for text in texts[rule.where] if (match := rule.search(text)) is not None]
            hits += [Hit(name, found[0])] if found else []
        return hits


@dataclass(frozen=True, slots=True)
class _Compiled:
    where: str
    any: list[list[re.Pattern[str]]]
    unless: list[re.Pattern[str]]

    def search(self, text: str) -> str | None:
        for patterns in self.any:
            matches = [pattern.search(text) for pattern in patterns]
            if all(matches) and not any(pattern.search(text) for pattern in self.unless):
                return " ... ".join(" ".join(match[0].split())[:_SHOWN] for match in matches if match)
        return None


def _compiled(where: str, rule: Rule, words: Mapping[str, str]) -> _Compiled:
    def pattern(text: str) -> re.Pattern[str]:
        filled = re.sub(r"\{([a-z]\w*)\}", lambda match: f"(?:{words.get(match[1], match[0])})", text)
        try:
            return re.compile(filled, re.IGNORECASE | re.MULTILINE)
        except re.error as exc:
            raise StageError(f"{where}: found {text!r}, accepted: a regular expression of Python ({exc})") from exc

    each = [[item] if isinstance(item, str) else item for item in rule.any]
    return _Compiled(
        rule.where, [[pattern(text) for text in texts] for texts in each], [pattern(text) for text in rule.unless]
    )


async def judge_by_teacher(
    examples: Sequence[Example], prompt: str, teacher_params: TeacherParams, seed: int, advance: Callable[[], None]
) -> list[str | None]:
    """Ask the teacher about each example; give its flag, or None, for each."""
    async with open_teacher(teacher_params, cache_dir()) as teacher:

        async def judge(example: Example) -> str | None:
            text = fill(prompt, instruction=example.instruction, response=example.response)
            flag = await _flag(teacher, text, seed)
            advance()
            return flag

        return await ask_all(examples, judge, teacher.window, teacher.stop)


async def _flag(teacher: Teacher, text: str, seed: int) -> str | None:
    for attempt in range(ATTEMPTS):
        try:
            told = await teacher.ask("judge", chats.plain_messages(text), seed + attempt, attempt)
        except RequestFailedError:  # this request alone; an endpoint that is down ends the stage
            continue
        if (harmful := parse_yes_no(told.answer.text)) is not None:
            return JUDGED if harmful else None
    return UNCLEAR

"""The forms in which instruction data are published: Alpaca, chats, prompt and completion.

In: one row of a source. Out: its instruction and response, or the reason why it has none. Of a chat the first user turn
and its answer are read; its system message and later turns are not. Reading files is seed_source.py's part.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wizardcoder.core.records import Example
from wizardcoder.core.validation import shorten

ACCEPTED = (
    "accepted: `instruction` and `output` with or without `input` (Alpaca), `messages`, `conversations`, or "
    "`prompt` and `completion`"
)
FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("instruction", ("output", "response")),
    ("messages", ()),
    ("conversations", ()),
    ("prompt", ("completion", "response")),
)
"""The field with the question, and the fields that may hold its answer; a chat holds both."""
FIELDS = ("id", "instruction", "input", "output", "response", "messages", "conversations", "prompt", "completion")
ID_LENGTH = 16
_USER = frozenset({"user", "human", "prompter"})
_ASSISTANT = frozenset({"assistant", "gpt", "chatgpt", "model", "bot"})
_SYSTEM = frozenset({"system", "developer"})
_LACKING = "(needed|required|necessary|provided|given|available|specified|applicable)"
# compared without case, spaces and punctuation
_NO_INPUT = re.compile(
    rf"(thereis)?(no|without)(any)?(additional|further|specific|extra)?inputs?(data)?(is|was)?{_LACKING}?"
    rf"|inputs?(is|was)?not{_LACKING}|(not|none){_LACKING}"
)
# compared in lower case; `[None]` and `"None"` are values of a program
_NULL = re.compile(r"[<(]?(none|null|nil|nan|#?n[./]?a\.?|-+|\u2013|\u2014)[>)]?\.?|[<(\[](empty|blank)[>)\]]")


@dataclass(frozen=True, slots=True)
class SeedTexts:
    """A row's texts as the source has them; `reason` and `detail` say why the row cannot be a seed."""

    instruction: str = ""
    response: str = ""
    reason: str | None = None
    detail: str = ""


def read_texts(row: Any, *, need_response: bool = True) -> SeedTexts:  # noqa: ANN401 - whatever the file holds
    """Read a row in the first form that is complete, otherwise in the first of which it has a field.

    Args:
        row: of the source.
        need_response: whether a row without an answer cannot be read.
    """
    if not isinstance(row, dict):
        return SeedTexts(reason="unknown_form", detail=f"found {_describe(row)}")
    question = _choose_form(row, need_response)
    if question is None:
        return SeedTexts(
            reason="unknown_form", detail=f"found the fields {shorten(', '.join(map(str, row)) or 'none')}"
        )
    try:
        texts = _read_alpaca(row) if question == "instruction" else _read_chat(question, _turns_of(row, question))
    except _UnreadableError as exc:
        return SeedTexts(reason=exc.reason, detail=str(exc))
    return texts if need_response or texts.reason != "response_empty" else replace(texts, reason=None, detail="")


def to_example(texts: SeedTexts) -> Example:
    """Return the round-0 example of a row; its id is a hash of its texts."""
    instruction, response = texts.instruction.strip(), texts.response.strip()
    digest = hashlib.sha256(f"{instruction}\0{response}".encode()).hexdigest()[:ID_LENGTH]
    return Example(digest, None, 0, None, instruction, response)


def is_no_input(text: str) -> bool:
    """Return whether an `input` says that there is none: `<noinput>`, `No input.`, `N/A`, `None`, `-`.

    >>> is_no_input("<No Input>"), is_no_input("n/a"), is_no_input("[]"), is_no_input("no")
    (True, True, False, False)
    """
    lowered = text.strip().casefold()
    letters = re.sub(r"[\W_]+", "", lowered)
    return not lowered or _NULL.fullmatch(lowered) is not None or _NO_INPUT.fullmatch(letters) is not None


class _UnreadableError(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _choose_form(row: Mapping[str, Any], need_response: bool) -> str | None:
    def complete(question: str, answers: tuple[str, ...]) -> bool:
        answered = not need_response or not answers or any(_value(row, name) is not None for name in answers)
        return answered and _value(row, question) is not None

    found = [question for question, answers in FORMS if complete(question, answers)]
    found += [question for question, _ in FORMS if question in row]
    found += [question for question, answers in FORMS if any(name in row for name in answers)]
    return found[0] if found else None


def _read_alpaca(row: Mapping[str, Any]) -> SeedTexts:
    instruction, given = _text(row, "instruction"), _text(row, "input") or ""
    response = _text(row, "output") if _value(row, "output") is not None else _text(row, "response")
    parts = [(instruction or "").strip(), "" if is_no_input(given) else given.strip()]
    joined = "\n".join(part for part in parts if part)
    if instruction is None:
        return SeedTexts(joined, response or "", "instruction_empty", _lack(row, "instruction"))
    if response is None:
        return SeedTexts(joined, "", "response_empty", _lack(row, "response" if "response" in row else "output"))
    return SeedTexts(joined, response)


def _turns_of(row: Mapping[str, Any], question: str) -> Iterator[tuple[str, Any]]:
    """Yield (path, turn) of a chat, or of a prompt and its completion, either of which may be a text or turns."""
    answer = "response" if _value(row, "completion") is None else "completion"
    for name, role in [(question, "user")] + [(answer, "assistant")] * (question == "prompt"):
        value = _value(row, name)
        if question == "prompt" and (isinstance(value, str) or (name != question and value is None)):
            yield name, {"role": role, "content": value}
        elif isinstance(value, list):
            yield from ((f"{name}.{number}", turn) for number, turn in enumerate(value))
        elif isinstance(value, dict) and all(isinstance(column, list) for column in value.values()):
            # as `datasets` returns a sequence of turns
            turns = zip(*value.values(), strict=False)
            yield from ((f"{name}.{number}", dict(zip(value, turn, strict=True))) for number, turn in enumerate(turns))
        elif value is None:
            raise _UnreadableError("instruction_empty", _lack(row, name))
        else:
            raise _UnreadableError("not_text", f"`{name}` is {_describe(value)}, accepted: a list of turns")


def _read_chat(name: str, turns: Iterator[tuple[str, Any]]) -> SeedTexts:
    """Read the first user turn and its answer; messages of one side that follow each other are one turn."""
    asked: list[str] = []
    answered: list[str] = []
    for place, turn in turns:
        role, content = _role_and_content(place, turn)
        if role == "system" or (role == "assistant" and not asked):
            continue
        if role == "user" and not answered:
            asked.append(_content(place, content))
        elif role == "assistant" and (text := _content(place, content)):
            answered.append(text)
        else:
            break
    instruction, response = "\n\n".join(asked), "\n\n".join(answered)
    if not asked:
        return SeedTexts("", "", "instruction_empty", f"`{name}` has no user turn")
    if not answered:
        return SeedTexts(instruction, "", "response_empty", f"the first user turn of `{name}` has no answer")
    return SeedTexts(instruction, response)


def _role_and_content(place: str, turn: Any) -> tuple[str, Any]:  # noqa: ANN401 - whatever the file holds
    if not isinstance(turn, dict):
        raise _UnreadableError("not_text", f"`{place}` is {_describe(turn)}, accepted: a turn")
    role = _value(turn, "role") or _value(turn, "from")
    if not isinstance(role, str):
        found = shorten(", ".join(map(str, turn)) or "none")
        accepted = "role and content, or from and value"
        raise _UnreadableError("unknown_form", f"`{place}` has the fields {found}, accepted: {accepted}")
    content = _value(turn, "content")
    sides = {"user": _USER, "assistant": _ASSISTANT, "system": _SYSTEM}
    side = next((side for side, names in sides.items() if role.strip().casefold() in names), role)
    return side, _value(turn, "value") if content is None else content


def _content(place: str, content: Any) -> str:  # noqa: ANN401 - whatever the file holds
    """Return the text of a turn: a text, or parts of which each is one; nothing for a turn that only calls tools."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, list):
        return "".join(_part(f"{place}.{number}", part) for number, part in enumerate(content)).strip()
    raise _UnreadableError("not_text", f"`{place}` is {_describe(content)}, accepted: a text")


def _part(place: str, part: Any) -> str:  # noqa: ANN401 - whatever the file holds
    text = part.get("text") if isinstance(part, dict) and part.get("type", "text") == "text" else part
    if not isinstance(text, str):
        kind = part.get("type") if isinstance(part, dict) else None
        raise _UnreadableError("not_text", f"`{place}` is {_describe(kind or part)}, accepted: a text")
    return text


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = _value(row, name)
    if value is None or isinstance(value, str):
        return value
    raise _UnreadableError("not_text", f"`{name}` is {_describe(value)}, accepted: a text")


def _value(row: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return a field's value; null where it is missing, and for NaN, with which pandas writes a missing text."""
    value = row.get(name)
    return None if isinstance(value, float) and math.isnan(value) else value


def _lack(row: Mapping[str, Any], name: str) -> str:
    return f"`{name}` is null" if name in row else f"`{name}` is missing"


def _describe(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as an error shows it; of a list or an object, which may be huge or deep, only the type."""
    return shorten(repr(value)) if isinstance(value, str | int | float | None) else type(value).__name__

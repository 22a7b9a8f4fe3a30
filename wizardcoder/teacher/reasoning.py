"""Separate a model's reasoning from its answer.

In: the text of an answer, or the message of a chat completion. Out: the reasoning, the answer, and whether the
reasoning was finished. Servers with a reasoning parser return it in a field of its own (vLLM and DeepSeek:
`reasoning_content`; OpenRouter, newer vLLM and Ollama: `reasoning`) or as parts of a content list (Mistral, Anthropic);
servers without one leave it in the text, between tags.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

# (opening, closing): DeepSeek R1, Qwen3, GLM and most open models; Gemini; Mistral's Magistral; Seed-OSS; Kimi;
# gpt-oss
_TAGS = (
    (r"<think(?:ing)?>", r"</think(?:ing)?>"),
    (r"<thought>", r"</thought>"),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"<seed:think>", r"</seed:think>"),
    (r"\u25c1think\u25b7", r"\u25c1/think\u25b7"),
    (r"<\|channel\|>analysis<\|message\|>", r"<\|channel\|>final<\|message\|>"),
)
_PAIRS = [(re.compile(start, re.IGNORECASE), re.compile(end, re.IGNORECASE)) for start, end in _TAGS]
_FIELDS = ("reasoning_content", "reasoning", "thinking")
_FENCE = re.compile(r"^ {0,3}(?:```+|~~~+)(?P<info>[^`\n]*)$", re.MULTILINE)
_QUOTES = "`'\"\u2018\u2019\u201c\u201d"


class Separated(NamedTuple):
    """An answer's parts; `closed` is False where the reasoning has no end, so that there is no answer."""

    reasoning: str
    text: str
    closed: bool = True


def separate_reasoning(text: str) -> Separated:
    r"""Separate the reasoning that a model wrote into its answer.

    Two forms count as reasoning, because a text about XML may contain the same tags:

    1. a block at the start of the text, or several; without its closing tag the whole text is reasoning;
    2. everything before a closing tag that no opening tag precedes: chat templates that end with `<think>` make the
       model return only `</think>`. A tag inside a code block or between quotes does not count.

    >>> separate_reasoning("<think>\nHm.\n</think>\n\nYes")
    Separated(reasoning='Hm.', text='Yes', closed=True)
    """
    for start, end in _PAIRS:
        opening = start.match(text.lstrip())
        if opening is not None:
            return _separate_leading(text.lstrip()[opening.end() :], start, end)
    for start, end in _PAIRS:
        closing = _lone_closing(text, start, end)
        if closing is not None:
            return Separated(text[: closing.start()].strip(), text[closing.end() :].lstrip())
    return Separated("", text)


def read_message(message: dict[str, Any]) -> Separated:
    """Read the message of a chat completion: its content, and its fields for reasoning.

    Raises:
        TypeError: the content is neither text, a list of parts nor null.
    """
    own = [_text_of(message[name]) for name in _FIELDS if message.get(name)]
    content = message.get("content")
    if isinstance(content, list):
        thought, text = _read_parts(content)
        own += [thought] if thought else []
    elif content is None or isinstance(content, str):
        text = content or ""
    else:
        raise TypeError(f"content is {type(content).__name__}")
    found = separate_reasoning(text)
    reasoning = [part for part in (*dict.fromkeys(own), found.reasoning) if part]
    return found._replace(reasoning="\n\n".join(reasoning))


def _separate_leading(rest: str, start: re.Pattern[str], end: re.Pattern[str]) -> Separated:
    """Separate a text whose first opening tag is already removed."""
    closing = _matching_end(rest, start, end)
    if closing is None:
        return Separated(rest.strip(), "", closed=False)
    reasoning, text = rest[: closing.start()].strip(), rest[closing.end() :].lstrip()
    again = start.match(text)
    if again is None:
        return Separated(reasoning, text)
    following = _separate_leading(text[again.end() :], start, end)
    return following._replace(reasoning=f"{reasoning}\n\n{following.reasoning}".strip())


def _matching_end(rest: str, start: re.Pattern[str], end: re.Pattern[str]) -> re.Match[str] | None:
    """Return the closing tag at the depth of the first opening one, else the first closing tag."""
    closings = list(end.finditer(rest))
    for number, closing in enumerate(closings, start=1):
        if len(start.findall(rest[: closing.start()])) < number:
            return closing
    return closings[0] if closings else None


def _lone_closing(text: str, start: re.Pattern[str], end: re.Pattern[str]) -> re.Match[str] | None:
    for closing in end.finditer(text):
        before, after = text[: closing.start()], text[closing.end() :]
        if start.search(before):
            return None
        quoted = before[-1:] in _QUOTES and after[:1] in _QUOTES if before and after else False
        if not quoted and not _in_code_block(before, after):
            return closing
    return None


def _in_code_block(before: str, after: str) -> bool:
    """Check whether a place is between two fences.

    A draft inside the reasoning may leave its fence open; then the next fence opens the answer's block, with the name
    of a language, or there is none.
    """
    if len(_FENCE.findall(before)) % 2 == 0:
        return False
    following = _FENCE.search(after)
    return following is not None and not following["info"].strip()


def _read_parts(parts: list[Any]) -> tuple[str, str]:
    """Return the reasoning and the text of a content list."""
    reasoning, text = [], []
    for part in parts:
        if isinstance(part, dict) and ("think" in str(part.get("type")) or "reason" in str(part.get("type"))):
            reasoning.append(_text_of(part))
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            text.append(part["text"])
        elif isinstance(part, str):
            text.append(part)
    return "\n\n".join(filter(None, reasoning)), "".join(text)


def _text_of(value: Any) -> str:  # noqa: ANN401 - reasoning has a form for each service
    """Return the text of reasoning: a string, a part, or a list of them."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return "\n\n".join(filter(None, map(_text_of, value)))
    if isinstance(value, dict):
        names = ("thinking", "reasoning", "text", "summary", "content")
        return next((found for name in names if (found := _text_of(value.get(name)))), "")
    return ""

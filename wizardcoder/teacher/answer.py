"""The answer of an OpenAI-compatible endpoint: the record that is kept, and how it is read from a reply.

In: the JSON of a chat completion or a completion. Out: its text, finish reason and token counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FINISH_LENGTH = "length"
"""The finish reason of an answer that reached its token limit."""


class RequestFailedError(Exception):
    """A single request failed for good; the endpoint still answers others."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; tokens as the endpoint counted them."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    model: str = ""  # as the endpoint reports it: often a dated version of the name that was asked


def answer_fields(answer: Answer) -> dict[str, Any]:
    """Return an answer as plain data for the store; `Answer(**fields)` is the answer again."""
    return {name: getattr(answer, name) for name in Answer.__slots__}


def read_answer(reply: dict[str, Any]) -> Answer:
    """Read a chat completion or a completion.

    Raises:
        LookupError, TypeError, AttributeError: the reply is neither.
    """
    choice, usage = reply["choices"][0], reply.get("usage") or {}
    text = (choice["message"].get("content") if "message" in choice else choice["text"]) or ""
    if not isinstance(text, str):
        raise TypeError("content is not a string")
    return Answer(
        # an emoji that the token limit cut in half is not valid Unicode
        text=text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        finish_reason=choice.get("finish_reason") or "unknown",
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
        model=str(reply.get("model") or ""),
    )

"""The answer of an OpenAI-compatible endpoint: the record that is kept, how it is read from a reply, and how it ended.

In: the JSON of a chat completion or a completion. Out: its text without the reasoning (reasoning.py), finish reason and
token counts. An answer that did not end by itself is named, not judged: whether to reject it is the caller's decision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from wizardcoder.teacher.reasoning import Separated, read_message, separate_reasoning

Incomplete = Literal["cut", "filtered", "failed", "unfinished"]
"""Why an answer is incomplete: `cut` at a token limit, `filtered` by the service's safety rules, `failed` at the server
(an error, an abort, a tool call instead of text), or `unfinished`: it ended without a finish reason."""

FINISH_UNKNOWN = "unknown"
"""The finish reason of an answer whose server gave none."""
FINISH_REASONING_ONLY = "reasoning_only"
"""The finish reason of an answer that is only reasoning: the model ended before it began to answer."""
TYPICAL_FINISH_REASON: dict[Incomplete, str] = {
    "cut": "length",
    "filtered": "content_filter",
    "failed": "error",
    "unfinished": FINISH_UNKNOWN,
}
"""A finish reason of each kind."""

# Spellings in lower case. Sources: the API references of OpenAI, Azure, Anthropic, Google (Gemini), Mistral, Cohere,
# DeepSeek, Bedrock, Zhipu and OpenRouter, and the sources of vLLM, SGLang, TGI, llama.cpp and Ollama (November 2026).
_COMPLETE = {"stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed"}
_TOOL_CALLS = {"tool_calls", "tool_call", "tool_use", "function_call"}
_INCOMPLETE: dict[Incomplete, set[str]] = {
    "cut": {"length", "max_tokens", "incomplete", "error_limit", "repetition", FINISH_REASONING_ONLY},
    "filtered": {
        *("content_filter", "content_filtered", "content_policy", "safety", "recitation", "blocklist", "blocked"),
        *("prohibited_content", "spii", "language", "image_safety", "refusal", "sensitive", "moderation"),
        *("guardrail_intervened", "error_toxic"),
    },
    "failed": {
        *("error", "abort", "aborted", "cancel", "cancelled", "canceled", "user_cancel", "timeout", "network_error"),
        *("server_error", "insufficient_system_resource", "malformed_function_call", "unexpected_tool_call"),
        *("too_many_tool_calls", "function_call_filter", "pause_turn", "other", "load", "unload"),
    },
    "unfinished": {"", "null", "none", FINISH_UNKNOWN, "unspecified"},
}
_KIND = {spelling: kind for kind, spellings in _INCOMPLETE.items() for spelling in spellings}
# model_length, max_output_tokens, token_limit, model_context_window_exceeded and whatever else names a limit
_TOKEN_LIMIT = re.compile(r"length|context|max\w*token|token\w*(?:limit|max)|limit\w*token")


class RequestFailedError(Exception):
    """A single request failed for good; the endpoint still answers others."""


class RequestRefusedError(RequestFailedError):
    """The endpoint refuses this request whenever it is sent: too long, malformed, or flagged by its moderation."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; tokens as the endpoint counted them.

    Attributes:
        text: without the reasoning.
        completion_tokens: of text and reasoning.
        model: as the endpoint reports it, often a dated version of the name that was asked.
        reasoning: what the model wrote before its answer, as far as the endpoint returns it.
        reasoning_tokens: the part of `completion_tokens` that is reasoning; None if the endpoint does not count it.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    model: str = ""
    reasoning: str = ""
    reasoning_tokens: int | None = None


def answer_fields(answer: Answer) -> dict[str, Any]:
    """Return an answer as plain data for the store."""
    return {name: getattr(answer, name) for name in Answer.__slots__}


def load_answer(fields: dict[str, Any]) -> Answer:
    """Return a stored answer; one that was stored with the reasoning in its text is separated now."""
    answer = Answer(**fields)
    return answer if "reasoning" in fields else _with_parts(answer, separate_reasoning(answer.text))


def read_answer(reply: dict[str, Any]) -> Answer:
    """Read a chat completion or a completion.

    Raises:
        LookupError, TypeError, AttributeError: the reply is neither.
    """
    choice, usage = reply["choices"][0], reply.get("usage") or {}
    finish_reason = choice.get("finish_reason") or FINISH_UNKNOWN
    if "message" in choice:
        found = read_message(choice["message"])
        if not found.text and (refusal := _refusal(choice["message"])):
            found, finish_reason = found._replace(text=refusal), "refusal"
    else:
        found = separate_reasoning(choice["text"] or "")
    prompt_tokens = int(usage.get("prompt_tokens") or 0)
    answer = Answer(
        text="",
        finish_reason=str(finish_reason),
        prompt_tokens=prompt_tokens,
        completion_tokens=_completion_tokens(usage, prompt_tokens),
        model=str(reply.get("model") or ""),
        reasoning_tokens=_reasoning_tokens(usage),
    )
    return _with_parts(answer, found)


def incomplete_reason(answer: Answer) -> Incomplete | None:
    """Return why an answer is incomplete; None for a complete one and for an unknown finish reason."""
    spelling = _normalized(answer.finish_reason)
    if spelling in _COMPLETE:
        return None
    if spelling in _TOOL_CALLS:
        return None if answer.text.strip() else "failed"
    if spelling in _KIND:
        return _KIND[spelling]
    return "cut" if _TOKEN_LIMIT.search(spelling) else None


def is_unknown_finish_reason(finish_reason: str) -> bool:
    """Return whether a finish reason is in no table here, so that nobody can say how the answer ended."""
    spelling = _normalized(finish_reason)
    return spelling not in _COMPLETE | _TOOL_CALLS | _KIND.keys() and not _TOKEN_LIMIT.search(spelling)


def _normalized(finish_reason: str) -> str:
    """Return a finish reason's spelling in the tables: Gemini's `FINISH_REASON_SAFETY` and `content_filter: SPII`."""
    spelling = re.sub(r"[\s-]+", "_", finish_reason.partition(":")[0].strip().lower())
    return spelling.removeprefix("finish_reason_")


def _with_parts(answer: Answer, found: Separated) -> Answer:
    """Return the answer with these parts; reasoning alone is a cut answer unless it failed or was filtered."""
    parts = replace(answer, text=_valid(found.text), reasoning=_valid(found.reasoning))
    only_reasoning = not found.closed or (found.reasoning and not found.text.strip())
    if only_reasoning and incomplete_reason(parts) in (None, "unfinished"):
        return replace(parts, finish_reason=FINISH_REASONING_ONLY)
    return parts


def _valid(text: str) -> str:
    """Return valid Unicode: the token limit may have cut an emoji in half."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _refusal(message: dict[str, Any]) -> str:
    """Return the text of OpenAI's field or content part `refusal`."""
    content = message.get("content")
    parts = [message, *(part for part in content if isinstance(part, dict))] if isinstance(content, list) else [message]
    return next((part["refusal"] for part in parts if isinstance(part.get("refusal"), str)), "")


def _completion_tokens(usage: dict[str, Any], prompt_tokens: int) -> int:
    """Return the tokens of answer and reasoning: Gemini and Grok count the reasoning only in the total."""
    total = int(usage.get("total_tokens") or 0)
    return max(int(usage.get("completion_tokens") or 0), total - prompt_tokens if prompt_tokens else 0)


def _reasoning_tokens(usage: dict[str, Any]) -> int | None:
    details = usage.get("completion_tokens_details") or {}
    counted = details.get("reasoning_tokens", usage.get("reasoning_tokens"))
    return None if counted is None else int(counted)

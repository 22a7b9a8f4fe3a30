"""Recognise a refusal that is about a parameter of the request, which every other request would get as well.

In: the status and the body of an error reply, and the body that was sent. Out: an error that names the parameter and
the setting that removes it. Services differ in the form: OpenAI, Azure, Groq and xAI name it in `param` or in the
message, vLLM, Mistral and Fireworks return pydantic's errors, Gemini and Bedrock a sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from wizardcoder.core.console import StageError

STATUSES = (400, 422)
READ_CHARACTERS = 600  # of a message; a longer one quotes the request
SHOWN_CHARACTERS = 200
_QUESTION = ("messages", "prompt", "model")
_SAMPLING = ("max_tokens", "temperature", "top_p", "seed")  # sent by default
_REJECTED = re.compile(
    r"unsupported|(?:not|n't)\W+support|unknown|unrecogni[sz]ed|unexpected|extraneous|extra (?:inputs|fields)"
    r"|extra_forbidden|not (?:permitted|allowed|valid|a valid)|cannot both|only\b.{0,40}\b(?:value|allowed|set)\b"
    r"|deprecated|no longer",
    re.IGNORECASE,
)
# the same words about the question: its length, or its contents
_ABOUT_QUESTION = re.compile(
    r"context|too (?:long|large|many)|input tokens|content.?(?:filter|management|policy)", re.IGNORECASE
)
_LOCATION = re.compile(r"['\"]loc['\"]:\s*[\[(]([^\])]*)[\])]")


def parameter_error(
    section: str,
    status: int,
    error: Any,  # noqa: ANN401 - any JSON
    body: Mapping[str, Any],
    accepted: Collection[str],
) -> StageError | None:
    """Return the error that ends a stage whose requests have a parameter that the endpoint rejects; None for others.

    Args:
        section: the part of params.yaml that configures the endpoint.
        status: the HTTP status.
        error: the reply's JSON, or its text.
        body: the request's JSON.
        accepted: the fields of requests that the endpoint has answered.
    """
    name = rejected_parameter(status, error, [name for name in body if name not in accepted])
    if name is None:
        return None
    message = " ".join(_message(error).split())[:SHOWN_CHARACTERS]
    if name == "max_tokens":
        remedy = f"set {section}.body: {{max_tokens: null, max_completion_tokens: {body[name]}}}"
    elif name in _SAMPLING:
        remedy = f"set {section}.body: {{{name}: null}}"
    else:
        remedy = f"remove {name} from {section}.body"
    return StageError(f"{section}: the endpoint rejects the parameter {name}: HTTP {status}: {message}; {remedy}")


def rejected_parameter(status: int, error: Any, sent: Collection[str]) -> str | None:  # noqa: ANN401 - any JSON
    """Return the name of the sent parameter that an error reply rejects; None if it is about something else.

    Args:
        status: the HTTP status.
        error: the reply's JSON, or its text.
        sent: the names of the request's fields.
    """
    names = [name for name in sent if name not in _QUESTION]
    if status not in STATUSES or not names:
        return None
    texts = list(_strings(error))
    text = "\n".join(texts)[:READ_CHARACTERS]
    if _ABOUT_QUESTION.search(text) or not _REJECTED.search(text):
        return None
    located = _LOCATION.search(text) or _LOCATION.search(json.dumps(error, default=str)[:READ_CHARACTERS])
    for place in (*_named(error), located[1] if located else "", text):
        if found := _first_name(place, names):
            return found
    return None


def _named(error: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield what a reply's field `param` says."""
    if isinstance(error, dict):
        if isinstance(error.get("param"), str):
            yield error["param"]
        yield from _named(error.get("error"))


def _first_name(text: str, names: Collection[str]) -> str | None:
    """Return the name that a text mentions first, in snake case or camel case."""
    plain = text.replace("_", "").lower()
    places = {
        name: found.start()
        for name in names
        if (found := re.search(rf"(?<![a-z0-9]){re.escape(name.replace('_', '').lower())}(?![a-z0-9])", plain))
    }
    return min(places, key=lambda name: places[name], default=None)


def _message(error: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the message of an error reply, else the whole reply."""
    if isinstance(error, dict):
        for name in ("message", "error", "detail"):
            if error.get(name):
                return _message(error[name])
    return error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            if name != "input":  # pydantic's copy of the request
                yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)

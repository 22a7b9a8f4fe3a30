"""What an HTTP error of an OpenAI-compatible endpoint means: for the key, for the request, or for the moment.

In: status and content of an error reply. Out: its kind and its message. Covers the error bodies of OpenAI, Azure, vLLM,
Gemini, Anthropic and OpenRouter. Does not decide what happens next (endpoint.py, batch.py).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["key", "payment", "busy", "refused", "unproven", "failed", "final"]
"""What an error says.

key, payment: the key is refused, or the account must pay; no request will be answered.
busy: rate limit or overload; the same request is answered later.
refused: this request is refused for good.
unproven: this request is refused for good if the endpoint answers others; otherwise the key or the model is wrong.
failed: a retry can succeed.
final: a retry fails in the same way, and the reply is not the API's.
"""
BUSY_STATUSES = (429, 503, 529)  # 529: overloaded, as Anthropic sends it
REFUSED_STATUSES = (400, 413, 414, 422, 451)
TOO_LARGE_STATUSES = (413, 414)  # often from a proxy, without JSON
RETRIED_STATUSES = (408, 409, 425)
MAX_MESSAGE = 300
_KEY = re.compile(
    r"invalid_api_key|api_key_invalid|authentication|unauthorized|\b(api|access|auth|subscription)[ _-]?(key|token)\b"
    r"|credential|permission|not allowed to (access|use)|access (is )?denied|account|organization|(country|region)",
    re.IGNORECASE,
)
_KEY_IN_BAD_REQUEST = re.compile(r"invalid_api_key|api_key_invalid|\bAPI key\b|incorrect key", re.IGNORECASE)
# not "billing" or "exceeded your current quota": Gemini says that of a limit per minute
_PAYMENT = re.compile(r"insufficient[_ ](quota|balance|credit|funds)|credit balance", re.IGNORECASE)
_MODERATION = re.compile(
    r"moderat|flagged|content[_ ]?(policy|filter|management)|safety|violat|usage polic|prohibited|harm", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class HttpError:
    """An error reply: its kind, and the status and message as one line."""

    kind: Kind
    reason: str


def read_http_error(status: int, content: bytes) -> HttpError:
    """Read an error reply."""
    try:
        body: object = json.loads(content)
    except ValueError:
        body = None
    error = _error_of(body)
    message = _message(error, content)
    marks = " ".join([message, *(str(error.get(name) or "") for name in ("code", "type", "status", "metadata"))])
    return HttpError(_kind(status, marks, is_json=body is not None), f"HTTP {status}: {message}")


def _kind(status: int, marks: str, *, is_json: bool) -> Kind:
    if status == 401 or (status == 400 and _KEY_IN_BAD_REQUEST.search(marks)):
        return "key"
    if status == 402 or (status in (400, 403, 429) and _PAYMENT.search(marks)):
        return "payment"
    if status in BUSY_STATUSES:
        return "busy"
    if status == 403:
        return "refused" if _MODERATION.search(marks) else "key" if _KEY.search(marks) else "unproven"
    if status == 404:
        return "unproven"
    if status in TOO_LARGE_STATUSES or (status in REFUSED_STATUSES and is_json):
        return "refused"
    return "failed" if status >= 500 or status in RETRIED_STATUSES else "final"


def _error_of(body: object) -> dict[str, Any]:
    """Return the object with the message, wherever the API puts it."""
    if isinstance(body, list) and body:  # Gemini
        body = body[0]
    if not isinstance(body, dict):
        return {}
    error = body.get("error")
    if isinstance(error, dict):
        return error
    return {"message": error} if isinstance(error, str) else body


def _message(error: dict[str, Any], content: bytes) -> str:
    text = error.get("message") or error.get("detail") or content.decode(errors="replace")
    shown = text if isinstance(text, str) else json.dumps(text)
    return " ".join(shown.split())[:MAX_MESSAGE] or "no reason given"

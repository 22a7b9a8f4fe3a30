"""A request to a teacher as plain data: its endpoint, its body, and the key of its answer in the store.

In: the teacher's params, chat messages, a role (instruct, respond or judge) and a seed. Out: the request. It sends
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wizardcoder.core import bundled_wheels
from wizardcoder.core.store import Key
from wizardcoder.teacher.chats import Message
from wizardcoder.teacher.serving import SERVED
from wizardcoder.teacher.settings import Role, RoleParams, TeacherParams
from wizardcoder.teacher.weights import served_identity

LOCAL = "local"
"""The base URL of the embedded server."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A complete request: base URLs, the variable with the API key, body, and the key of its answer in the store."""

    urls: tuple[str, ...]
    api_key_env: str
    body: dict[str, Any]
    namespace: str
    key: Key

    @property
    def endpoint_id(self) -> tuple[str, ...]:
        """The endpoint's identity: its API key's variable and its URLs, or the model that we serve ourselves."""
        if self.is_served:
            return (self.urls[0], self.body["model"])
        return (self.api_key_env, *self.urls)

    @property
    def is_served(self) -> bool:
        """Whether the stage starts the model's servers itself."""
        return self.urls[0] in (LOCAL, SERVED)


def build_request(
    params: TeacherParams, role: Role, messages: Sequence[Message], seed: int, attempt: int = 0
) -> ChatRequest:
    """Build a request; `attempt` separates the answers to a question that is asked more than once.

    The store identifies an endpoint by its first base URL, a model that we serve ourselves by its weights, so that
    answers stay valid when ports or replicas change.
    """
    own: RoleParams = getattr(params, role)
    base_url = own.base_url or params.base_url
    urls = (base_url,) if isinstance(base_url, str) else tuple(base_url)
    namespace = _namespace(urls[0], own.model or params.model)
    body = {
        "model": own.model or params.model,
        "messages": list(messages),
        "temperature": own.temperature,
        "top_p": own.top_p,
        "max_tokens": own.max_tokens,
        "seed": seed,
    }
    key = Key.of({"endpoint": namespace, "attempt": attempt, **body})
    api_key_env = params.runtime.role_api_key_env.get(role, params.runtime.api_key_env)
    return ChatRequest(urls, api_key_env, body, namespace, key)


def _namespace(url: str, model: str) -> str:
    if url == LOCAL:
        return f"{LOCAL}:{bundled_wheels.GGUF_SHA256}"
    return served_identity(model) if url == SERVED else url.rstrip("/")

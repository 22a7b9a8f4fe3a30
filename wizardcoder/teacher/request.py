"""A request to a teacher as plain data: its endpoint, its body, and the key of its answer in the store.

In: the teacher's params, chat messages, a role (instruct, respond or judge) and a seed. Out: the request. It sends
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizardcoder.core import bundled_wheels
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.teacher.addresses import LOCAL
from wizardcoder.teacher.answer import Answer, load_answer
from wizardcoder.teacher.chats import Message
from wizardcoder.teacher.serving import SERVED
from wizardcoder.teacher.settings import Role, RoleParams, TeacherParams
from wizardcoder.teacher.weights import served_identity

TOKEN_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens")
"""The names that services have for the limit of an answer's tokens."""
DEFAULT_TOKEN_LIMIT = 32_768
"""The tokens counted for an answer whose request sets no limit, for budget and rate: what most hosted models allow."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A complete request.

    Attributes:
        urls: base URLs of the replicas.
        api_key_env: the environment variable with the API key.
        body: the request's JSON.
        namespace: the identity of the endpoint in the store.
        attempt: separates the answers to one question.
        section: the part of params.yaml that configures the endpoint.
        earlier_namespace: the identity that version 0.2.0 used; None if its answers are not to be found.
    """

    urls: tuple[str, ...]
    api_key_env: str
    body: dict[str, Any]
    namespace: str
    attempt: int
    key: Key
    section: str
    earlier_namespace: str | None

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

    The store identifies an endpoint by its name, by default host and path of its first URL, and a model that we serve
    ourselves by its weights, so that answers stay valid when ports or replicas change.
    """
    own: RoleParams = getattr(params, role)
    base_url, name = (own.base_url, own.name) if own.base_url else (params.base_url, params.name)
    urls = (base_url,) if isinstance(base_url, str) else tuple(base_url)
    model = own.model or params.model
    namespace = endpoint_identity(urls[0], name, model)
    sampling = {
        "model": model,
        "messages": list(messages),
        "temperature": own.temperature,
        "top_p": own.top_p,
        "max_tokens": own.max_tokens,
        "seed": seed,
    }
    body = merge_body(sampling, params.body, own.body)
    return ChatRequest(
        urls=urls,
        api_key_env=params.runtime.role_api_key_env.get(role, params.runtime.api_key_env),
        body=body,
        namespace=namespace,
        attempt=attempt,
        key=_key_of(namespace, attempt, body),
        section=f"teacher.{role}" if own.base_url else "teacher",
        # a name is chosen to separate answers, so it does not find those that were stored under the URL
        earlier_namespace=None if urls[0] in (LOCAL, SERVED) or name else urls[0].rstrip("/"),
    )


def merge_body(*bodies: Mapping[str, Any]) -> dict[str, Any]:
    """Merge request bodies: a later one replaces the keys of an earlier one, and null removes a key.

    >>> merge_body({"max_tokens": 9, "seed": 1}, {"max_tokens": None, "top_k": 20})
    {'seed': 1, 'top_k': 20}
    """
    merged = {key: value for body in bodies for key, value in body.items()}
    return {key: value for key, value in merged.items() if value is not None}


def endpoint_name(url: str) -> str:
    """Return the default name of an endpoint: host and path, without scheme, user and port.

    >>> endpoint_name("http://127.0.0.1:8000/v1/")
    '127.0.0.1/v1'
    """
    host, slash, path = re.sub(r"^\w+://", "", url).partition("/")
    return re.sub(r":\d+$", "", host.rpartition("@")[2]) + (slash + path).rstrip("/")


def token_limit(body: Mapping[str, Any]) -> int:
    """Return the most tokens that an answer to this request can have, for budget and rate."""
    limits = [body[name] for name in TOKEN_LIMITS if isinstance(body.get(name), int)]
    return max(limits, default=DEFAULT_TOKEN_LIMIT)


def stored_answer(store: AnswerStore, request: ChatRequest) -> Answer | None:
    """Return the stored answer to a request, also one stored by an earlier version; None if there is none."""
    fields = store.get(request.key)
    earlier = request.earlier_namespace
    if fields is None and earlier is not None and store.has_endpoint(earlier):
        fields = store.get(_key_of(earlier, request.attempt, request.body))
    return None if fields is None else load_answer(fields)


def endpoint_identity(url: str, name: str | None, model: str) -> str:
    """Return what identifies an endpoint in the store: its name, or the weights of a model that we serve ourselves."""
    if url == LOCAL:
        return f"{LOCAL}:{bundled_wheels.GGUF_SHA256}"
    if url == SERVED:
        return f"{name}:{served_identity(model)}" if name else served_identity(model)
    return name or endpoint_name(url)


def _key_of(namespace: str, attempt: int, body: Mapping[str, Any]) -> Key:
    return Key.of({"endpoint": namespace, "attempt": attempt, **body})

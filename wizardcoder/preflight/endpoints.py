"""The endpoints that a run asks: their keys, and one request to each.

In: all params. Out: the endpoints of the teacher's roles and of `evaluate.endpoints`, each URL and model once. A ping
is one request for one token; its answer is not stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from wizardcoder.preflight.params import AllParams
from wizardcoder.teacher.request import LOCAL, build_request
from wizardcoder.teacher.settings import Role

PING_TIMEOUT_S = 30.0
PING = "Reply with: ok"


@dataclass(frozen=True, slots=True)
class EndpointUse:
    """A URL and a model that a run asks.

    Attributes:
        section: the key of params.yaml that configures it; `key_setting` names the variable with its API key.
        api: `chat` or `completions`.
    """

    section: str
    url: str
    model: str
    api_key_env: str
    key_setting: str
    api: str = "chat"


def endpoints_of(params: AllParams) -> list[EndpointUse]:
    """Return the endpoints that a run asks; those of the embedded model are not among them."""
    found: dict[tuple[str, str], EndpointUse] = {}
    for use in (*_of_teacher(params), *_of_evaluation(params)):
        if use.url != LOCAL:
            found.setdefault((use.url, use.model), use)
    return list(found.values())


def uses_embedded_teacher(params: AllParams) -> bool:
    """Return whether a role of the teacher is the embedded model."""
    return any(use.url == LOCAL for use in _of_teacher(params))


def ping_endpoint(use: EndpointUse, api_key: str) -> float:
    """Send one request to an endpoint and return its seconds.

    Raises:
        StageError, RequestFailedError: it cannot be reached, refuses the key or the model, or does not answer.
    """
    started = time.monotonic()
    asyncio.run(_ask(use, api_key))
    return time.monotonic() - started


async def _ask(use: EndpointUse, api_key: str) -> None:
    from wizardcoder.teacher.endpoint import Endpoint
    from wizardcoder.teacher.rate_limit import RateLimiter

    endpoint = Endpoint(
        (use.url,),
        api_key,
        RateLimiter(1, None, None),
        PING_TIMEOUT_S,
        0,
        api="completions" if use.api == "completions" else "chat",
        section=use.section,
        key_setting=use.key_setting,
    )
    prompt: dict[str, Any] = (
        {"prompt": PING} if use.api == "completions" else {"messages": [{"role": "user", "content": PING}]}
    )
    try:
        await endpoint.answer({"model": use.model, "max_tokens": 1, **prompt}, expected_tokens=0)
    finally:
        await endpoint.close()


def _of_teacher(params: AllParams) -> Iterator[EndpointUse]:
    roles: tuple[Role, ...] = get_args(Role)
    for role in roles:
        request = build_request(params.teacher, role, [], 0)
        own = role in params.teacher.runtime.role_api_key_env
        key_setting = f"runtime.teacher.{f'role_api_key_env.{role}' if own else 'api_key_env'}"
        section = f"teacher.{role}" if getattr(params.teacher, role).base_url else "teacher"
        for url in request.urls:
            yield EndpointUse(section, url, request.body["model"], request.api_key_env, key_setting)


def _of_evaluation(params: AllParams) -> Iterator[EndpointUse]:
    for label, endpoint in params.evaluate.endpoints.items():
        section = f"evaluate.endpoints.{label}"
        yield EndpointUse(
            section, endpoint.base_url, endpoint.model, endpoint.api_key_env, f"{section}.api_key_env", endpoint.api
        )

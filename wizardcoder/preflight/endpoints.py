"""The endpoints that a run asks: their keys, and one request to each.

In: all params. Out: the endpoints of the teacher's roles and of `evaluate.endpoints`, each URL and model once. A ping
is one request with the body of a run; its answer is not stored.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from wizardcoder.core.console import Track
from wizardcoder.core.store import FILE_NAME, AnswerStore
from wizardcoder.evaluation.settings import make_sampler
from wizardcoder.preflight.params import AllParams
from wizardcoder.teacher.addresses import LOCAL
from wizardcoder.teacher.request import build_request
from wizardcoder.teacher.serving import SERVED, TEACHER_SETTING, ServeParams
from wizardcoder.teacher.settings import Role, RoleParams, TeacherParams

ROLES: tuple[Role, ...] = get_args(Role)
MAX_TOKENS = 16  # of a ping's answer


@dataclass(frozen=True, slots=True)
class EndpointUse:
    """A URL and a model that a run asks.

    Attributes:
        section: the key of params.yaml that configures it; `key_setting` names the variable with its API key.
        role: of the teacher; None for a model of `evaluate.endpoints`, whose name is `label`.
    """

    section: str
    url: str
    model: str
    api_key_env: str
    key_setting: str
    role: Role | None = None
    label: str = ""


def endpoints_of(params: AllParams) -> list[EndpointUse]:
    """Return the endpoints that a run asks; models that a stage serves itself are not among them."""
    found: dict[tuple[str, str], EndpointUse] = {}
    for use in (*_of_teacher(params), *_of_evaluation(params)):
        if use.url not in (LOCAL, SERVED):
            found.setdefault((use.url, use.model), use)
    return list(found.values())


def uses_embedded_teacher(params: AllParams) -> bool:
    """Return whether a role of the teacher is the embedded model."""
    return any(use.url == LOCAL for use in _of_teacher(params))


def served_models(params: AllParams) -> dict[str, ServeParams]:
    """Return the models that a run serves with a command, each with the key of its settings."""
    serve, own = params.teacher.runtime.serve, params.evaluate.runtime.serve
    is_served = any(use.url == SERVED for use in _of_teacher(params)) and serve.command is not None
    of_teacher = {TEACHER_SETTING: serve} if is_served else {}
    return of_teacher | {f"runtime.evaluate.serve.{label}": settings for label, settings in own.items()}


def ping_endpoint(use: EndpointUse, params: AllParams) -> float:
    """Send one request with the body of a run to an endpoint and return its seconds.

    Raises:
        StageError: it cannot be reached, refuses the key, the model or a parameter, or does not answer.
    """
    started = time.monotonic()
    if use.role is None:
        _ask_evaluated(use, params)
    else:
        _ask_teacher(use, use.role, params.teacher)
    return time.monotonic() - started


def _ask_teacher(use: EndpointUse, role: Role, teacher: TeacherParams) -> None:
    """Ask the replica at this URL as the role does."""
    from wizardcoder.preflight.teacher_probe import probe_teacher

    own: RoleParams = getattr(teacher, role)
    one_url: dict[str, Any] = {role: replace(own, base_url=use.url)} if own.base_url else {"base_url": use.url}
    probe_teacher(replace(teacher, **one_url), [role])


def _ask_evaluated(use: EndpointUse, params: AllParams) -> None:
    """Ask a model of `evaluate.endpoints` for one short sample."""
    from wizardcoder.preflight.teacher_probe import QUESTION, TIMEOUT_S

    runtime = replace(params.evaluate.runtime, retries=0, patience_min=0, request_timeout_s=TIMEOUT_S)
    evaluate = replace(params.evaluate, samples=1, max_new_tokens=MAX_TOKENS, runtime=runtime)
    with tempfile.TemporaryDirectory() as folder, AnswerStore(Path(folder) / FILE_NAME) as store:
        sampler = make_sampler(use.label, evaluate, 0, store)
        sampler.fill([QUESTION], Track("ping", 1, None, None), 1)


def _of_teacher(params: AllParams) -> Iterator[EndpointUse]:
    for role in ROLES:
        request = build_request(params.teacher, role, [], 0)
        own = role in params.teacher.runtime.role_api_key_env
        key_setting = f"runtime.teacher.{f'role_api_key_env.{role}' if own else 'api_key_env'}"
        section = f"teacher.{role}" if getattr(params.teacher, role).base_url else "teacher"
        for url in request.urls:
            yield EndpointUse(section, url, request.body["model"], request.api_key_env, key_setting, role)


def _of_evaluation(params: AllParams) -> Iterator[EndpointUse]:
    for label, endpoint in params.evaluate.endpoints.items():
        section = f"evaluate.endpoints.{label}"
        key_setting = f"{section}.api_key_env"
        yield EndpointUse(section, endpoint.base_url, endpoint.model, endpoint.api_key_env, key_setting, label=label)

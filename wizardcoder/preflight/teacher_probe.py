"""One small question to the teacher in each role: what a run's requests would get. `wizardcoder plan --teacher`.

In: the section `teacher`. Out: the reply to each request, with the role's real body; roles that would send the same
request share one. Servers that the teacher needs are started. Nothing is stored, and nothing is sent twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic.dataclasses import dataclass as params_dataclass
from rich.table import Column, Table

from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, load
from wizardcoder.preflight.endpoints import ROLES
from wizardcoder.teacher.answer import Answer, RequestFailedError
from wizardcoder.teacher.chats import Message, plain_messages
from wizardcoder.teacher.request import build_request
from wizardcoder.teacher.served_model import LOGS
from wizardcoder.teacher.settings import Role, TeacherParams
from wizardcoder.teacher.teacher import Teacher, open_teacher

QUESTION = "Reply with: ok"
TIMEOUT_S = 60.0
UNLIMITED = 1e9


@params_dataclass(frozen=True, slots=True, config=STRICT)
class TeacherSection:
    """The section of params.yaml that configures the teacher."""

    teacher: TeacherParams


@dataclass(frozen=True, slots=True)
class Probe:
    """A reply: the roles that it stands for, the endpoint's identity, and the price of the request."""

    roles: tuple[Role, ...]
    endpoint: str
    answer: Answer
    price: float


def probe_teacher(params: TeacherParams, roles: Sequence[Role] = ROLES) -> list[Probe]:
    """Ask each different request of these roles once.

    Raises:
        StageError: an endpoint cannot be reached, or refuses the key, the model or a parameter; names the setting.
    """
    return console.run_async(_probe(_once(params), roles))


def show_probe() -> None:
    """Print the replies to one request per role of params.yaml's teacher."""
    params = load(TeacherSection)
    probes = probe_teacher(params.teacher)
    console.show(probe_table(probes))
    console.say(f"{len(probes)} requests, {sum(probe.price for probe in probes):.2g} in the currency of the prices")


def probe_table(probes: Sequence[Probe]) -> Table:
    """Return a row per request."""
    table = Table(Column("role", no_wrap=True), "endpoint", "model", "finish_reason", "tokens", "reasoning", "price")
    for probe in probes:
        answer = probe.answer
        table.add_row(
            ", ".join(probe.roles),
            probe.endpoint,
            answer.model or "not reported",
            answer.finish_reason,
            f"{answer.prompt_tokens} + {answer.completion_tokens}",
            "yes" if answer.reasoning or answer.reasoning_tokens else "no",
            f"{probe.price:.2g}",
        )
    return table


def _once(params: TeacherParams) -> TeacherParams:
    """Return the teacher without retries, in single requests; without a budget, since these are three at most."""
    own = params.runtime
    budget = UNLIMITED if own.budget is None else own.budget
    timeout_s = min(TIMEOUT_S, own.timeout_s)
    runtime = replace(own, retries=0, patience_min=0, mode="chat", timeout_s=timeout_s, budget=budget)
    return replace(params, runtime=runtime)


async def _probe(params: TeacherParams, roles: Sequence[Role]) -> list[Probe]:
    messages = plain_messages(QUESTION)
    alike: dict[str, list[Role]] = {}
    for role in roles:
        alike.setdefault(build_request(params, role, messages, 0).key.digest, []).append(role)
    with tempfile.TemporaryDirectory() as folder:
        async with open_teacher(params, Path(folder), logs=cache_dir() / LOGS) as teacher:
            return [await _ask(teacher, tuple(same), messages) for same in alike.values()]


async def _ask(teacher: Teacher, roles: tuple[Role, ...], messages: list[Message]) -> Probe:
    try:
        reply = await teacher.ask(roles[0], messages, 0)
    except RequestFailedError as exc:
        raise StageError(f"teacher.{roles[0]}: {exc}") from exc
    endpoint = build_request(teacher.params, roles[0], messages, 0).namespace
    price = teacher.params.runtime.price.of(reply.answer.prompt_tokens, reply.answer.completion_tokens)
    return Probe(roles, endpoint, reply.answer, price)

"""Find out what a teacher was asked for an attempt and what it answered, without asking anyone.

In: an attempt's record, its parent, the params of its round, the answer store. Out: the requests in their order. They
are not guessed: the attempt runs again through the code of the evolution, and the store is looked up for exactly these
requests. An answer that the store lacks is taken from the record where the record has it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, STRICT, RunParams, merge_runtime
from wizardcoder.core.records import Example, PoolItem, Rejected
from wizardcoder.core.store import AnswerStore
from wizardcoder.core.validation import describe
from wizardcoder.evolution.evolve_one import evolve_one
from wizardcoder.evolution.settings import EvolveParams
from wizardcoder.teacher.answer import TYPICAL_FINISH_REASON, Answer
from wizardcoder.teacher.chats import Message
from wizardcoder.teacher.request import build_request, stored_answer
from wizardcoder.teacher.settings import Role, TeacherParams
from wizardcoder.teacher.teacher import Reply

CHANGED = "the recorded params and these answers lead to another record: one of them has changed"


@params_dataclass(frozen=True, slots=True, config=STRICT)
class RecordedSettings:
    """The sections of params.yaml that decide an evolution."""

    run: RunParams
    teacher: TeacherParams
    evolve: EvolveParams


@dataclass(frozen=True, slots=True)
class ReplayedRequest:
    """What a model was asked, and its answer: from the store if `stored`, else from the record, else None."""

    role: str
    endpoint: str
    body: dict[str, Any]
    key: str
    stored: bool
    answer: str | None
    finish_reason: str | None


def recorded_settings(params: Mapping[str, Any], recorded: Mapping[str, Any]) -> RecordedSettings:
    """Return the settings of a round: those that dvc.lock recorded, the others from params.yaml.

    Raises:
        StageError: they do not fit this code, as those of an old revision may not.
    """
    values: dict[str, Any] = json.loads(json.dumps(params, default=str))
    for key, value in recorded.items():
        *above, last = key.split(".")
        node = values
        for part in above:
            node = node.setdefault(part, {})
        node[last] = value
    sections = merge_runtime(values, RecordedSettings, PARAMS_FILE)  # dvc.lock holds no runtime settings
    try:
        return TypeAdapter(RecordedSettings).validate_json(json.dumps(sections))
    except ValidationError as exc:
        raise StageError(f"its params do not fit this code: {describe(exc)}") from exc


def replay(
    settings: RecordedSettings, parent: PoolItem, found: Example | Rejected, store: AnswerStore | None
) -> tuple[list[ReplayedRequest], str | None]:
    """Return the requests of an attempt, and a note where they lead to another record."""
    teacher = _Replay(settings.teacher, store, found)
    try:
        outcome = asyncio.run(evolve_one(settings, found.round, parent, teacher)).record
    except _NothingRecordedError:
        return teacher.requests, None
    same = type(outcome) is type(found) and _compared_fields(outcome) == _compared_fields(found)
    return teacher.requests, None if same else CHANGED


def _compared_fields(record: Example | Rejected) -> tuple[object, ...]:
    own = record.prompt_version if isinstance(record, Example) else record.reason
    return record.id, record.heuristic, record.instruction, record.response, own


class _NothingRecordedError(Exception):
    """Neither the store nor the record holds an answer to this request."""


class _Replay:
    """A teacher that answers from the store, else from the record, and keeps every request."""

    def __init__(self, params: TeacherParams, store: AnswerStore | None, found: Example | Rejected) -> None:
        self.requests: list[ReplayedRequest] = []
        self._params, self._store, self._found = params, store, found

    async def ask(self, role: Role, messages: list[Message], seed: int, attempt: int = 0) -> Reply:
        request = build_request(self._params, role, messages, seed, attempt)
        known = stored_answer(self._store, request) if self._store else None
        answer = known or self._recorded(role)
        shown = answer.text if answer and (known or role != "judge") else None
        finish = known.finish_reason if known else None
        self.requests.append(
            ReplayedRequest(role, request.namespace, request.body, request.key.digest, known is not None, shown, finish)
        )
        if answer is None:
            raise _NothingRecordedError
        return Reply(answer, cached=True)

    def _recorded(self, role: Role) -> Answer | None:
        reason = self._found.reason if isinstance(self._found, Rejected) else None
        if role == "judge":
            return Answer("Equal" if reason == "no_information_gain" else "Not Equal", "stop", 0, 0)
        name = "instruction" if role == "instruct" else "response"
        text: str = getattr(self._found, name)
        finish = next((each for kind, each in TYPICAL_FINISH_REASON.items() if reason == f"{name}_{kind}"), "stop")
        return Answer(text, finish, 0, 0) if text else None

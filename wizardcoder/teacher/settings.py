"""The `teacher` section of params.yaml and its part of the section `runtime`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, JsonValue
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from wizardcoder.core.params import STRICT, AtLeastOne, Count, Fraction, NotNegative, Positive, Text
from wizardcoder.teacher.addresses import BaseUrls, KeyVariable
from wizardcoder.teacher.budget import Price
from wizardcoder.teacher.serving import ServeParams
from wizardcoder.teacher.wait_limits import BatchLimits, RetryLimits

Role = Literal["instruct", "respond", "judge"]
RESERVED_FIELDS = ("messages", "prompt", "model", "n", "stream", "endpoint", "attempt")


def _without_reserved(body: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if found := [name for name in RESERVED_FIELDS if name in body]:
        raise PydanticCustomError("reserved_field", f"fields other than {', '.join(found)}")
    return body


RequestBody = Annotated[dict[Text, JsonValue], AfterValidator(_without_reserved)]
"""Fields that are merged into a request, null removes one; a request's question, model and number of answers are
decided elsewhere."""


@dataclass(frozen=True, slots=True, config=STRICT)
class RoleParams:
    """How one kind of answer is sampled; `max_tokens` in tokens.

    A null endpoint or model means the teacher's, a null sampling setting is not sent. `body` is merged over the
    teacher's; `name` belongs to the role's own `base_url`.
    """

    base_url: BaseUrls | None
    name: Text | None
    model: Text | None
    temperature: NotNegative | None
    top_p: Fraction | None
    max_tokens: AtLeastOne | None
    body: RequestBody


@dataclass(frozen=True, slots=True, config=STRICT)
class LocalServerParams:
    """The embedded llama.cpp server; `context_tokens` is the limit of one request, prompt and answer together."""

    context_tokens: AtLeastOne


@dataclass(frozen=True, slots=True, config=STRICT)
class TeacherRuntime:
    """`runtime.teacher`: how the teacher is reached and paid; nothing here changes an answer.

    Attributes:
        api_key_env: the environment variable that holds the key.
        role_api_key_env: another variable for a role.
        serve: the servers of base_url `served`, and of `local` where `serve.command` is null.
        slots: requests that an embedded server decodes together.
        mode: single requests, or the OpenAI Batch API.
        concurrency: requests in flight at most.
        retries: of a failed request; requests put off by a busy endpoint are retried until `patience_min`.
        patience_min: minutes without any answer while the endpoint is busy.
        max_wait_min: the longest wait, in minutes, that an endpoint may ask for.
        batch_requests: in one batch at most.
        batch_patience_h: hours in which polls of a batch may fail.
        price: per million tokens.
        budget: limit of all money that the store's answers ever cost.
        max_unclear: share of a stage's judgements that may be unclear; above it the stage stops.
    """

    api_key_env: KeyVariable
    role_api_key_env: dict[Role, KeyVariable]
    serve: ServeParams
    slots: AtLeastOne
    mode: Literal["chat", "batch"]
    concurrency: AtLeastOne
    requests_per_minute: Positive | None
    tokens_per_minute: Positive | None
    timeout_s: Positive
    retries: Count
    patience_min: NotNegative
    max_wait_min: NotNegative
    batch_poll_s: Positive
    batch_requests: AtLeastOne
    batch_patience_h: NotNegative
    price: Price
    budget: NotNegative | None
    max_unclear: Fraction

    def batch_limits(self) -> BatchLimits:
        """Return the limits of batches."""
        return BatchLimits(self.retries, self.batch_poll_s, self.batch_requests, 3600 * self.batch_patience_h)

    def retry_limits(self) -> RetryLimits:
        """Return the limits of retries and waits."""
        return RetryLimits(self.retries, 60 * self.patience_min, 60 * self.max_wait_min)


@dataclass(frozen=True, slots=True, config=STRICT)
class TeacherParams:
    """The `teacher` section; `name` identifies the endpoint in the store, `body` is merged into each request."""

    base_url: BaseUrls
    name: Text | None
    model: Text
    body: RequestBody
    instruct: RoleParams
    respond: RoleParams
    judge: RoleParams
    local: LocalServerParams
    runtime: TeacherRuntime

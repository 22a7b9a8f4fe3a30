"""Error replies of services, as they return them: which of them reject a parameter of every request."""

from __future__ import annotations

import pytest

from wizardcoder.teacher.rejected_parameter import parameter_error, rejected_parameter

SENT = ("model", "messages", "temperature", "top_p", "max_tokens", "seed", "top_k", "reasoning_effort")


@pytest.mark.parametrize(
    ("status", "error", "parameter"),
    [
        (
            400,
            {
                "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead.",
                "type": "invalid_request_error",
                "param": "max_tokens",
                "code": "unsupported_parameter",
            },
            "max_tokens",
        ),
        (
            400,
            {
                "message": "Unsupported value: 'temperature' does not support 0.8 with this model. "
                "Only the default (1) value is supported.",
                "param": "temperature",
                "code": "unsupported_value",
            },
            "temperature",
        ),
        (400, {"message": "refused", "param": "top_k", "code": "unknown_parameter"}, "top_k"),
        (400, {"message": "Unrecognized request argument supplied: top_k", "param": None}, "top_k"),
        (400, {"message": "property 'seed' is unsupported"}, "seed"),  # Groq
        (400, {"message": "Model grok-4 does not support parameter reasoningEffort."}, "reasoning_effort"),  # xAI
        (
            400,
            {
                "object": "error",
                "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'top_k'), "
                "'msg': 'Extra inputs are not permitted', 'input': 20}]",
                "code": 400,
            },
            "top_k",
        ),  # vLLM
        (
            422,
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
            "seed",
        ),  # Mistral
        (400, 'Invalid JSON payload received. Unknown name "seed": Cannot find field.', "seed"),  # Gemini
        (400, {"message": "extraneous key [top_k] is not permitted"}, "top_k"),  # Bedrock
        (
            400,
            {"message": "`temperature` and `top_p` cannot both be specified for this model. Please use only one."},
            "temperature",
        ),  # Anthropic
        (400, {"message": "invalid temperature: only 1 is allowed for this model"}, "temperature"),  # Moonshot
    ],
)
def test_a_rejected_parameter_is_named(status, error, parameter):
    assert rejected_parameter(status, error, SENT) == parameter


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (
            400,
            {
                "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens "
                "(2952 in the messages, 2048 in the completion). max_tokens not allowed.",
                "param": "messages",
                "code": "context_length_exceeded",
            },
        ),
        (
            400,
            {"message": "'max_tokens' is too large: 2048. Your request has 3000 input tokens", "param": "max_tokens"},
        ),
        (400, {"message": "The response was filtered by the content management policy: unsupported seed"}),
        (400, {"message": "Unsupported value: 'messages[0].role' does not support 'system'", "param": "messages[0]"}),
        (400, {"message": "refused on purpose"}),
        (400, None),
        (404, {"message": "Unsupported parameter: 'max_tokens'", "param": "max_tokens"}),
        (400, {"message": "Unsupported parameter: 'logit_bias'", "param": "logit_bias"}),  # not sent
    ],
)
def test_a_refusal_for_another_reason_names_none(status, error):
    assert rejected_parameter(status, error, SENT) is None


def test_a_parameter_that_the_endpoint_has_accepted_is_not_the_reason():
    error = {"message": "Unsupported parameter: 'seed'", "param": "seed"}
    body = {"model": "m", "messages": [], "seed": 1}
    assert parameter_error("teacher", 400, error, body, accepted={"model", "messages", "seed"}) is None


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (
            {"max_tokens": 96},
            "teacher: the endpoint rejects the parameter max_tokens: HTTP 400: Unsupported parameter: 'max_tokens'; "
            "set teacher.body: {max_tokens: null, max_completion_tokens: 96}",
        ),
        (
            {"temperature": 0.8},
            "teacher: the endpoint rejects the parameter temperature: HTTP 400: Unsupported parameter: 'temperature'; "
            "set teacher.body: {temperature: null}",
        ),
        (
            {"top_k": 20},
            "teacher: the endpoint rejects the parameter top_k: HTTP 400: Unsupported parameter: 'top_k'; "
            "remove top_k from teacher.body",
        ),
    ],
)
def test_the_error_names_the_setting_that_removes_it(body, line):
    (name,) = body
    error = parameter_error("teacher", 400, {"message": f"Unsupported parameter: '{name}'"}, body, accepted=())
    assert str(error) == line

"""What error replies of real services mean."""

import json

import pytest

from wizardcoder.teacher.http_errors import read_http_error


def error(message, **fields):
    return json.dumps({"error": {"message": message, **fields}})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("This model's maximum context length is 8192 tokens", code="context_length_exceeded"), "refused"),
        (400, '{"object": "error", "message": "maximum context length is 512"}', "refused"),  # vLLM
        (400, error("filtered by Azure's content management policy", code="content_filter"), "refused"),
        (400, '[{"error": {"message": "API key not valid.", "status": "INVALID_ARGUMENT"}}]', "key"),  # Gemini
        (400, error("Your credit balance is too low to access the Anthropic API"), "payment"),
        (400, "<html>Bad Request</html>", "final"),
        (413, "<html>Request Entity Too Large</html>", "refused"),
        (422, '{"detail": [{"msg": "value is not a valid list"}]}', "refused"),
        (401, error("Incorrect API key provided"), "key"),
        (402, error("Insufficient Balance"), "payment"),
        (403, error("requires moderation; your input was flagged", metadata={"reasons": ["violence"]}), "refused"),
        (403, error("Your API key lacks the permission"), "key"),
        (403, error("Country, region, or territory not supported"), "key"),
        (403, "Forbidden", "unproven"),
        (404, error("The model `m` does not exist"), "unproven"),
        (405, '{"detail": "Method Not Allowed"}', "final"),
        (429, error("Rate limit reached"), "busy"),
        (
            429,
            error("You exceeded your current quota, check your plan and billing", status="RESOURCE_EXHAUSTED"),
            "busy",
        ),
        (429, error("You exceeded your current quota", code="insufficient_quota"), "payment"),
        (503, "", "busy"),
        (529, error("Overloaded"), "busy"),
        (500, "", "failed"),
        (408, "", "failed"),
    ],
)
def test_an_error_is_about_the_key_the_request_or_the_moment(status, body, kind):
    assert read_http_error(status, body.encode()).kind == kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (error("too\n long"), "HTTP 400: too long"),
        ('{"error": "too long"}', "HTTP 400: too long"),
        ('{"detail": "too long"}', "HTTP 400: too long"),
        ("too long", "HTTP 400: too long"),
        ('{"detail": [{"msg": "x"}]}', 'HTTP 400: [{"msg": "x"}]'),
        ("", "HTTP 400: no reason given"),
        ("[]", "HTTP 400: []"),
        ("7", "HTTP 400: 7"),
    ],
)
def test_the_reason_is_the_server_s_message(body, message):
    assert read_http_error(400, body.encode()).reason == message

"""Every header format in which a server asks its client to wait."""

import pytest

from wizardcoder.teacher.retry_after import duration_s, exhausted_s, retry_after_s

NOON = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "1", "retry-after-ms": "2500"}, 2.5),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:25 GMT"}, 5.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:10 GMT"}, 0.0),
        # the date is compared with the server's clock, not ours
        ({"retry-after": "Wed, 15 Nov 2023 00:00:10 GMT", "date": "Wed, 15 Nov 2023 00:00:03 GMT"}, 7.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms", "retry-after": "1"}, 1.0),
        ({"retry-after": "120ms"}, 0.12),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "1700000042"}, 42.0),  # Unix time
        ({"retry-after": "1700000042500"}, 42.5),
        ({"retry-after": "1600000000"}, 0.0),
        ({"retry-after": "1700000042", "date": "Tue, 14 Nov 2023 22:13:00 GMT"}, 62.0),
        ({"retry-after": "inf"}, float("inf")),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-5s"}, None),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000007000"}, 7.0),
        ({"x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "2023-11-14T22:13:30Z"}, 10.0),
        ({"x-ratelimit-remaining-tokens": "none", "x-ratelimit-reset-tokens": "3s"}, None),
        ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "6m0s"}, None),
    ],
)
def test_the_longest_wait_of_all_headers_is_used(headers, seconds):
    assert retry_after_s(headers, now=NOON) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("120ms", 0.12),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("30 seconds", 30.0),
        ("2 min", 120.0),
        ("1d", 86400.0),
        ("7", None),
        ("5 parsecs", None),
        ("x", None),
        ("", None),
    ],
)
def test_durations_are_read_in_openai_s_format(text, seconds):
    assert duration_s(text) == seconds


def test_an_answer_with_requests_left_holds_nothing():
    assert exhausted_s({"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "1s"}) == 0.0
    assert exhausted_s({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}) == 1.0

"""Requests to a mock endpoint over real sockets: every fault ends in an answer or in a reason."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from bench.mock_endpoint import MockEndpoint
from wizardcoder.core.console import StageError
from wizardcoder.teacher.answer import Answer, RequestFailedError, RequestRefusedError
from wizardcoder.teacher.endpoint import Endpoint
from wizardcoder.teacher.rate_limit import RateLimiter
from wizardcoder.teacher.wait_limits import RetryLimits


def body(number):
    return {
        "model": "m",
        "messages": [{"role": "user", "content": f"question {number}"}],
        "max_tokens": 9,
        "seed": number,
    }


def ask(
    urls,
    count=1,
    retries=5,
    concurrency=16,
    timeout_s=60.0,
    patience_s=1800.0,
    max_wait_s=3600.0,
    clock=None,
    held=lambda: 0,
):
    """Send `count` requests at once; return the answer or error of each, and the endpoint's counts.

    On a test `clock` no time passes while a request is in flight, unless all requests sent are `held`.
    """
    limiter = RateLimiter(concurrency, None, None)
    endpoint = Endpoint(
        [urls] if isinstance(urls, str) else urls, "k", limiter, timeout_s, RetryLimits(retries, patience_s, max_wait_s)
    )

    async def main():
        try:
            asked = (endpoint.answer(body(n), 10) for n in range(count))
            return await asyncio.gather(*asked, return_exceptions=True), endpoint.counts
        finally:
            await endpoint.close()

    def still():
        return limiter.in_flight == 0 or endpoint.counts.sent == held()

    return clock.run(main(), still) if clock else asyncio.run(main())


def test_an_answer_has_text_finish_reason_and_tokens():
    with MockEndpoint(reply=lambda _: "two words") as mock:
        (answer,), counts = ask(mock.url)
    assert answer == Answer("two words", "stop", prompt_tokens=2, completion_tokens=2, model="m")
    assert counts.sent == 1


def test_a_request_is_sent_unchanged():
    with MockEndpoint() as mock:
        ask(mock.url)
    assert mock.bodies == [body(0)]


@pytest.mark.parametrize("as_date", [False, True])
def test_refused_requests_are_retried_after_retry_after_and_never_early(as_date):
    with MockEndpoint(p429=0.3, retry_after_s=0.4, retry_after_as_date=as_date) as mock:
        answers, _ = ask(mock.url, count=30, retries=20)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert mock.counts["429"] > 0
    assert mock.early == 0


def test_server_errors_are_retried():
    with MockEndpoint(p500=0.3) as mock:
        answers, _ = ask(mock.url, count=30, retries=20)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert mock.counts["500"] > 0


def test_a_request_whose_retries_are_used_up_fails_with_the_server_s_message():
    with MockEndpoint(p500=1.0) as mock:
        (outcome,), _ = ask(mock.url, retries=1)
    assert isinstance(outcome, RequestFailedError)
    assert "HTTP 500" in str(outcome)
    assert "the server had an error" in str(outcome)
    assert str(outcome).endswith("(2 attempts)")
    assert mock.counts["requests"] == 2


@pytest.mark.parametrize(
    ("status", "code", "kind", "message"),
    [
        (400, None, RequestRefusedError, "HTTP 400"),
        (401, None, StageError, "runtime.teacher.api_key_env: the endpoint refuses the key"),
        (403, None, StageError, "runtime.teacher.api_key_env: the endpoint refuses the key"),
        (402, None, StageError, "teacher: the endpoint asks for payment"),
        (404, None, StageError, "teacher.model: 'm' is not served"),
        (429, "insufficient_quota", StageError, "teacher: the endpoint asks for payment"),
    ],
)
def test_a_final_error_is_not_retried(status, code, kind, message):
    with MockEndpoint(refuses=(status, code)) as mock:
        (outcome,), counts = ask(mock.url)
    assert type(outcome) is kind
    assert message in str(outcome)
    assert "refused on purpose" in str(outcome)
    assert counts.sent == 1


def too_long(status, message, numbers):
    """Refuse the requests of these numbers."""
    return lambda body: (status, {"error": {"message": message}}) if body["seed"] in numbers else None


@pytest.mark.parametrize(
    ("status", "message"),
    [(400, "too long"), (413, "too large"), (422, "bad field"), (403, "your input was flagged by the moderation")],
)
def test_a_refused_request_does_not_count_as_a_failure_of_the_endpoint(status, message):
    with MockEndpoint(refusal=too_long(status, message, range(30))) as mock:
        outcomes, counts = ask(mock.url, count=40)
    assert all(isinstance(outcome, RequestRefusedError) for outcome in outcomes[:30])
    assert all(isinstance(outcome, Answer) for outcome in outcomes[30:])
    assert counts.sent == 40


@pytest.mark.parametrize("status", [403, 404])
def test_an_unclear_403_or_404_is_about_the_request_if_one_in_flight_is_answered(status):
    with MockEndpoint(latency_s=0.2, refusal=too_long(status, "no", [0])) as mock:
        outcomes, _ = ask(mock.url, count=4)
    assert isinstance(outcomes[0], RequestRefusedError)
    assert all(isinstance(outcome, Answer) for outcome in outcomes[1:])


@pytest.mark.parametrize("status", [403, 404])
def test_an_unclear_403_or_404_of_all_requests_is_about_the_endpoint(status):
    with MockEndpoint(refusal=too_long(status, "no", range(40))) as mock:
        outcomes, counts = ask(mock.url, count=40)
    assert all(isinstance(outcome, StageError) for outcome in outcomes)
    assert counts.sent == 16


def test_a_key_that_is_refused_in_mid_run_stops_at_once():
    with MockEndpoint(refusal=too_long(403, "this API key has expired", range(4, 99))) as mock:
        outcomes, counts = ask(mock.url, count=12, concurrency=1)
    assert [type(outcome) for outcome in outcomes] == [Answer] * 4 + [StageError] * 8
    assert counts.sent == 5


def test_refused_requests_wait_however_often_and_use_no_retries(clock):
    with MockEndpoint(rate_limit=1, retry_after_s=0.5) as mock:
        answers, _ = ask(mock.url, count=20, retries=0, clock=clock)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert mock.counts["429"] > 20


def test_an_endpoint_that_answers_nothing_for_long_stops_the_stage(clock):
    with MockEndpoint(p429=1.0) as mock:
        started = clock.now
        outcomes, _ = ask(mock.url, count=3, patience_s=600.0, clock=clock)
    assert {type(outcome) for outcome in outcomes} == {StageError}
    assert 600 <= clock.now - started < 700
    assert "no answer for 10 minutes (runtime.teacher.patience_min), the last reply was HTTP 429" in str(outcomes[0])
    assert "All answers are kept: run the same command again to continue" in str(outcomes[0])


@pytest.mark.parametrize("value", ["86400", "inf", "4000000000", "1d"])
def test_a_wait_above_the_bound_stops_the_stage(value):
    with MockEndpoint(p429=1.0, retry_after=value) as mock:
        (outcome,), counts = ask(mock.url)
    assert isinstance(outcome, StageError)
    assert "asks to wait " in str(outcome)
    assert "longer than runtime.teacher.max_wait_min (60): HTTP 429: Rate limit reached." in str(outcome)
    assert counts.sent == 1


def test_an_answer_whose_limit_resets_too_late_is_kept():
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1d"}
    with MockEndpoint(headers=headers) as mock:
        outcomes, counts = ask(mock.url, count=3, concurrency=1)
    assert [type(outcome) for outcome in outcomes] == [Answer, StageError, StageError]
    assert counts.sent == 1


@pytest.mark.parametrize(
    "raw", [b"", b"not json", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": null}]}']
)
def test_a_reply_that_is_not_a_completion_is_retried_then_fails(raw):
    with MockEndpoint(raw_reply=raw) as mock:
        (outcome,), counts = ask(mock.url, retries=1)
    assert isinstance(outcome, RequestFailedError)
    assert "is not a chat completion" in str(outcome)
    assert counts.sent == 2


def test_an_answer_without_content_is_an_empty_text():
    raw = b'{"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}'
    with MockEndpoint(raw_reply=raw) as mock:
        (answer,), _ = ask(mock.url)
    assert answer == Answer("", "stop", 0, 0)


def test_a_request_that_times_out_is_retried_then_fails(clock):
    with MockEndpoint(hold_after=0) as mock:
        started = clock.now
        (outcome,), counts = ask(mock.url, retries=1, timeout_s=2.0, clock=clock, held=lambda: mock.counts["held"])
    assert isinstance(outcome, RequestFailedError)
    assert counts.sent == 2
    assert 4.25 <= clock.now - started <= 4.51  # twice the timeout, and the wait between


def test_an_endpoint_that_never_answered_is_down():
    (outcome,), counts = ask("http://127.0.0.1:9/v1", retries=1)
    assert isinstance(outcome, StageError)
    assert str(outcome) == "teacher.base_url: http://127.0.0.1:9/v1 cannot be reached: Connection refused"
    assert counts.sent == 2


def test_replicas_share_the_load():
    with ThreadPoolExecutor() as pool, ExitStack() as stack:
        mocks = [stack.enter_context(MockEndpoint(hold_after=0)) for _ in range(3)]
        asked = pool.submit(ask, [mock.url for mock in mocks], count=60, concurrency=12)
        for mock in mocks:
            mock.wait_held(4)
        assert [mock.counts["requests"] for mock in mocks] == [4, 4, 4]
        for mock in mocks:
            mock.release()
        answers, _ = asked.result()
    assert all(isinstance(answer, Answer) for answer in answers)


def test_a_dead_replica_is_skipped(clock):
    with MockEndpoint() as alive:
        answers, counts = ask(["http://127.0.0.1:9/v1", alive.url], count=60, concurrency=4, clock=clock)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert counts.failed == 2  # those that were sent before the first of them failed


def test_headers_of_an_exhausted_limit_hold_the_next_request(clock):
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "300ms"}
    with MockEndpoint(headers=headers) as mock:
        started = clock.now
        answers, _ = ask(mock.url, count=3, concurrency=1, clock=clock)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert clock.now - started == pytest.approx(0.6, abs=1e-3)


def test_a_server_s_rate_is_found_and_used(clock):
    with MockEndpoint(rate_limit=100, retry_after_s=0.5) as mock:
        started = clock.now
        answers, _ = ask(mock.url, count=600, concurrency=64, retries=50, clock=clock)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert clock.now - started < 7  # of 5: a hundred at once, then a hundred a second
    assert mock.counts["429"] < 0.35 * 600  # no time passes, so all in flight are refused at once, twice
    assert mock.early == 0


def test_a_failing_replica_does_not_attract_the_load(clock):
    with MockEndpoint(p500=1.0) as failing, MockEndpoint() as working:
        answers, _ = ask([failing.url, working.url], count=60, concurrency=8, clock=clock)
    assert all(isinstance(answer, Answer) for answer in answers)
    assert failing.counts["requests"] == 4  # those that were sent before the first of them failed


def test_an_endpoint_that_fails_every_request_is_down(clock):
    with MockEndpoint(p500=1.0) as mock:
        outcomes, _ = ask(mock.url, count=8, clock=clock)
    assert any("5 requests in a row failed" in str(o) for o in outcomes if isinstance(o, StageError))


def test_a_wait_of_zero_seconds_still_backs_off(clock):
    with MockEndpoint(p429=1.0, retry_after_s=0) as mock:
        started = clock.now
        (outcome,), counts = ask(mock.url, patience_s=0.2, clock=clock)
    assert isinstance(outcome, StageError)
    assert counts.sent == 2
    assert 0.25 <= clock.now - started <= 0.501


def test_half_an_emoji_is_replaced():
    raw = b'{"choices": [{"message": {"content": "ok \\ud83d"}, "finish_reason": "length"}]}'
    with MockEndpoint(raw_reply=raw) as mock:
        (answer,), _ = ask(mock.url)
    assert answer.text == "ok \ufffd"

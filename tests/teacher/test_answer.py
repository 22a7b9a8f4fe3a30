"""Replies of many services, and how an answer ended."""

from __future__ import annotations

import pytest

from wizardcoder.teacher.answer import (
    TYPICAL_FINISH_REASON,
    Answer,
    answer_fields,
    incomplete_reason,
    is_unknown_finish_reason,
    load_answer,
    read_answer,
)


def reply(message, finish_reason="stop", usage=None):
    return {"choices": [{"message": message, "finish_reason": finish_reason}], "usage": usage}


@pytest.mark.parametrize(
    ("finish_reason", "reason"),
    [
        *((each, None) for each in ("stop", "STOP", "end_turn", "stop_sequence", "eos", "eos_token", "COMPLETE")),
        *((each, "cut") for each in ("length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens")),
        *((each, "cut") for each in ("FINISH_REASON_MAX_TOKENS", "model_context_window_exceeded", "token_limit")),
        *((each, "filtered") for each in ("content_filter", "SAFETY", "RECITATION", "refusal", "sensitive")),
        *((each, "filtered") for each in ("content_filter: PROHIBITED_CONTENT", "guardrail_intervened")),
        *((each, "failed") for each in ("error", "abort", "insufficient_system_resource", "network_error")),
        *((each, "unfinished") for each in (None, "", "null", "unknown", "FINISH_REASON_UNSPECIFIED")),
        ("something_new", None),
    ],
)
def test_each_finish_reason_says_why_an_answer_is_incomplete(finish_reason, reason):
    assert incomplete_reason(read_answer(reply({"content": "def add(a, b):"}, finish_reason))) == reason


def test_a_tool_call_is_complete_only_with_text():
    assert incomplete_reason(read_answer(reply({"content": "text"}, "tool_calls"))) is None
    assert incomplete_reason(read_answer(reply({"content": None, "tool_calls": [{}]}, "tool_calls"))) == "failed"


def test_only_a_reason_in_no_table_is_unknown():
    assert is_unknown_finish_reason("something_new")
    known = ["stop", "MAX_TOKENS", "max_new_tokens", "tool_calls", "unknown", "content_filter: SPII"]
    assert not any(map(is_unknown_finish_reason, known))


def test_the_typical_finish_reasons_are_of_their_kind():
    kinds = {kind: incomplete_reason(Answer("x", each, 0, 0)) for kind, each in TYPICAL_FINISH_REASON.items()}
    assert kinds == {kind: kind for kind in TYPICAL_FINISH_REASON}


@pytest.mark.parametrize(
    "message",
    [{"content": "<think>Let me"}, {"content": None, "reasoning_content": "Let me"}, {"content": "<think>Ok.</think>"}],
)
def test_reasoning_without_an_answer_is_a_cut_answer(message):
    answer = read_answer(reply(message, "stop"))
    assert (answer.text, answer.finish_reason, incomplete_reason(answer)) == ("", "reasoning_only", "cut")


def test_reasoning_that_a_filter_ended_is_filtered():
    assert incomplete_reason(read_answer(reply({"content": "<think>Let me"}, "content_filter"))) == "filtered"


def test_a_refusal_in_a_field_of_its_own_is_filtered_and_its_text_is_kept():
    for message in (
        {"content": None, "refusal": "I can't."},
        {"content": [{"type": "refusal", "refusal": "I can't."}]},
    ):
        answer = read_answer(reply(message))
        assert (answer.text, incomplete_reason(answer)) == ("I can't.", "filtered")


def test_reasoning_is_kept_beside_the_text_with_its_tokens():
    usage = {"prompt_tokens": 5, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 20}}
    answer = read_answer(reply({"content": "4", "reasoning": "2 + 2"}, usage=usage))
    assert answer == Answer("4", "stop", 5, 30, reasoning="2 + 2", reasoning_tokens=20)


def test_reasoning_that_only_the_total_counts_is_counted():
    usage = {"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 35}
    assert read_answer(reply({"content": "4"}, usage=usage)).completion_tokens == 30


def test_a_completion_has_no_message():
    completion = {"choices": [{"text": "Hm.</think>4", "finish_reason": "stop"}]}
    assert read_answer(completion) == Answer("4", "stop", 0, 0, reasoning="Hm.")


def test_an_answer_stored_without_the_field_reasoning_is_separated_when_it_is_read():
    stored = {"text": "<think>2 + 2</think>4", "finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 9}
    assert load_answer(stored) == Answer("4", "stop", 1, 9, reasoning="2 + 2")


def test_a_stored_answer_is_the_same_again():
    answer = Answer("Split at </think> then", "stop", 1, 2, reasoning="Hm.", reasoning_tokens=1)
    assert load_answer(answer_fields(answer)) == answer

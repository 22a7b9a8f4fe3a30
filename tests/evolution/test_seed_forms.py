"""Every published form of instruction data is read as an instruction and its response, or refused with a reason."""

from __future__ import annotations

import pytest

from wizardcoder.evolution.seed_forms import SeedTexts, is_no_input, read_texts

Q, A = "Sort a list.", "sorted(x)"
SYSTEM = "You are a helpful assistant."


def chat(*turns: tuple[str, object], role: str = "role", content: str = "content") -> list[dict]:
    return [{role: who, content: text} for who, text in turns]


FORMS = {
    "alpaca": {"instruction": Q, "output": A},
    "alpaca with an empty input": {"instruction": Q, "input": "", "output": A},
    "alpaca with a null input": {"instruction": Q, "input": None, "output": A},
    "alpaca with NaN, as pandas writes a missing text": {"instruction": Q, "input": float("nan"), "output": A},
    "this project's records": {"id": "s-r1", "instruction": Q, "response": A, "heuristic": "reasoning"},
    "prompt and completion": {"prompt": Q, "completion": A},
    "prompt and response": {"prompt": Q, "response": A},
    "prompt and completion as turns": {"prompt": chat(("user", Q)), "completion": chat(("assistant", A))},
    "prompt with a system message": {
        "prompt": chat(("system", SYSTEM), ("user", Q)),
        "completion": chat(("assistant", A)),
    },
    "messages": {"messages": chat(("user", Q), ("assistant", A))},
    "messages with a system message": {"messages": chat(("system", SYSTEM), ("user", Q), ("assistant", A))},
    "messages with later turns": {
        "messages": chat(("user", Q), ("assistant", A), ("user", "And now?"), ("assistant", "Yes."))
    },
    "messages with a greeting": {"messages": chat(("assistant", "Hello!"), ("user", Q), ("assistant", A))},
    "messages in parts": {
        "messages": chat(
            ("user", [{"type": "text", "text": "Sort "}, {"type": "text", "text": "a list."}]), ("assistant", A)
        )
    },
    "messages beside a null instruction": {
        "instruction": None,
        "output": None,
        "messages": chat(("user", Q), ("assistant", A)),
    },
    "messages beside a prompt": {"prompt": Q, "messages": chat(("user", Q), ("assistant", A))},
    "messages with a malformed turn after the answer": {
        "messages": [*chat(("user", Q), ("assistant", A)), {"role": "user", "content": 3}]
    },
    "sharegpt": {"conversations": chat(("human", Q), ("gpt", A), role="from", content="value")},
    "sharegpt with a system message": {
        "id": "x",
        "conversations": chat(("system", SYSTEM), ("human", Q), ("gpt", A), role="from", content="value"),
    },
    "sharegpt with other names": {"conversations": chat(("User", Q), ("ChatGPT", A), role="from", content="value")},
    "sharegpt as a sequence of the hub": {"conversations": {"from": ["human", "gpt"], "value": [Q, A]}},
    "conversations with roles": {"conversations": chat(("user", Q), ("assistant", A))},
    "an instruction without an answer beside messages": {
        "instruction": "x",
        "messages": chat(("user", Q), ("assistant", A)),
    },
}


@pytest.mark.parametrize("row", FORMS.values(), ids=FORMS)
def test_a_form_is_read(row):
    assert read_texts(row) == SeedTexts(Q, A)


def test_messages_of_one_side_that_follow_each_other_are_one_turn():
    row = {"messages": chat(("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d"), ("user", "e"))}
    assert read_texts(row) == SeedTexts("a\n\nb", "c\n\nd")


LACKING = {
    "null output": ({"instruction": Q, "output": None}, "response_empty", "`output` is null"),
    "NaN output": ({"instruction": Q, "output": float("nan")}, "response_empty", "`output` is null"),
    "null instruction": ({"instruction": None, "output": A}, "instruction_empty", "`instruction` is null"),
    "no instruction": ({"output": A}, "instruction_empty", "`instruction` is missing"),
    "no prompt": ({"completion": A}, "instruction_empty", "`prompt` is missing"),
    "null prompt": ({"prompt": None, "response": A}, "instruction_empty", "`prompt` is null"),
    "null completion": ({"prompt": Q, "completion": None}, "response_empty", "the first user turn of `prompt` has no"),
    "null messages": ({"messages": None}, "instruction_empty", "`messages` is null"),
    "no turn": ({"messages": []}, "instruction_empty", "`messages` has no user turn"),
    "no user turn": ({"messages": chat(("assistant", A))}, "instruction_empty", "`messages` has no user turn"),
    "no answer": ({"messages": chat(("user", Q))}, "response_empty", "the first user turn of `messages` has no answer"),
    "a tool call": (
        {"messages": chat(("user", Q), ("assistant", None), ("tool", "5"), ("assistant", A))},
        "response_empty",
        "the first user turn of `messages` has no answer",
    ),
    "an image": (
        {"messages": chat(("user", [{"type": "image_url", "image_url": {"url": "x"}}]), ("assistant", A))},
        "not_text",
        "`messages.0.0` is 'image_url', accepted: a text",
    ),
    "turns as text": ({"messages": "[]"}, "not_text", "`messages` is '[]', accepted: a list of turns"),
    "a turn of text": ({"messages": ["hi"]}, "not_text", "`messages.0` is 'hi', accepted: a turn"),
    "other keys": (
        {"conversations": [{"speaker": "human", "text": Q}]},
        "unknown_form",
        "`conversations.0` has the fields speaker, text, accepted: role and content, or from and value",
    ),
    "bytes": ({"instruction": b"x", "output": A}, "not_text", "`instruction` is bytes, accepted: a text"),
}


@pytest.mark.parametrize(("row", "reason", "detail"), LACKING.values(), ids=LACKING)
def test_a_row_without_texts_has_a_reason(row, reason, detail):
    found = read_texts(row)
    assert found.reason == reason
    assert found.detail.startswith(detail)


def test_where_no_response_is_needed_an_instruction_is_enough():
    rows = [
        {"instruction": Q},
        {"instruction": Q, "output": None},
        {"prompt": Q},
        {"messages": chat(("user", Q))},
    ]
    assert [read_texts(row, need_response=False) for row in rows] == [SeedTexts(Q)] * 4


def test_a_value_nested_deeply_or_huge_is_shown_by_its_type():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert read_texts({"instruction": deep, "output": A}).detail == "`instruction` is list, accepted: a text"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "No input",
            "no input.",
            "NO INPUT",
            "noinput",
            "<noinput>",
            "<No Input>",
            "< no input >",
            "[No input]",
        ),
        *(
            "(no input)",
            "No-input",
            "no_input",
            "No inputs",
            "No input required",
            "No input needed.",
            "No input provided",
        ),
        *("No input is required", "No additional input", "Without input", "There is no input.", "Input not required"),
        *("N/A", "n/a", "N.A.", "NA", "#N/A", "<n/a>", "Not applicable", "Not Applicable.", "<not applicable>"),
        *("None", "none", "NONE", "None.", "<none>", "(none)", "None required", "None provided", "null", "Nil", "NaN"),
        *("-", "--", "\u2013", "\u2014", "<empty>", "(blank)", "Not needed", "not provided"),
    ],
)
def test_an_input_that_says_there_is_none_counts_as_empty(text):
    assert is_no_input(text)
    assert read_texts({"instruction": Q, "input": text, "output": A}) == SeedTexts(Q, A)


VALUES = ("input = none", "Input: 5", "no input files: a.txt", "None, None", "<html>", "False", "input")


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "[]",
        "{}",
        "()",
        '""',
        "''",
        "[None]",
        '"None"',
        "No",
        "no, yes",
        "N, A",
        "-1",
        "*",
        ".",
        "x = None",
        "nano",
        *VALUES,
    ],
)
def test_an_input_that_is_a_value_is_kept(text):
    assert read_texts({"instruction": Q, "input": text, "output": A}) == SeedTexts(f"{Q}\n{text}", A)

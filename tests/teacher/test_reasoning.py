"""Reasoning is separated from the answer; a text about the same tags stays as it is."""

from __future__ import annotations

import pytest

from wizardcoder.teacher.reasoning import Separated, read_message, separate_reasoning

HTML = "A custom element needs a hyphen.\n```html\n<think>\n  <b>hi</b>\n</think>\n```\nSo <think> is not one."


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>\nAdd them.\n</think>\n\nReturn a + b.", "Add them.", "Return a + b."),
        ("\n <THINK>Add them.</THINK>Return a + b.", "Add them.", "Return a + b."),
        ("<thinking>Add them.</thinking>\nReturn a + b.", "Add them.", "Return a + b."),
        ("<thought>Add them.</thought>\nReturn a + b.", "Add them.", "Return a + b."),
        ("[THINK]Add them.[/THINK]Return a + b.", "Add them.", "Return a + b."),
        ("<think>\n\n</think>\n\nReturn a + b.", "", "Return a + b."),
        ("<think>One.</think>\n<think>Two.</think>\nReturn a + b.", "One.\n\nTwo.", "Return a + b."),
        ("<think>Out <think>in</think> out</think>Return a + b.", "Out <think>in</think> out", "Return a + b."),
        ("<think>Use a <think> tag?</think>Return a + b.", "Use a <think> tag?", "Return a + b."),
        (
            "<think>Draft:\n```python\nx = 1\n```\n</think>\n```python\nx = 2\n```",
            "Draft:\n```python\nx = 1\n```",
            "```python\nx = 2\n```",
        ),
        (
            "<|channel|>analysis<|message|>Add.<|end|><|start|>assistant<|channel|>final<|message|>Return a + b.",
            "Add.<|end|><|start|>assistant",
            "Return a + b.",
        ),
    ],
)
def test_leading_reasoning_is_separated(text, reasoning, answer):
    assert separate_reasoning(text) == Separated(reasoning, answer)


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("Add them.\n</think>\n\nReturn a + b.", "Add them.", "Return a + b."),
        ("Are they equal? Equal means...</think>Not Equal", "Are they equal? Equal means...", "Not Equal"),
        ("</think>\n\nReturn a + b.", "", "Return a + b."),
        # the draft's fence is open: the next one opens the answer's block
        ("```python\nx =\n</think>\n```python\nx = 2\n```", "```python\nx =", "```python\nx = 2\n```"),
        ("```python\nx = 1\n```\nGood.\n</think>\nUse x.", "```python\nx = 1\n```\nGood.", "Use x."),
    ],
)
def test_everything_before_a_lone_closing_tag_is_reasoning(text, reasoning, answer):
    assert separate_reasoning(text) == Separated(reasoning, answer)


@pytest.mark.parametrize("text", ["<think>Let me see", "<think>", " <thinking>\nLet me see\n```python\nx = 1\n```"])
def test_reasoning_without_an_end_leaves_no_answer(text):
    found = separate_reasoning(text)
    assert (found.text, found.closed) == ("", False)


@pytest.mark.parametrize(
    "text",
    [
        HTML,
        "    return a + b\n",
        "Split at `</think>` and take the rest.",
        'answer = text.split("</think>")[-1]',
        "Models write <think>...</think> before an answer.",
        "```html\n</think>\n```",
        "```python\ntext = re.sub(r'<think>.*?</think>', '', text)\n```",
        "I think so.",
        "",
    ],
)
def test_a_text_about_the_tags_is_unchanged(text):
    assert separate_reasoning(text) == Separated("", text)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_a_field_of_the_message_is_reasoning(field):
    assert read_message({"content": "4", field: "2 + 2"}) == Separated("2 + 2", "4")


def test_a_service_that_returns_the_same_reasoning_in_two_fields_has_it_once():
    assert read_message({"content": "4", "reasoning": "2 + 2", "reasoning_content": "2 + 2"}).reasoning == "2 + 2"


@pytest.mark.parametrize(
    ("content", "reasoning", "text"),
    [
        ([{"type": "text", "text": "def f():\n"}, {"type": "text", "text": "    pass"}], "", "def f():\n    pass"),
        ([{"type": "thinking", "thinking": "2 + 2"}, {"type": "text", "text": "4"}], "2 + 2", "4"),  # Anthropic
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "2 + 2"}]}, {"type": "text", "text": "4"}],
            "2 + 2",
            "4",
        ),  # Mistral
        ([{"type": "reasoning", "summary": [{"text": "2 + 2"}]}, {"type": "output_text", "text": "4"}], "2 + 2", "4"),
        ([{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "4"}], "", "4"),
        (["4", {"type": "image_url", "image_url": {}}], "", "4"),
        ([{"type": "text", "text": "<think>2 + 2"}, {"type": "text", "text": "</think>4"}], "2 + 2", "4"),
        ([], "", ""),
        (None, "", ""),
    ],
)
def test_content_may_be_a_list_of_parts(content, reasoning, text):
    assert read_message({"content": content}) == Separated(reasoning, text)


def test_content_of_another_type_is_an_error():
    with pytest.raises(TypeError, match="content is dict"):
        read_message({"content": {"text": "4"}})

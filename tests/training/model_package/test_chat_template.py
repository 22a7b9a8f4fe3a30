"""The chat template asks in the training prompt's tokens."""

from __future__ import annotations

import pytest

from tests.training.test_tokenization import BOS, EOS, FRAME, byte_tokenizer
from wizardcoder.core.templates import fill
from wizardcoder.training.model_package import chat_template

pytestmark = pytest.mark.heavy


def templated(frame: str, *, bos: bool = False):
    tokenizer = byte_tokenizer(bos=bos)
    tokenizer.chat_template = chat_template.make_template(frame, *chat_template.special_tokens(tokenizer))
    return tokenizer


def rendered(tokenizer, *messages: tuple[str, str]) -> list[int]:
    chat = [{"role": role, "content": content} for role, content in messages]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("bos", [False, True])
@pytest.mark.parametrize("frame", [FRAME, "'{instruction}' \\ \"é\"\n\t{x}{{ y }} {% z %}", "{instruction}"])
@pytest.mark.parametrize("instruction", ["Say hi.", "Use {{ braces }}, {% tags %}, '\"\\\n\n é"])
def test_one_question_is_the_training_prompt(frame, instruction, bos):
    tokenizer = templated(frame, bos=bos)
    asked = tokenizer(fill(frame, instruction=instruction))["input_ids"]
    assert rendered(tokenizer, ("user", instruction)) == asked
    assert (asked[0] == BOS) == bos
    assert chat_template.matches_training(tokenizer, frame)


def test_a_later_question_follows_the_answer_and_its_end():
    tokenizer = templated(FRAME)
    first, second = (fill(FRAME, instruction=text).encode() for text in ("a", "c"))
    assert rendered(tokenizer, ("user", "a"), ("assistant", "b"), ("user", "c")) == [*first, 98, EOS, *second]


def test_a_system_message_precedes_the_instruction():
    tokenizer = templated("<{instruction}>")
    assert bytes(rendered(tokenizer, ("system", "Be kind."), ("user", "a"))) == b"<Be kind.\n\na>"


def test_a_template_that_asks_otherwise_is_noticed():
    tokenizer = templated(FRAME)
    assert not chat_template.matches_training(tokenizer, FRAME + " ")

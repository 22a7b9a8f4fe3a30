"""Stage train, its pure parts: sizes that contradict each other, and the encoding of all examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stages import train
from stages.lib.console import StageError
from stages.lib.params import load
from stages.lib.records import Example
from stages.lib.tokenized import Tokenized

PARAMS = load(train.Params, Path(__file__).resolve().parents[1] / "params.yaml").train


class Bytes:
    """A tokenizer whose ids are the UTF-8 bytes."""

    eos_token_id = 256

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> dict[str, list[int]]:
        assert isinstance(add_special_tokens, bool)
        return {"input_ids": list(text.encode())}


def example(instruction: str, response: str) -> Example:
    return Example("a", None, 0, None, instruction, response)


def params(max_tokens: int) -> train.TrainParams:
    return replace(PARAMS, prompt="{instruction}:", max_tokens=max_tokens)


@pytest.mark.parametrize(("batch_size", "micro_batch_size"), [(8, 4), (8, 8), (8, 1), (1, 1), (512, 64)])
def test_a_micro_batch_that_divides_the_batch_passes(batch_size, micro_batch_size):
    train.check(replace(PARAMS, batch_size=batch_size, micro_batch_size=micro_batch_size))


@pytest.mark.parametrize(("batch_size", "micro_batch_size"), [(8, 3), (4, 8), (1, 2)])
def test_a_micro_batch_that_does_not_divide_the_batch_is_one_line(batch_size, micro_batch_size):
    with pytest.raises(StageError) as caught:
        train.check(replace(PARAMS, batch_size=batch_size, micro_batch_size=micro_batch_size))
    assert str(caught.value) == (
        f"params.yaml: train.micro_batch_size: found {micro_batch_size}, "
        f"accepted: a divisor of train.batch_size, {batch_size}"
    )


def test_every_example_is_encoded_in_the_frame_and_order():
    kept, dropped = train.tokenize_all(Bytes(), params(9), [example("a", "b"), example("c{x}", "d")])
    assert kept == [
        Tokenized([97, 58, 98, 256], [-100, -100, 98, 256], 0),
        Tokenized([99, 123, 120, 125, 58, 100, 256], [-100, -100, -100, -100, -100, 100, 256], 0),
    ]
    assert dropped == 0


def test_examples_without_room_for_a_response_are_counted_as_dropped():
    kept, dropped = train.tokenize_all(
        Bytes(), params(4), [example("abcd", "x"), example("a", "xyz"), example("abc", "")]
    )
    assert kept == [Tokenized([97, 58, 120, 121], [-100, -100, 120, 121], 2)]
    assert dropped == 2


def test_a_limit_that_leaves_no_room_for_any_response_is_one_line():
    with pytest.raises(StageError) as caught:
        train.tokenize_all(Bytes(), params(2), [example("a", "b"), example("bc", "d")])
    assert str(caught.value) == "train.max_tokens: 2 leaves no room for any response"

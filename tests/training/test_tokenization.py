"""Golden tokens and labels, with a tokenizer whose ids are the UTF-8 bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.params import read_yaml
from wizardcoder.core.records import Example
from wizardcoder.core.templates import fill
from wizardcoder.training.tokenization import IGNORED, TokenizedExample, encode_all, require_end_token, tokenize

pytestmark = pytest.mark.heavy

FRAME = read_yaml(Path(__file__).resolve().parents[2] / "params.yaml")["train"]["prompt"]
EOS = 256
BOS = 257


def byte_tokenizer(*, bos: bool = False):
    """Return a real tokenizer that encodes each byte as itself; with `bos` it adds a token before each text."""
    from tokenizers import Tokenizer, decoders, models, processors
    from transformers import PreTrainedTokenizerFast

    vocab = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"<eos>": EOS, "<bos>": BOS}
    backend = Tokenizer(models.BPE(vocab=vocab, merges=[], byte_fallback=True))
    backend.decoder = decoders.ByteFallback()
    if bos:
        backend.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", BOS)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<eos>", **({"bos_token": "<bos>"} if bos else {})
    )


@pytest.fixture(scope="module")
def tokenizer():
    return byte_tokenizer()


def test_loss_is_on_the_response_and_its_end_only(tokenizer):
    assert tokenize(tokenizer, "Hi:", "é!", 99) == TokenizedExample(
        input_ids=[72, 105, 58, 195, 169, 33, 256], labels=[-100, -100, -100, 195, 169, 33, 256], cut=0
    )


def test_an_alpaca_prompt_with_an_input(tokenizer):
    prompt = fill(FRAME, instruction="Sort the numbers.\n3 1 2")
    found = tokenize(tokenizer, prompt, "1 2 3", 512)
    assert bytes(found.input_ids[:-1]).decode() == (
        "Below is an instruction that describes a task. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nSort the numbers.\n3 1 2\n\n### Response:1 2 3"
    )
    assert found.input_ids[-1] == EOS
    assert found.labels == [IGNORED] * len(prompt) + [49, 32, 50, 32, 51, EOS]


def test_an_alpaca_prompt_without_an_input(tokenizer):
    prompt = fill(FRAME, instruction="Say hi.")
    found = tokenize(tokenizer, prompt, "hi", 512)
    assert found.input_ids == [*prompt.encode(), 104, 105, EOS]
    assert found.labels == [IGNORED] * 146 + [104, 105, EOS]
    assert len(prompt) == 146


def test_training_meets_the_prompt_as_the_model_is_asked(tokenizer):
    prompt = fill(FRAME, instruction="Größe")
    asked = tokenizer(prompt)["input_ids"]
    assert tokenize(tokenizer, prompt, "x", 512).input_ids[: len(asked)] == asked


def test_a_beginning_token_precedes_the_prompt_only():
    assert tokenize(byte_tokenizer(bos=True), "a", "b", 9) == TokenizedExample(
        [BOS, 97, 98, EOS], [-100, -100, 98, EOS], 0
    )


def test_what_does_not_fit_is_cut_at_the_end_and_counted(tokenizer):
    assert tokenize(tokenizer, "ab", "cdef", 4) == TokenizedExample([97, 98, 99, 100], [-100, -100, 99, 100], cut=3)


def test_a_record_that_just_fits_keeps_its_end(tokenizer):
    assert tokenize(tokenizer, "ab", "c", 4) == TokenizedExample([97, 98, 99, EOS], [-100, -100, 99, EOS], cut=0)


@pytest.mark.parametrize("max_tokens", [1, 2])
def test_without_room_for_one_token_of_the_response_there_is_no_example(tokenizer, max_tokens):
    assert tokenize(tokenizer, "ab", "c", max_tokens) is None


def test_input_ids_and_labels_have_the_same_length(tokenizer):
    for max_tokens in range(3, 12):
        found = tokenize(tokenizer, "ab", "cdefgh", max_tokens)
        assert len(found.input_ids) == len(found.labels) <= max_tokens
        assert len(found.input_ids) + found.cut == 9


def example(instruction: str, response: str) -> Example:
    return Example("a", None, 0, None, instruction, response)


def encoded(*pairs: tuple[str, str], max_tokens: int, too_long: str = "cut", encoder_decoder: bool = False):
    return encode_all(
        byte_tokenizer(),
        [example(*pair) for pair in pairs],
        frame="{instruction}:",
        max_tokens=max_tokens,
        too_long=too_long,
        encoder_decoder=encoder_decoder,
    )


def test_every_example_is_encoded_in_the_frame_and_order():
    found = encoded(("a", "b"), ("c{x}", "d"), max_tokens=9)
    assert found.rows == [
        TokenizedExample([97, 58, 98, 256], [-100, -100, 98, 256], 0),
        TokenizedExample([99, 123, 120, 125, 58, 100, 256], [-100, -100, -100, -100, -100, 100, 256], 0),
    ]
    assert found.dropped == 0


def test_an_example_that_is_too_long_is_cut_and_counted():
    found = encoded(("a", "xyz"), ("b", "c"), max_tokens=4)
    assert [row.input_ids for row in found.rows] == [[97, 58, 120, 121], [98, 58, 99, 256]]
    assert (found.counts["cut"], found.dropped) == (1, 0)


def test_an_example_that_is_too_long_is_dropped_where_asked_for_and_counted():
    found = encoded(("a", "xyz"), ("b", "c"), max_tokens=4, too_long="drop")
    assert [row.input_ids for row in found.rows] == [[98, 58, 99, 256]]
    assert (found.counts["cut"], found.counts["too_long"], found.dropped) == (0, 1, 1)


@pytest.mark.parametrize("too_long", ["cut", "drop"])
def test_an_example_without_room_for_a_response_is_dropped_in_any_case(too_long):
    found = encoded(("abc", "x"), ("abcd", ""), max_tokens=4, too_long=too_long)
    assert found.rows == []
    assert (found.counts["no_response"], found.dropped) == (2, 2)


def test_an_encoder_reads_the_prompt_and_a_decoder_writes_the_response():
    found = encoded(("ab", "cdef"), max_tokens=4, encoder_decoder=True)
    assert found.rows == [TokenizedExample([97, 98, 58], [99, 100, 101, 102], cut=1)]


def test_a_prompt_that_does_not_fit_the_encoder_is_dropped():
    assert encoded(("abcd", "x"), max_tokens=4, encoder_decoder=True).counts["no_response"] == 1


def test_a_tokenizer_without_an_end_is_refused(tokenizer):
    other = byte_tokenizer()
    other.eos_token = None
    with pytest.raises(StageError, match=r"^models/base: its tokenizer has no end-of-sequence token"):
        require_end_token(other, "models/base")
    require_end_token(tokenizer, "models/base")

"""Tokenize training examples and mask the loss.

The prompt is tokenized on its own, as it is when the model is asked, so that training and generation have the same
token boundary. A decoder reads prompt and response in one row, with the loss on the response; an encoder-decoder reads
the prompt and writes the response, each up to `max_tokens`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example
from wizardcoder.core.templates import fill

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100  # the label that torch's cross entropy ignores
LengthOutcome = Literal["whole", "cut", "too_long", "no_response"]  # cut: kept without its end; the last two: dropped


@dataclass(frozen=True, slots=True)
class TokenizedExample:
    """`input_ids` and `labels` of one example, for a decoder both (seq_len,); `cut` counts tokens that did not fit."""

    input_ids: list[int]
    labels: list[int]
    cut: int


@dataclass(slots=True)
class EncodedExamples:
    """The tokenized rows, and (id, outcome) of each example."""

    rows: list[TokenizedExample] = field(default_factory=list)
    outcomes: list[tuple[str, LengthOutcome]] = field(default_factory=list)

    @property
    def counts(self) -> Counter[LengthOutcome]:
        """The number of examples by outcome."""
        return Counter(outcome for _, outcome in self.outcomes)

    @property
    def dropped(self) -> int:
        """The number of examples that were dropped."""
        return self.counts["too_long"] + self.counts["no_response"]


def encode_all(
    tokenizer: PreTrainedTokenizerBase,
    examples: Iterable[Example],
    *,
    frame: str,
    max_tokens: int,
    too_long: Literal["cut", "drop"],
    encoder_decoder: bool = False,
) -> EncodedExamples:
    """Tokenize examples in the prompt `frame`, in order.

    `too_long` decides whether an example that does not fit is cut at its end or dropped. One with no room for any token
    of its response is always dropped.
    """
    encode = tokenize_pair if encoder_decoder else tokenize
    found = EncodedExamples()
    for example in examples:
        prompt = fill(frame, instruction=example.instruction)
        row = encode(tokenizer, prompt, example.response, max_tokens)
        outcome = _outcome(row, too_long)
        found.outcomes.append((example.id, outcome))
        if row is not None and outcome in ("whole", "cut"):
            found.rows.append(row)
    return found


def tokenize(
    tokenizer: PreTrainedTokenizerBase, prompt: str, response: str, max_tokens: int
) -> TokenizedExample | None:
    """Tokenize one example for a decoder; the loss is on the response and its end-of-sequence token.

    Tokens beyond `max_tokens` are cut off at the end. Returns None if that would remove the whole response.
    """
    prompt_ids: list[int] = tokenizer(prompt)["input_ids"]
    response_ids = _response_ids(tokenizer, response)
    room = max_tokens - len(prompt_ids)
    if room <= 0:
        return None
    kept = response_ids[:room]
    return TokenizedExample(prompt_ids + kept, [IGNORED] * len(prompt_ids) + kept, len(response_ids) - len(kept))


def tokenize_pair(
    tokenizer: PreTrainedTokenizerBase, prompt: str, response: str, max_tokens: int
) -> TokenizedExample | None:
    """Tokenize one example for an encoder-decoder: `input_ids` is the prompt, `labels` the response with its end.

    Returns None if the prompt does not fit: its end asks for the response, so a cut prompt would be another one.
    """
    prompt_ids: list[int] = tokenizer(prompt)["input_ids"]
    response_ids = _response_ids(tokenizer, response)
    if len(prompt_ids) > max_tokens:
        return None
    return TokenizedExample(prompt_ids, response_ids[:max_tokens], max(0, len(response_ids) - max_tokens))


def require_end_token(tokenizer: PreTrainedTokenizerBase, where: object) -> None:
    """Refuse a tokenizer without an end-of-sequence token, since an answer could never end.

    Raises:
        StageError: it has none; names `where` it was read from.
    """
    if not isinstance(tokenizer.eos_token_id, int):
        raise StageError(f"{where}: its tokenizer has no end-of-sequence token, accepted: one with eos_token set")


def _outcome(row: TokenizedExample | None, too_long: Literal["cut", "drop"]) -> LengthOutcome:
    if row is None:
        return "no_response"
    if not row.cut:
        return "whole"
    return "cut" if too_long == "cut" else "too_long"


def _response_ids(tokenizer: PreTrainedTokenizerBase, response: str) -> list[int]:
    ids: list[int] = tokenizer(response, add_special_tokens=False)["input_ids"]
    assert isinstance(tokenizer.eos_token_id, int)
    return [*ids, tokenizer.eos_token_id]

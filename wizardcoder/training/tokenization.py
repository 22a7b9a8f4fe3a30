"""Training text as tokens with its loss mask.

In: a prompt and a response. Out: token ids and labels. The prompt is encoded by itself, as it is when the model is
asked, so that training and generation meet the same token boundary. A decoder reads prompt and response in one row and
its loss is on the response; an encoder-decoder reads the prompt and writes the response, each up to `max_tokens`.
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

IGNORED = -100  # the label that torch's cross entropy leaves out
Fate = Literal["whole", "cut", "too_long", "no_response"]  # cut: kept without its end; the last two: left out


@dataclass(frozen=True, slots=True)
class Tokenized:
    """`input_ids` and `labels` of one example; of a decoder both of length (seq_len,). `cut` tokens did not fit."""

    input_ids: list[int]
    labels: list[int]
    cut: int


@dataclass(slots=True)
class Encoded:
    """The rows to train on, and what became of each example, by id."""

    rows: list[Tokenized] = field(default_factory=list)
    fates: list[tuple[str, Fate]] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Fate]:
        """How many examples met each fate."""
        return Counter(fate for _, fate in self.fates)

    @property
    def dropped(self) -> int:
        """How many examples were left out."""
        return self.counts["too_long"] + self.counts["no_response"]


def encode_all(
    tokenizer: PreTrainedTokenizerBase,
    examples: Iterable[Example],
    *,
    frame: str,
    max_tokens: int,
    too_long: Literal["cut", "drop"],
    encoder_decoder: bool = False,
) -> Encoded:
    """Encode examples in the frame `frame`, in order.

    An example that does not fit is cut at its end or dropped, as `too_long` says; one of whose response no token fits
    is dropped in any case.
    """
    encode = tokenize_pair if encoder_decoder else tokenize
    found = Encoded()
    for example in examples:
        prompt = fill(frame, instruction=example.instruction)
        row = encode(tokenizer, prompt, example.response, max_tokens)
        fate = _fate(row, too_long)
        found.fates.append((example.id, fate))
        if row is not None and fate in ("whole", "cut"):
            found.rows.append(row)
    return found


def tokenize(tokenizer: PreTrainedTokenizerBase, prompt: str, response: str, max_tokens: int) -> Tokenized | None:
    """Encode one example for a decoder, loss on the response and its end-of-sequence token only.

    What does not fit into `max_tokens` is cut at the end. None when the whole response would be cut away.
    """
    asked: list[int] = tokenizer(prompt)["input_ids"]
    answered = _answer(tokenizer, response)
    room = max_tokens - len(asked)
    if room <= 0:
        return None
    kept = answered[:room]
    return Tokenized(asked + kept, [IGNORED] * len(asked) + kept, len(answered) - len(kept))


def tokenize_pair(tokenizer: PreTrainedTokenizerBase, prompt: str, response: str, max_tokens: int) -> Tokenized | None:
    """Encode one example for an encoder-decoder: `input_ids` is the prompt, `labels` the response and its end.

    None when the prompt does not fit: without its end, where the response is asked for, it is another prompt.
    """
    asked: list[int] = tokenizer(prompt)["input_ids"]
    answered = _answer(tokenizer, response)
    if len(asked) > max_tokens:
        return None
    return Tokenized(asked, answered[:max_tokens], max(0, len(answered) - max_tokens))


def need_end(tokenizer: PreTrainedTokenizerBase, where: object) -> None:
    """Refuse a tokenizer without an end-of-sequence token: an answer could never end."""
    if not isinstance(tokenizer.eos_token_id, int):
        raise StageError(f"{where}: its tokenizer has no end-of-sequence token, accepted: one with eos_token set")


def _fate(row: Tokenized | None, too_long: Literal["cut", "drop"]) -> Fate:
    if row is None:
        return "no_response"
    if not row.cut:
        return "whole"
    return "cut" if too_long == "cut" else "too_long"


def _answer(tokenizer: PreTrainedTokenizerBase, response: str) -> list[int]:
    answered: list[int] = tokenizer(response, add_special_tokens=False)["input_ids"]
    assert isinstance(tokenizer.eos_token_id, int)
    return [*answered, tokenizer.eos_token_id]

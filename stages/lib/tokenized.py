"""Training text as tokens with its loss mask.

In: a prompt and a response. Out: token ids and labels. The prompt is encoded by itself, as it is when the model is
asked, so that training and generation meet the same token boundary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100  # the label that torch's cross entropy leaves out


@dataclass(frozen=True, slots=True)
class Tokenized:
    """`input_ids` and `labels` of one example, both of length (seq_len,); `cut` tokens did not fit."""

    input_ids: list[int]
    labels: list[int]
    cut: int


def tokenize(tokenizer: PreTrainedTokenizerBase, prompt: str, response: str, max_tokens: int) -> Tokenized | None:
    """Encode one example, loss on the response and its end-of-sequence token only.

    What does not fit into `max_tokens` is cut at the end. None when the whole response would be cut away.
    """
    asked: list[int] = tokenizer(prompt)["input_ids"]
    answered: list[int] = tokenizer(response, add_special_tokens=False)["input_ids"]
    assert isinstance(tokenizer.eos_token_id, int)
    answered.append(tokenizer.eos_token_id)
    room = max_tokens - len(asked)
    if room <= 0:
        return None
    kept = answered[:room]
    return Tokenized(asked + kept, [IGNORED] * len(asked) + kept, len(answered) - len(kept))

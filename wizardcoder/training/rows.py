"""The records as rows of tokens: those to train on and those held out.

In: examples, the `train` section, a tokenizer. Out: rows with their counts, their lengths, and a hash of them all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example
from wizardcoder.training import held_out
from wizardcoder.training.fates import TrainFate
from wizardcoder.training.settings import TrainParams
from wizardcoder.training.tokenization import Encoded, encode_all

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Prepared:
    """The examples as tokens; rows to train on, rows held out and `dropped` are all that there were."""

    train: Encoded
    held_out: Encoded
    encoder_decoder: bool

    @property
    def cut(self) -> int:
        """How many records are trained on without their end."""
        return self.train.counts["cut"]

    @property
    def dropped(self) -> int:
        """How many records are neither trained on nor measured since they are too long."""
        return self.train.dropped + self.held_out.dropped

    def fates(self) -> Iterator[TrainFate]:
        """Tell what becomes of each record, those to train on first."""
        for name, fate in self.train.fates:
            yield TrainFate(name, "trained" if fate == "whole" else fate)
        for name, fate in self.held_out.fates:
            yield TrainFate(name, "held_out" if fate == "whole" or fate == "cut" else fate)  # noqa: PLR1714 - mypy

    def lengths(self) -> list[int]:
        """Give the positions that each training row takes: of an encoder-decoder, of both its parts."""
        return [len(row.input_ids) + len(row.labels) * self.encoder_decoder for row in self.train.rows]

    def mean_length(self) -> float:
        """Give the mean length of the row that a token stands in, which attention's cost follows."""
        return sum(n * n for n in self.lengths()) / sum(self.lengths())

    def digest(self) -> str:
        """Hash all rows in order."""
        rows = [[(row.input_ids, row.labels) for row in part.rows] for part in (self.train, self.held_out)]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def prepare(
    params: TrainParams,
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerBase,
    source: Path,
    *,
    encoder_decoder: bool,
) -> Prepared:
    """Hold records out and encode all.

    Raises:
        StageError: `source` holds no example, or none of whose response a token fits.
    """
    if not examples:
        raise StageError(f"{source}: holds no example")
    train, held = (
        encode_all(
            tokenizer,
            part,
            frame=params.prompt,
            max_tokens=params.max_tokens,
            too_long=params.too_long,
            encoder_decoder=encoder_decoder,
        )
        for part in held_out.split(examples, params.held_out, params.seed)
    )
    if not train.rows:
        raise StageError(
            f"params.yaml: train.max_tokens: {params.max_tokens} leaves no example to train on: "
            f"{train.counts['no_response']} lose their whole response, {train.counts['too_long']} are too long"
        )
    return Prepared(train, held, encoder_decoder)

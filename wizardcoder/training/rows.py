"""Turn records into tokenized rows: those to train on and those held out.

In: examples, the `train` section, a tokenizer. Out: rows with their counts, lengths and a hash. Does not pack rows.
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
from wizardcoder.training.outcomes import TrainOutcome
from wizardcoder.training.settings import TrainParams
from wizardcoder.training.tokenization import EncodedExamples, encode_all

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """All examples as tokens: each is in `train`, in `held_out` or counted in `dropped`."""

    train: EncodedExamples
    held_out: EncodedExamples
    encoder_decoder: bool

    @property
    def cut(self) -> int:
        """The number of records that are trained on without their end."""
        return self.train.counts["cut"]

    @property
    def dropped(self) -> int:
        """The number of records that are too long to train on or to measure."""
        return self.train.dropped + self.held_out.dropped

    def outcomes(self) -> Iterator[TrainOutcome]:
        """Yield the outcome of each record, first those to train on, then those held out."""
        for name, outcome in self.train.outcomes:
            yield TrainOutcome(name, "trained" if outcome == "whole" else outcome)
        for name, outcome in self.held_out.outcomes:
            yield TrainOutcome(name, "held_out" if outcome == "whole" or outcome == "cut" else outcome)  # noqa: PLR1714 - mypy

    def lengths(self) -> list[int]:
        """Return the number of tokens of each training row; for an encoder-decoder, of both its parts."""
        return [len(row.input_ids) + len(row.labels) * self.encoder_decoder for row in self.train.rows]

    def mean_length(self) -> float:
        """Return the mean row length weighted by tokens, which determines the cost of attention."""
        return sum(n * n for n in self.lengths()) / sum(self.lengths())

    def digest(self) -> str:
        """Return a hash of all rows in order."""
        rows = [[(row.input_ids, row.labels) for row in part.rows] for part in (self.train, self.held_out)]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def prepare_rows(
    params: TrainParams,
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerBase,
    source: Path,
    *,
    encoder_decoder: bool,
) -> TrainingRows:
    """Hold records out and tokenize all.

    Raises:
        StageError: `source` has no example, or none of whose response at least one token fits.
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
    return TrainingRows(train, held, encoder_decoder)

"""pydantic's errors in one line."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from wizardcoder.core.params import STRICT
from wizardcoder.core.validation import describe


@dataclass(frozen=True, slots=True, config=STRICT)
class Inner:
    """A section."""

    epochs: int
    lr: float


@dataclass(frozen=True, slots=True, config=STRICT)
class Outer:
    """Two sections, one of which may be absent."""

    train: Inner
    other: Inner | None = None


def described(text: str, kind: type | None = Outer) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter[Any](Outer).validate_json(text)
    return describe(caught.value, kind)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"train": {"epochs": 1}}', "train.lr: missing"),
        ('{"train": {"epochs": "1", "lr": 1.0}}', "train.epochs: found '1', accepted: a valid integer"),
        ('{"train": {"epoch": 1, "lr": 1.0}}', "train.epoch: unknown key (did you mean epochs?)"),
        ('{"train": {"epochs": 1, "lr": 1.0, "x": 2}}', "train.x: unknown key; accepted: epochs, lr"),
        (
            '{"train": {"epochs": 1, "lr": 1.0}, "other": {"epochs": 1, "lr": 1.0, "lrr": 2}}',
            "other.lrr: unknown key (did you mean lr?)",
        ),
        ('{"train": []}', "train: found [], accepted: an object"),
        ("[]", "found [], accepted: an object"),
        ('{"train": ', "not JSON, or cut short: EOF while parsing a value at line 1 column 10"),
    ],
)
def test_the_first_error_names_its_key_the_value_found_and_what_is_accepted(text, line):
    assert described(text) == line


def test_without_the_dataclass_a_missing_field_names_those_that_are_there():
    assert described('{"train": {"epochs": 1}}', None) == "train.lr: missing; found the fields epochs"


def test_a_long_value_is_cut():
    line = described(f'{{"train": "{"x" * 500}"}}')
    assert line.startswith("train: found 'xxx")
    assert line.endswith("..., accepted: an object")
    assert len(line) < 120

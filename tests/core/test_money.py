"""Money is printed with two significant digits."""

from __future__ import annotations

import pytest

from wizardcoder.core.money import format_cost


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        *((0, "0"), (1.23e-7, "0.00000012"), (0.00123, "0.0012"), (0.0999, "0.10"), (0.996, "1.0"), (1.0422, "1.0")),
        *((9.96, "10"), (10.4, "10"), (99.6, "100"), (523.4, "523"), (12345.6, "12,346")),
    ],
)
def test_money_has_two_significant_digits_and_from_10_on_no_decimals(cost, text):
    assert format_cost(cost) == text

"""The draw depends on the seed and each name alone."""

from __future__ import annotations

from wizardcoder.core.draws import draw_key, draw_order

NAMES = ["3f2a", "9c01", "b7d4", "e5f6"]


def test_the_key_is_the_sha256_of_seed_and_name():
    assert draw_key(42, "3f2a").hex() == "239dd59ec9ad52daa7ef1493ff0ff549e3c78abbe38f53d1a50d7c4269510ca0"


def test_the_order_does_not_depend_on_the_order_of_the_names():
    assert draw_order(NAMES, 42) == draw_order(NAMES[::-1], 42)


def test_other_names_do_not_change_which_of_two_comes_first():
    order = draw_order(NAMES, 42)
    assert draw_order(NAMES[:2], 42) == [name for name in order if name in NAMES[:2]]


def test_another_seed_draws_another_order():
    assert len({tuple(draw_order(NAMES, seed)) for seed in range(20)}) > 5

"""Records held out: whole lineages, drawn by the seed, never more than a fifth."""

from __future__ import annotations

from wizardcoder.core.records import Example
from wizardcoder.training.held_out import split


def example(name: str) -> Example:
    return Example(name, None, name.count("-r"), None, f"Do {name}", "done")


EXAMPLES = [example(f"s{n:02}{suffix}") for n in range(20) for suffix in ("", "-r1", "-r1-r2")]


def ids(examples: list[Example]) -> list[str]:
    return [e.id for e in examples]


def test_a_seed_and_what_was_evolved_from_it_stay_together():
    train, held = split(EXAMPLES, 7, seed=1)
    assert len(held) == 6  # two lineages of three; a third would be nine
    assert not {e.id[:3] for e in train} & {e.id[:3] for e in held}


def test_every_record_is_in_one_part_and_keeps_its_order():
    train, held = split(EXAMPLES, 9, seed=1)
    assert sorted(ids(train) + ids(held)) == sorted(ids(EXAMPLES))
    assert ids(train) == [i for i in ids(EXAMPLES) if i in set(ids(train))]


def test_the_seed_draws_and_the_order_does_not_matter():
    drawn = {frozenset(ids(split(EXAMPLES, 6, seed)[1])) for seed in range(20)}
    assert len(drawn) > 10
    assert set(ids(split(EXAMPLES[::-1], 6, 3)[1])) == set(ids(split(EXAMPLES, 6, 3)[1]))


def test_at_most_a_fifth_is_held_out():
    assert len(split(EXAMPLES, 1000, seed=1)[1]) == 12


def test_none_is_held_out_where_none_is_asked_for_or_too_few_are_there():
    assert split(EXAMPLES, 0, seed=1)[1] == []
    assert split(EXAMPLES[:3], 4, seed=1)[1] == []

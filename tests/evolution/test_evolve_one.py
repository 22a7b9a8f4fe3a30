"""The draw of a heuristic: uniform, by run seed, round and id, and stable when heuristics are added or removed."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from wizardcoder.core.params import RunParams, load
from wizardcoder.core.records import Example, PoolItem
from wizardcoder.evolution.evolve_one import draw_evolution, evolve_one
from wizardcoder.evolution.standalone import StandaloneParams
from wizardcoder.teacher.answer import Answer
from wizardcoder.teacher.teacher import Reply

ROOT = Path(__file__).resolve().parents[2]
FIVE = ("constraints", "specificity", "reasoning", "misdirection", "complexity")
SIX = (*FIVE, "edge_cases")
IDS = [f"seed{n}" for n in range(6000)]


@pytest.mark.parametrize("run_seed", [0, 42, 1234])
@pytest.mark.parametrize("number", [1, 4])
def test_heuristics_are_drawn_equally_often(run_seed, number):
    drawn = Counter(draw_evolution(run_seed, number, key, FIVE).heuristic for key in IDS)
    chi_square = sum((drawn[name] - 1200) ** 2 / 1200 for name in FIVE)
    assert chi_square < 18.47  # 4 degrees of freedom, p = 0.001


def test_rounds_and_run_seeds_draw_independently():
    draws = [[draw_evolution(*by, key, FIVE).heuristic for key in IDS] for by in ((42, 1), (42, 2), (43, 1))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        same = sum(a == b for a, b in zip(draws[one], draws[other], strict=True))
        assert 1080 < same < 1320  # a fifth of 6,000, by 4 standard deviations


def test_a_sixth_heuristic_is_drawn_by_a_sixth_of_the_records_and_the_others_keep_their_draw():
    moved = 0
    for key in IDS:
        before, after = (draw_evolution(42, 1, key, names) for names in (FIVE, SIX))
        assert after.seed == before.seed
        assert after.heuristic in (before.heuristic, "edge_cases")
        moved += after.heuristic == "edge_cases"
    assert 880 < moved < 1120  # a sixth of 6,000, by 4 standard deviations


def test_a_heuristic_that_is_removed_moves_only_the_records_that_drew_it():
    for key in IDS[:500]:
        before, after = (draw_evolution(42, 1, key, names).heuristic for names in (FIVE, FIVE[1:]))
        assert before in (after, FIVE[0])


def test_the_order_of_the_heuristics_does_not_matter():
    assert [draw_evolution(1, 1, key, FIVE) for key in IDS[:50]] == [
        draw_evolution(1, 1, key, FIVE[::-1]) for key in IDS[:50]
    ]


def test_the_teachers_seeds_differ_and_fit_into_31_bits():
    seeds = [draw_evolution(42, 1, key, FIVE).seed for key in IDS]
    assert len(set(seeds)) > 5990
    assert min(seeds) >= 0
    assert max(seeds) < 2**31
    assert abs(sum(seeds) / len(seeds) / 2**31 - 0.5) < 0.02


class Recorder:
    """A teacher that answers everything and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str, int]] = set()

    async def ask(self, role, messages, seed, attempt=0):
        text = messages[-1]["content"]
        self.asked.add((role, text, seed))
        answer = "Not Equal" if role == "judge" else f"Write a function that prints {hash((text, seed))}."
        return Reply(Answer(answer, "stop", 1, 1), cached=False)


def ask_four_rounds(params, ids):
    """Evolve seeds for four rounds; return the requests of each seed."""
    requests = {}
    for key in ids:
        teacher, item = Recorder(), PoolItem(key, f"Write a function that prints {key}.")
        for number in range(1, 5):
            outcome = asyncio.run(evolve_one(params, number, item, teacher)).record
            assert isinstance(outcome, Example)
            item = PoolItem(outcome.id, outcome.instruction)
        requests[key] = teacher.asked
    return requests


def test_adding_a_heuristic_asks_again_only_for_the_records_that_draw_it_and_their_descendants():
    params = load(StandaloneParams, ROOT / "params.yaml")
    five = StandaloneParams(RunParams(42), params.teacher, params.evolve)
    before = ask_four_rounds(five, IDS[:120])
    five.evolve.heuristics["edge_cases"] = "Require the solution to handle unusual or invalid inputs."
    after = ask_four_rounds(five, IDS[:120])
    kept = sum(len(before[key] & after[key]) for key in before)
    total = sum(len(requests) for requests in after.values())
    assert total == 120 * 4 * 3
    # a lineage of four rounds keeps 5/6 + (5/6)^2 + (5/6)^3 + (5/6)^4 of its four rounds: 0.65
    assert 0.58 < kept / total < 0.72

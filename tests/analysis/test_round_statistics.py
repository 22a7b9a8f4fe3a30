"""A round's account: counts, spreads and metrics, worked out by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from wizardcoder.analysis.round_files import RoundRecords
from wizardcoder.analysis.round_statistics import (
    MeasuredExample,
    RoundSummary,
    Spread,
    compute_spread,
    sort_counts,
    summarize_round,
)
from wizardcoder.analysis.tables import flatten_metrics, list_mix, list_outcomes, list_records, list_spreads
from wizardcoder.core.records import Example, Rejected

A = Example("a-r1", "a", 1, "reasoning", "x", "y")
B = Example("b-r1", "b", 1, "constraints", "x", "y")
C = Rejected("c-r1", "c", 1, "reasoning", "refusal", "", "")
EMPTY = RoundRecords(2, [], [], {}, [])


def summary(**changes) -> RoundSummary:
    return replace(RoundSummary(1, Counter(), {}, {}, {}, 0), **changes)


def test_a_spread_has_mean_quartiles_and_the_means_margin():
    # sd = sqrt(5/3), so 1.959964 * sd / sqrt(4) = 1.265151; quartiles lie a quarter of the way between neighbours
    assert compute_spread([4, 1, 3, 2]) == Spread(4, 2.5, pytest.approx(1.265151, abs=1e-6), 1.75, 2.5, 3.25)


def test_a_single_value_has_no_margin():
    assert compute_spread([7]) == Spread(1, 7.0, 0.0, 7.0, 7.0, 7.0)


def test_no_value_has_no_spread():
    assert compute_spread([]) is None


def test_attempts_are_counted_by_heuristic_and_outcome():
    found = summarize_round(RoundRecords(1, [A, B], [C, C], {}, []), [], {})
    assert found.outcomes == {
        ("reasoning", "accepted"): 1,
        ("constraints", "accepted"): 1,
        ("reasoning", "refusal"): 2,
    }
    assert (found.accepted, found.attempted) == (2, 4)
    assert list(list_outcomes([found])) == [
        {"round": 1, "heuristic": "constraints", "outcome": "accepted", "count": 1},
        {"round": 1, "heuristic": "reasoning", "outcome": "accepted", "count": 1},
        {"round": 1, "heuristic": "reasoning", "outcome": "refusal", "count": 2},
    ]


def test_a_seed_that_was_not_drawn_is_told_but_was_no_attempt():
    over = replace(C, heuristic=None, reason="over_limit")
    found = summarize_round(RoundRecords(0, [A], [over] * 9, {}, []), [], {})
    assert (found.accepted, found.attempted) == (1, 1)
    assert {"round": 0, "heuristic": "", "outcome": "over_limit", "count": 9} in list(list_outcomes([found]))


def test_a_measure_that_some_records_lack_spreads_over_the_others():
    measured = [MeasuredExample(A, {"tokens": 4, "cyclomatic": 3}), MeasuredExample(B, {"tokens": 2})]
    found = summarize_round(RoundRecords(1, [A, B], [], {}, []), measured, {"distinct_1": 0.5})
    assert {name: (s.n, s.mean) for name, s in found.spreads.items()} == {"tokens": (2, 3.0), "cyclomatic": (1, 3.0)}
    assert (found.shares, found.drawn) == ({"distinct_1": 0.5}, 2)


def test_the_mix_counts_languages_verdicts_drops_and_flags():
    screened = {
        "a": replace(A, language="python", verdict="ran", flags=("network",)),
        "b": replace(A, language="python", verdict="raised", flags=("network", "delete")),
        "c": replace(A, language=None, verdict="no_code"),
    }
    dropped = [replace(C, reason="verdict.syntax_error"), replace(C, reason="flag.secrets")]
    found = summarize_round(RoundRecords(1, [A] * 5, [], screened, dropped), [], {})
    assert found.mix == {
        "language": {"python": 2, "no code": 1},
        "verdict": {"ran": 1, "raised": 1, "no_code": 1, "syntax_error": 1},
        "dropped": {"verdict.syntax_error": 1, "flag.secrets": 1},
        "flag": {"network": 2, "delete": 1},
    }
    assert list(list_mix([found]))[:2] == [
        {"round": 1, "kind": "language", "name": "python", "count": 2},
        {"round": 1, "kind": "language", "name": "no code", "count": 1},
    ]


def test_an_empty_round_has_counts_of_zero_and_no_measure():
    assert flatten_metrics([summarize_round(EMPTY, [], {})]) == {
        "r2.attempted": 0,
        "r2.accepted": 0,
        "r2.rejected": 0,
        "r2.total": 0,
        "r2.drawn": 0,
    }
    assert list(list_spreads([summarize_round(EMPTY, [], {})])) == []
    assert list(list_mix([summarize_round(EMPTY, [], {})])) == []


def test_metrics_are_means_and_totals_add_up():
    first = summarize_round(
        RoundRecords(0, [A, B], [], {}, []),
        [MeasuredExample(A, {"nesting": 1}), MeasuredExample(B, {"nesting": 2})],
        {},
    )
    second = summarize_round(RoundRecords(1, [A], [C], {}, []), [], {"distinct_2": 0.25})
    metrics = flatten_metrics([first, second])
    assert metrics["r0.nesting"] == 1.5
    assert (metrics["r0.acceptance"], metrics["r1.acceptance"]) == (1.0, 0.5)
    assert (metrics["r0.total"], metrics["r1.total"]) == (2, 3)
    assert metrics["r1.distinct_2"] == 0.25
    assert "r1.nesting" not in metrics


def test_tables_have_six_significant_digits():
    found = summary(spreads={"similarity.dev": Spread(3, 1 / 3, 2 / 3, 1e-9 / 3, 12345678.9, 1.0)})
    assert list(list_spreads([found])) == [
        {
            "round": 1,
            "measure": "similarity.dev",
            "n": 3,
            "mean": 0.333333,
            "margin": 0.666667,
            "q1": 3.33333e-10,
            "median": 12345700.0,
            "q3": 1.0,
        }
    ]
    assert list(list_records([MeasuredExample(A, {"to_parent": 2 / 3})])) == [
        {"id": "a-r1", "round": 1, "heuristic": "reasoning", "to_parent": 0.666667}
    ]


def test_equal_counts_stand_by_name():
    assert sort_counts({"b": 1, "a": 1, "c": 2}) == [("c", 2), ("a", 1), ("b", 1)]

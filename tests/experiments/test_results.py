"""Results of experiments, compared problem by problem."""

from __future__ import annotations

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.records import to_line
from wizardcoder.evaluation.results import SampleResult as Row
from wizardcoder.experiments.comparison import ExperimentComparison, comparison_summary, comparison_tables
from wizardcoder.experiments.experiment import Experiment
from wizardcoder.experiments.results import (
    BenchmarkScores,
    ExperimentResult,
    compare_with_baseline,
    flat_metrics,
    parse_scores,
)


def scores(solved: int, nll: float, problems: int = 20) -> BenchmarkScores:
    """Return a model that solves the first problems; its NLL rises a little from problem to problem."""
    return BenchmarkScores(
        {f"dev/{n}": (1, int(n < solved)) for n in range(problems)},
        {f"dev/{n}": nll + 0.001 * n for n in range(problems)},
    )


BASE = ExperimentResult("a", {"dev": scores(10, 1.5)}, {"train.examples": 20})
MORE = ExperimentResult("b", {"dev": scores(18, 1.2)}, {"train.examples": 30})
SAME = ExperimentResult("c", {"dev": scores(11, 1.5)}, {})


def test_rows_as_evaluate_writes_them_are_read():
    rows = [Row("dev/0", n, "pass", passed, "ok", 0.1, "", 1.25) for n, passed in enumerate([True, False])]
    rows.append(Row("dev/1", 0, "pass", False, "ok", 0.1, "", None))
    assert parse_scores("".join(map(to_line, rows))) == BenchmarkScores(
        {"dev/0": (2, 1), "dev/1": (1, 0)}, {"dev/0": 1.25}
    )


def test_differences_are_those_from_the_baseline():
    found = compare_with_baseline([MORE, BASE], "a")
    assert found.keys() == {("b", "dev", "pass_at_1"), ("b", "dev", "nll")}
    by_pass = found["b", "dev", "pass_at_1"]
    assert by_pass.value == pytest.approx(0.4)
    assert by_pass.interval.low > 0.1
    assert by_pass.p == 2 * 0.5**8  # McNemar: eight gained, none lost
    assert found["b", "dev", "nll"].value == pytest.approx(-0.3)


def test_all_comparisons_of_a_suite_are_one_family():
    found = compare_with_baseline([BASE, MORE, SAME], "a")
    assert len(found) == 4
    assert found["b", "dev", "pass_at_1"].p_corrected == 3 * 2 * 0.5**8  # the second smallest of four
    assert found["c", "dev", "pass_at_1"].p == found["c", "dev", "pass_at_1"].p_corrected == 1.0
    assert {key[0] for key, difference in found.items() if difference.significant} == {"b"}


def test_experiments_on_other_problems_are_not_compared():
    fewer = ExperimentResult("b", {"dev": scores(5, 1.5, problems=10)}, {})
    with pytest.raises(StageError, match=r"^b: dev: scored on different problems than a$"):
        compare_with_baseline([BASE, fewer], "a")
    other = ExperimentResult("b", {"mbpp_400": scores(5, 1.5)}, {})
    with pytest.raises(StageError, match=r"^b: found scores of mbpp_400, accepted: those of a: dev$"):
        compare_with_baseline([BASE, other], "a")


def test_a_benchmark_without_solutions_is_compared_by_pass_at_1_alone():
    first, second = (
        ExperimentResult(r.name, {"dev": BenchmarkScores(r.scores["dev"].counts, {})}, {}) for r in (BASE, MORE)
    )
    assert compare_with_baseline([first, second], "a").keys() == {("b", "dev", "pass_at_1")}
    assert "dev.nll" not in flat_metrics(first)


def test_metrics_are_flat_and_hold_what_the_training_set_was():
    flat = flat_metrics(BASE)
    assert (flat["train.examples"], flat["dev.pass_at_1"]) == (20, 0.5)
    assert flat["dev.pass_at_1.low"] < 0.5 < flat["dev.pass_at_1.high"]
    assert flat["dev.nll.low"] < flat["dev.nll"] < flat["dev.nll.high"]


def comparison_of(*results: ExperimentResult) -> ExperimentComparison:
    experiments = [Experiment(r.name, {"merge.rounds": [0]}) for r in results]
    return ExperimentComparison("s", "what", "a", "0" * 40, "dev", experiments, results, {"d": "train: no memory left"})


def test_tables_mark_what_is_not_significant():
    comparison = comparison_of(BASE, MORE, SAME)
    table = comparison_tables(comparison, compare_with_baseline(comparison.results, "a"))[0]
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert [row[:2] for row in rows] == [("a", "20"), ("b", "30"), ("c", "-")]
    assert rows[0][3:] == ("baseline", "", "")
    assert rows[1][-1] == "0.0234 *"
    assert rows[2][-1] == "1.0000 n.s."


def test_the_summary_holds_every_entry_with_its_difference_on_the_development_benchmark():
    comparison = comparison_of(BASE, MORE)
    found = comparison_summary(comparison, compare_with_baseline(comparison.results, "a"))
    assert (found["suite"], found["baseline"], found["commit"], found["comparisons"]) == ("s", "a", "0" * 40, 2)
    first, second = found["entries"]
    assert (first["name"], first["overrides"], first["difference"]) == ("a", {"merge.rounds": [0]}, None)
    assert second["difference"] == second["differences"]["dev.pass_at_1"]
    assert second["difference"].keys() == {"value", "low", "high", "p", "p_corrected", "significant"}
    assert found["failed"] == {"d": "train: no memory left"}

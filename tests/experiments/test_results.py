"""Results of experiments, compared by problem."""

from __future__ import annotations

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.records import to_line
from wizardcoder.evaluation.results import SampleResult as Row
from wizardcoder.experiments.comparison import Comparison, summary, tables
from wizardcoder.experiments.results import Result, Scores, _scores, differences, metrics
from wizardcoder.experiments.runs import Experiment


def scores(solved: int, nll: float, problems: int = 20) -> Scores:
    """Give a model that solves the first problems; its NLL rises a little from problem to problem."""
    return Scores(
        {f"dev/{n}": (1, int(n < solved)) for n in range(problems)},
        {f"dev/{n}": nll + 0.001 * n for n in range(problems)},
    )


BASE = Result("a", {"dev": scores(10, 1.5)}, {"train.examples": 20})
MORE = Result("b", {"dev": scores(18, 1.2)}, {"train.examples": 30})
SAME = Result("c", {"dev": scores(11, 1.5)}, {})


def test_rows_as_evaluate_writes_them_are_read():
    rows = [Row("dev/0", n, "pass", passed, "ok", 0.1, "", 1.25) for n, passed in enumerate([True, False])]
    rows.append(Row("dev/1", 0, "pass", False, "ok", 0.1, "", None))
    assert _scores("".join(map(to_line, rows))) == Scores({"dev/0": (2, 1), "dev/1": (1, 0)}, {"dev/0": 1.25})


def test_differences_are_those_from_the_baseline():
    found = differences([MORE, BASE], "a")
    assert found.keys() == {("b", "dev", "pass_at_1"), ("b", "dev", "nll")}
    by_pass = found["b", "dev", "pass_at_1"]
    assert by_pass.value == pytest.approx(0.4)
    assert by_pass.interval.low > 0.1
    assert by_pass.p == 2 * 0.5**8  # McNemar: eight gained, none lost
    assert found["b", "dev", "nll"].value == pytest.approx(-0.3)


def test_all_comparisons_of_a_suite_are_one_family():
    found = differences([BASE, MORE, SAME], "a")
    assert len(found) == 4
    assert found["b", "dev", "pass_at_1"].p_corrected == 3 * 2 * 0.5**8  # the second smallest of four
    assert found["c", "dev", "pass_at_1"].p == found["c", "dev", "pass_at_1"].p_corrected == 1.0
    assert {key[0] for key, difference in found.items() if difference.significant} == {"b"}


def test_experiments_on_other_problems_are_not_compared():
    fewer = Result("b", {"dev": scores(5, 1.5, problems=10)}, {})
    with pytest.raises(StageError, match=r"^b: dev: scored on other problems than a$"):
        differences([BASE, fewer], "a")
    other = Result("b", {"mbpp_400": scores(5, 1.5)}, {})
    with pytest.raises(StageError, match=r"^b: found scores of mbpp_400, accepted: those of a: dev$"):
        differences([BASE, other], "a")


def test_a_benchmark_without_solutions_is_compared_by_pass_at_1_alone():
    first, second = (Result(r.name, {"dev": Scores(r.scores["dev"].counts, {})}, {}) for r in (BASE, MORE))
    assert differences([first, second], "a").keys() == {("b", "dev", "pass_at_1")}
    assert "dev.nll" not in metrics(first)


def test_metrics_are_flat_and_hold_what_the_training_set_was():
    flat = metrics(BASE)
    assert (flat["train.examples"], flat["dev.pass_at_1"]) == (20, 0.5)
    assert flat["dev.pass_at_1.low"] < 0.5 < flat["dev.pass_at_1.high"]
    assert flat["dev.nll.low"] < flat["dev.nll"] < flat["dev.nll.high"]


def told(*results: Result) -> Comparison:
    experiments = [Experiment(r.name, {"merge.rounds": [0]}) for r in results]
    return Comparison("s", "what", "a", "0" * 40, "dev", experiments, results, {"d": "train: no memory left"})


def test_tables_mark_what_is_not_significant():
    comparison = told(BASE, MORE, SAME)
    table = tables(comparison, differences(comparison.results, "a"))[0]
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert [row[:2] for row in rows] == [("a", "20"), ("b", "30"), ("c", "-")]
    assert rows[0][3:] == ("baseline", "", "")
    assert rows[1][-1] == "0.0234 *"
    assert rows[2][-1] == "1.0000 n.s."


def test_the_summary_holds_every_entry_with_its_difference_on_the_development_benchmark():
    comparison = told(BASE, MORE)
    found = summary(comparison, differences(comparison.results, "a"))
    assert (found["suite"], found["baseline"], found["commit"], found["comparisons"]) == ("s", "a", "0" * 40, 2)
    first, second = found["entries"]
    assert (first["name"], first["overrides"], first["difference"]) == ("a", {"merge.rounds": [0]}, None)
    assert second["difference"] == second["differences"]["dev.pass_at_1"]
    assert second["difference"].keys() == {"value", "low", "high", "p", "p_corrected", "significant"}
    assert found["failed"] == {"d": "train: no memory left"}

"""Earlier runs in the report: which are compared with this run, how many rows are shown, and the chart by rounds."""

from __future__ import annotations

import re

import pytest

from wizardcoder.experiments.run_history import CommittedRun
from wizardcoder.report.history_section import history_section
from wizardcoder.report.run_files import RunFiles

SCORES = {"dev.problems": 30, "dev.pass_at_1": 0.1, "dev.pass_at_1.low": 0.05, "dev.pass_at_1.high": 0.3}
MERGE = {"kept": 9, "kept.r0": 5, "kept.r1": 4, "kept.heuristic.complexity": 2}


def run(name, score=0.5, rounds=None, kind="experiment", changed=None, **metrics):
    metrics = {**SCORES, "dev.pass_at_1": score, **metrics}
    return CommittedRun(name, kind, "0123abc", 0, changed or {}, rounds, metrics)


def tables(*history, scores=SCORES):
    """Return the first cells of each table by its caption."""
    return {t.caption: [row[0] for row in t.rows] for t in history_section(scores, MERGE, history).tables}


def test_without_earlier_runs_there_is_nothing_to_show():
    section = history_section(SCORES, MERGE, [])
    assert (section.tables, section.figures) == ([], [])


def test_a_commit_with_exactly_these_scores_is_this_run():
    same = run("same", 0.1, kind="commit")
    assert tables(same, scores={**SCORES, "mode": "strict"}) == {}
    assert tables(same, run("other")) == {"dev: the tuned model by run": ["this run", "other"]}


def test_ten_runs_are_shown_latest_first_and_older_ones_are_folded():
    history = [run(f"run {n}") for n in range(13)]
    latest = [f"run {n}" for n in range(12, 2, -1)]
    assert tables(*history) == {
        "dev: the tuned model in the latest 10 runs": ["this run", *latest],
        "dev: 3 older runs": ["run 2", "run 1", "run 0"],
    }
    assert [t.folded for t in history_section(SCORES, MERGE, history).tables] == [False, True]


def test_runs_on_another_number_of_problems_have_a_table_of_their_own():
    unknown = run("unknown")
    del unknown.metrics["dev.problems"]
    history = [run("forty", **{"dev.problems": 40.0}), run("thirty"), unknown]
    comparable, others = history_section(SCORES, MERGE, history).tables
    assert comparable.head[:3] == ("run", "what differs", "problems")
    assert [(row[0], row[2]) for row in comparable.rows] == [("this run", 30), ("thirty", 30)]
    assert others.caption == "dev: runs on other problems, not comparable with this run"
    assert [(row[0], row[2]) for row in others.rows] == [("unknown", None), ("forty", 40)]
    assert others.folded


def lines(*history):
    """Return the number of points of each line of the chart, "" without a chart."""
    figures = history_section(SCORES, MERGE, history).figures
    return (
        [len(re.findall(r"[\d.]+,", points)) for points in re.findall(r'points="([^"]*)"', str(figures[0].svg))]
        if figures
        else ""
    )


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([run("a", rounds=[0])], [2]),
        ([run("a", rounds=[0]), run("b", rounds=[0, 1, 2])], [3]),
        ([run("a", rounds=[0]), run("b", rounds=[1]), run("c", rounds=[2])], [2, 3]),
        ([run("a", rounds=[0, 1])], ""),
        ([run("a", rounds=[0, 2])], ""),
        ([run("a", rounds=[0], changed={"train.lr": "1"})], ""),
        ([run("a", rounds=[0], changed={"merge.rounds": "[0]"})], [2]),
        ([run("a", rounds=[0], changed={"merge.rounds": "[0]", "evolve.enabled.r1": "False"})], [2]),
        ([run("a", rounds=None)], ""),
    ],
    ids=[
        "this_run_is_a_point",
        "cumulative",
        "alone",
        "one_x",
        "gap",
        "other_change",
        "rounds_changed",
        "rounds_off",
        "unknown",
    ],
)
def test_the_chart_has_a_point_for_each_set_of_rounds(history, expected):
    assert lines(*history) == expected


def test_metrics_of_a_stage_without_a_file_are_empty():
    assert RunFiles({}, [], [], [], [], []).stage("seed") == {}

"""Sections about data: each removed record is counted once, and a reason without records has no row."""

from __future__ import annotations

from wizardcoder.report.data_sections import rejections_section
from wizardcoder.report.run_files import RunFiles


def removals(**metrics):
    section = rejections_section(RunFiles(metrics, [], [], [], [], []))
    return [table.rows for table in section.tables if table.caption == "Removed after the rounds"]


def test_an_exclusion_is_one_row_whichever_judges_found_it():
    excluded = {
        "excluded": 6,
        "excluded.dev": 6,
        "excluded.dev.execution": 6,
        "excluded.dev.rule": 2,
        "excluded.humaneval": 0,
        "excluded.humaneval.rule": 0,
    }
    assert removals(decontaminate=excluded) == [
        [("decontaminate", "too close to dev (found by: execution 6, rule 2)", 6)]
    ]


def test_stages_that_removed_nothing_have_no_rows():
    assert removals(screen={"dropped.no_code": 0}, merge={"removed.match": 0}, train={"examples_dropped": 0}) == []


def test_each_stage_lists_its_reasons():
    found = removals(screen={"dropped.no_code": 2}, merge={"removed.match": 1}, train={"examples_held_out": 4})
    assert found == [[("screen", "no_code", 2), ("merge", "match", 1), ("train", "held out to measure the loss", 4)]]

"""How the plan is shown."""

from __future__ import annotations

import pytest

from wizardcoder.estimates.estimate import CostEstimate, EstimateRow
from wizardcoder.estimates.rounds import Estimate
from wizardcoder.experiments.rerun_plan import RerunReason, StageRerun
from wizardcoder.experiments.rerun_table import duration, explain, rerun_table
from wizardcoder.teacher.budget import Price

EDITED = RerunReason("param", "train.lr", "changed from 2e-05 to 3e-05")


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "?"), (41.2, "41 s"), (119.0, "119 s"), (720.0, "12 min"), (12_240.0, "3.4 h")]
)
def test_a_duration_has_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


def test_the_first_reasons_are_shown_and_the_others_counted():
    assert explain(StageRerun("train", (EDITED,) * 5)).splitlines() == [*[str(EDITED)] * 3, "and 2 more changes"]
    assert str(EDITED) == "train.lr changed from 2e-05 to 3e-05"


def test_a_stage_that_only_follows_others_names_them():
    assert explain(StageRerun("merge", (), ("screen", "seed"))) == "only if the output of screen or seed changes"


def test_a_restored_stage_is_not_run():
    assert explain(StageRerun("train", (EDITED,), cached=True)).endswith("restored from DVC's cache, not run")


def test_stages_that_ask_show_their_money_and_the_others_none():
    rows = [EstimateRow("evolve_r1", "r1", Estimate(cost=0.5, most=1.0)), EstimateRow("screen", "screen", None, "why")]
    estimate = CostEstimate(rows, [], Price(input=1.0, output=1.0), None, 0.0)
    table = rerun_table([StageRerun("evolve_r1", (EDITED,)), StageRerun("train", (), ("evolve_r1",))], estimate)
    assert [list(column.cells) for column in table.columns][3:] == [["0.5000", ""], ["1.0000", ""]]

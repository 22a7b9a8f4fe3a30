"""What an experiment may cost, by the stages that it affects and by who judges there."""

from __future__ import annotations

from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.params_file import applied, nested
from wizardcoder.experiments.experiment import Experiment
from wizardcoder.experiments.experiment_plan import PlannedExperiment, print_plan, refuse_cost

COMMITTED = (Path(__file__).resolve().parents[2] / "params.yaml").read_text()
PRICED = {"runtime.teacher.price.input": 0.5}


def planned(stages: list[str], **values: object) -> PlannedExperiment:
    dotted = {key.replace("__", "."): value for key, value in values.items()}
    return PlannedExperiment(Experiment("e", {}), applied(COMMITTED, nested(PRICED | dotted)), stages)


@pytest.mark.parametrize(
    ("stage", "key", "value"),
    [
        ("screen", "screen__safety__judge", "teacher"),
        ("screen", "screen__safety__judge", "both"),
        ("decontaminate", "decontaminate__judge", "teacher"),
        ("decontaminate", "decontaminate__judge", "both"),
        ("analyze", "analyze__difficulty", "teacher"),
    ],
)
def test_a_stage_whose_judge_is_a_teacher_with_a_price_is_refused(stage, key, value):
    with pytest.raises(
        StageError, match=r"^e: may ask the teacher, and runtime\.teacher\.price is not 0; `--pay` runs it$"
    ):
        refuse_cost([planned([stage], **{key: value})])


def test_what_judging_costs_is_printed_where_no_round_is_evolved(capsys):
    print_plan(
        [planned(["decontaminate"], decontaminate__judge="both"), planned(["merge"])], estimate=lambda _: "the table"
    )
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "the table",
        "1 of 2 may ask a teacher for answers that are not in the store",
    ]


def test_a_judge_that_is_not_affected_asks_nothing():
    refuse_cost([planned(["merge", "train", "evaluate"], decontaminate__judge="both", screen__safety__judge="both")])


def test_stages_that_judge_by_rule_ask_nothing():
    refuse_cost([planned(["screen", "merge", "analyze", "decontaminate", "base", "train", "evaluate"])])


def test_a_teacher_without_a_price_costs_nothing():
    refuse_cost([planned(["decontaminate"], decontaminate__judge="both", runtime__teacher__price__input=0.0)])

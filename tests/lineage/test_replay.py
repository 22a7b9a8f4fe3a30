"""Settings of a recorded round: dvc.lock's values, with the runtime settings that it does not record."""

from __future__ import annotations

from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.params import read_yaml
from wizardcoder.core.records import PoolItem, Rejected
from wizardcoder.evolution.evolve_one import draw_evolution
from wizardcoder.lineage.replay import recorded_settings, replay

PARAMS = read_yaml(Path(__file__).resolve().parents[2] / "params.yaml")


def test_a_recorded_section_replaces_the_present_one_and_keeps_its_runtime_settings():
    recorded = {"teacher": {**PARAMS["teacher"], "model": "before"}, "evolve.prompt": "{method} {question}"}
    settings = recorded_settings(PARAMS, recorded)
    assert (settings.teacher.model, settings.evolve.prompt) == ("before", "{method} {question}")
    assert settings.teacher.runtime.concurrency == PARAMS["runtime"]["teacher"]["concurrency"]
    assert PARAMS["teacher"]["model"] != "before"


def test_settings_of_another_version_are_refused_in_one_line():
    with pytest.raises(StageError, match=r"^its params do not fit this code: [^\n]+$"):
        recorded_settings(PARAMS, {"teacher": {"endpoint": "elsewhere"}})


@pytest.mark.parametrize("reason", ["response_cut", "response_filtered", "response_failed", "response_unfinished"])
def test_an_incomplete_answer_leads_to_the_same_rejection_without_the_store(reason):
    settings = recorded_settings(PARAMS, {})
    parent = PoolItem("seed", "Add two numbers.")
    drawn = draw_evolution(settings.run.seed, 1, "seed", settings.evolve.heuristics)
    evolved = "Add two numbers of any base between 2 and 36, given as strings."
    found = Rejected("seed-r1", "seed", 1, drawn.heuristic, reason, evolved, "def add(a, b):", "finish reason x")
    requests, note = replay(settings, parent, found, None)
    assert [request.role for request in requests] == ["instruct", "judge", "respond"]
    assert note is None

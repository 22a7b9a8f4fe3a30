"""Settings of a recorded round: dvc.lock's values, with the runtime settings that it does not record."""

from __future__ import annotations

from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.params import read_yaml
from wizardcoder.lineage.replay import recorded_settings

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

"""The summary: the same few keys in every run, readable in 120 columns."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from wizardcoder.report.summary import SOURCES, summarize

NONE = {stage: {} for stage in SOURCES}
KEYS = ["records", "cost", "loss", "loss_base", "dev", "dev_base", "humaneval", "humaneval_base"]


def test_values_come_from_the_detailed_metrics():
    metrics = NONE | {
        "evolve_r1": {"cost": 1.25},
        "screen": {"cost": 0.5},
        "train": {"examples": 39, "held_out_loss_before": 1.508, "held_out_loss_after": 1.41314},
        "evaluate": {"mbpp_400.pass_at_1": 0.133333, "mbpp_400.base.pass_at_1": 0.0, "humaneval.pass_at_1": 0.25},
    }
    assert list(summarize(metrics, "mbpp_400").values()) == [39, 1.75, 1.4131, 1.508, 0.1333, 0.0, 0.25, None]


def test_keys_are_the_same_in_every_run():
    assert summarize(NONE, "dev") == dict.fromkeys(KEYS)


@pytest.mark.heavy
def test_dvc_shows_a_full_scale_run_in_120_columns(tmp_path):
    values = [123_456, 1234.56, 0.9876, 1.2345, 0.6789, 0.3456, 0.6789, 0.3456]
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/summary.json").write_text(json.dumps(dict(zip(KEYS, values, strict=True))))
    stage = "stages:\n  summary:\n    cmd: 'true'\n    metrics: [metrics/summary.json: {cache: false}]\n"
    (tmp_path / "dvc.yaml").write_text(stage)
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    show = [sys.executable, "-m", "dvc", "metrics", "show"]
    shown = subprocess.run(show, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.splitlines()
    assert shown[0].split() == ["Path", *sorted(KEYS)]
    assert len(shown) == 2
    assert max(map(len, shown)) <= 120

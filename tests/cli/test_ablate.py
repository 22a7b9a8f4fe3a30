"""`wizardcoder ablate`: errors that are found before anything is planned."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import wizardcoder

from wizardcoder.core.console import StageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_an_invalid_params_yaml_is_refused_by_its_name(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "ablations.yaml", tmp_path)
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text().replace("\n  epochs: ", "\n  epoch: "))
    with pytest.raises(StageError, match=r"^params\.yaml: train\.epoch: unknown key \(did you mean epochs\?\)$"):
        wizardcoder("ablate", "rounds", *options)

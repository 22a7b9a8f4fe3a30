"""The commands about the report: without a run, each error names the cure."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import wizardcoder

from wizardcoder.core.console import StageError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(*args: str) -> str:
    with pytest.raises(StageError) as caught:
        wizardcoder(*args)
    return str(caught.value)


def test_report_in_another_folder_writes_nothing(folder):
    assert refusal("report").startswith("params.yaml: no such file; run this command in the project's folder")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", [("serve",), ("votes", "ann.jsonl")])
def test_without_the_page_its_stage_is_named(command):
    Path("ann.jsonl").touch()
    assert refusal(*command) == "report/compare.html: No such file or directory; `dvc repro report` writes it"

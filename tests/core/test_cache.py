from __future__ import annotations

from pathlib import Path

from wizardcoder.core.cache import cache_dir


def test_the_cache_lies_in_the_working_folder_by_default(monkeypatch):
    monkeypatch.delenv("WC_CACHE_DIR", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert cache_dir() == Path(".cache")


def test_the_cache_lies_in_dvcs_project_when_dvc_runs_the_stage(monkeypatch):
    monkeypatch.delenv("WC_CACHE_DIR", raising=False)
    monkeypatch.setenv("DVC_ROOT", "/project")
    assert cache_dir() == Path("/project/.cache")


def test_the_cache_dir_of_the_environment_goes_first(monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", "/elsewhere")
    monkeypatch.setenv("DVC_ROOT", "/project")
    assert cache_dir() == Path("/elsewhere")
    monkeypatch.setenv("WC_CACHE_DIR", "")
    assert cache_dir() == Path("/project/.cache")

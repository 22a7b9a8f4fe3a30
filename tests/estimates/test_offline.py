"""Estimates send nothing: the Hugging Face libraries are offline during them, and as before afterwards."""

from __future__ import annotations

import os

import pytest

from wizardcoder.estimates.offline import offline


@pytest.mark.parametrize("before", [None, "0"])
def test_the_environment_is_as_before_afterwards(monkeypatch, before):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    if before is not None:
        monkeypatch.setenv("HF_HUB_OFFLINE", before)
    with offline():
        assert os.environ["HF_HUB_OFFLINE"] == os.environ["HF_DATASETS_OFFLINE"] == "1"
    assert os.environ.get("HF_HUB_OFFLINE") == before


def test_libraries_that_are_loaded_already_are_offline_too(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with offline():
        assert constants.is_offline_mode()
    assert not constants.is_offline_mode()

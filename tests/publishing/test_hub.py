"""Publishing on the hub: one commit, and never over files of others."""

from __future__ import annotations

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.publishing import hub as publisher
from wizardcoder.publishing.atomic_folder import manifest_text


def publish(**files: bytes) -> str:
    return publisher.publish("me/data", "dataset", {**files, "export.json": manifest_text(files)}, "a title")


def test_a_second_push_replaces_the_first(hub):
    publish(a=b"1", b=b"2")
    publish(b=b"3", c=b"4")
    kept = {"b": b"3", "c": b"4"}
    assert hub.repos["datasets/me/data"] == {".gitattributes": b"", **kept, "export.json": manifest_text(kept)}


def test_a_repository_of_others_is_left_alone(hub):
    hub.repos["datasets/me/data"] = {".gitattributes": b"", "theirs.csv": b"1"}
    with pytest.raises(
        StageError, match=r"^--push: dataset me/data contains theirs\.csv, which no export wrote; choose an"
    ):
        publish(a=b"1")
    assert hub.repos["datasets/me/data"] == {".gitattributes": b"", "theirs.csv": b"1"}


def test_a_hub_that_refuses_is_one_line_without_the_token(hub):
    hub.refuses = 403
    with pytest.raises(StageError) as error:
        publish(a=b"1")
    message = str(error.value)
    assert message.startswith("--push: dataset me/data: ")
    assert "403" in message
    assert "\n" not in message
    assert "hf_secret" not in message


def test_a_hub_that_is_not_there_is_one_line(hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StageError, match=r"^--push: dataset me/data: [^\n]+$"):
        publish(a=b"1")

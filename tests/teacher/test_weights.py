"""The identity of a model that we serve: its weights, wherever they are."""

from __future__ import annotations

import json

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.teacher.weights import served_identity


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder, with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def model(folder, weights=b"weights", **others):
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text("{}")
    for name, text in others.items():
        (folder / name.replace("__", ".")).write_text(text)
    return str(folder)


def test_a_folder_is_known_by_its_files_and_not_by_its_place(folder):
    one, same = model(folder / "a"), model(folder / "b", README__md="notes")
    others = [
        model(folder / "c", b"other weights"),
        model(folder / "d", chat_template__jinja="{{ messages }}"),
        model(folder / "e", tokenizer__json="{}"),
    ]
    assert served_identity(one) == served_identity(same)
    assert served_identity(one).startswith("served:")
    assert len({served_identity(one), *map(served_identity, others)}) == 4


def test_a_gguf_file_is_known_by_its_content(folder):
    for name, content in (("a.gguf", b"x"), ("b.gguf", b"y")):
        (folder / name).write_bytes(content)
    assert served_identity("a.gguf") != served_identity("b.gguf")


def test_a_model_of_the_hub_is_known_by_its_name():
    assert served_identity("Qwen/Qwen3-Coder-30B-A3B-Instruct") == "served:Qwen/Qwen3-Coder-30B-A3B-Instruct"


def test_hashes_are_kept_and_a_changed_file_is_read_again(folder):
    served_identity(model(folder / "a"))
    kept = json.loads((folder / "cache/weights.json").read_text())
    assert sorted(key.rsplit("/", 1)[1].split(":")[0] for key in kept) == ["config.json", "model.safetensors"]
    before = served_identity(model(folder / "b"))
    (folder / "b/model.safetensors").write_bytes(b"new weights")
    served_identity.cache_clear()
    assert served_identity(str(folder / "b")) != before


@pytest.mark.parametrize("name", ["./models/gone", "/gone", "gone.gguf"])
def test_a_path_without_a_model_is_refused(name):
    with pytest.raises(StageError, match=f"^{name}: no such file or directory, accepted: a model's folder, a .gguf "):
        served_identity(name)


def test_a_folder_without_weights_is_refused(folder):
    (folder / "empty").mkdir()
    (folder / "empty/config.json").write_text("{}")
    with pytest.raises(StageError, match=r"empty: no weights, accepted: a folder with .safetensors or .gguf files"):
        served_identity("empty")

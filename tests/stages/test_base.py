"""Stage base: a source that cannot be used is one line and leaves models/ empty; the embedded model is whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from stages import base
from wizardcoder.core.console import StageError

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs the stage with a source in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def with_source(source: str) -> None:
        text = json.dumps({"base": {"source": source, "revision": None}})
        (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
        base.main()

    return with_source


@pytest.fixture
def directory(tmp_path):
    """Return a directory that looks like a transformers model of 3000 bytes."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("config.json", "tokenizer_config.json", "model.safetensors"):
        (source / name).write_bytes(b"x" * 1000)
    return source


def refusal(run, source: str) -> str:
    with pytest.raises(StageError) as caught:
        run(source)
    line = str(caught.value)
    assert "\n" not in line
    assert list(Path("models").iterdir()) == []
    return line


@pytest.mark.parametrize("source", ["./missing/directory", "/missing", "a b"])
def test_a_source_that_is_neither_a_directory_nor_a_hub_id_is_refused(run, source):
    line = refusal(run, source)
    assert line.startswith(f"base.source: found {source!r}: not a local directory, and not found on the hub: ")
    assert line.endswith("; accepted: embedded, a transformers directory, or a hub id")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_directory_without_model_or_tokenizer_is_refused(run, directory, name):
    (directory / name).unlink()
    assert refusal(run, str(directory)) == (
        f"base.source: {directory}: no {name}, accepted: a transformers directory with a tokenizer"
    )


def test_a_directory_without_weights_is_refused(run, directory):
    (directory / "model.safetensors").unlink()
    assert "safetensors" in refusal(run, str(directory))


def test_a_disk_too_small_for_a_directory_is_refused(run, directory, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 2999))
    line = refusal(run, str(directory))
    assert line.endswith(f": 0.0 GB free, a copy of {directory} needs 0.0 GB")


def test_a_disk_too_small_for_the_embedded_model_is_refused(run, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 200_000_000))
    line = refusal(run, "embedded")
    assert line.endswith(": 0.2 GB free, the embedded base model needs 0.3 GB")
    assert line.startswith("models/base.")


def test_a_directory_is_copied_as_it_is(run, directory, capsys):
    run(str(directory))
    assert {path.name: path.read_bytes() for path in Path("models/base").iterdir()} == {
        path.name: path.read_bytes() for path in directory.iterdir()
    }
    assert [path.name for path in Path("models").iterdir()] == ["base"]
    assert capsys.readouterr().err.startswith("base: 3 files, 0 megabytes in ")


def test_a_new_base_replaces_the_old_one_whole(run, directory):
    Path("models/base").mkdir(parents=True)
    Path("models/base/old.bin").write_bytes(b"old")
    run(str(directory))
    assert not Path("models/base/old.bin").exists()


def test_a_refused_source_keeps_the_old_base(run):
    Path("models/base").mkdir(parents=True)
    Path("models/base/old.bin").write_bytes(b"old")
    with pytest.raises(StageError):
        run("./missing/directory")
    assert [path.name for path in Path("models").rglob("*")] == ["base", "old.bin"]


def test_an_unreachable_hub_exits_with_one_line_and_code_1(tmp_path):
    (tmp_path / "params.yaml").write_text("base:\n  source: no/such-model\n  revision: null\n", encoding="utf-8")
    # nothing listens on loopback's port 9
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-m", "stages.base"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert list((tmp_path / "models").iterdir()) == []
    assert done.stderr.startswith(
        "error: base.source: found 'no/such-model': not a local directory, and not found on the hub: "
    )
    assert done.stderr.count("\n") == 1


def test_the_embedded_model_becomes_an_ordinary_transformers_directory(run):
    run("embedded")
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    config = AutoConfig.from_pretrained("models/base")
    assert (config.model_type, config.num_hidden_layers, config.hidden_size) == ("llama", 30, 576)
    tokenizer = AutoTokenizer.from_pretrained("models/base")
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.decode(tokenizer("def f(x):\n    return 'é'")["input_ids"]) == "def f(x):\n    return 'é'"
    assert tokenizer.model_max_length == config.max_position_embeddings
    model = AutoModelForCausalLM.from_pretrained("models/base")
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    assert str(model.dtype) == "torch.bfloat16"
    assert [path.name for path in Path("models").iterdir()] == ["base"]

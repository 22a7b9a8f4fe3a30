"""A model's hash covers what determines its answers and nothing else."""

from __future__ import annotations

import hashlib

from wizardcoder.core.model_files import hash_model_files


def test_weights_configurations_and_tokenizers_are_hashed_by_name(tmp_path):
    for name in ("model.safetensors", "config.json", "tokenizer.model", "README.md", "chat_template.jinja"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.json").mkdir()
    assert hash_model_files(tmp_path) == {
        name: hashlib.sha256(name.encode()).hexdigest()
        for name in ("config.json", "model.safetensors", "tokenizer.model")
    }

"""The sizes of a model are counted without its weights."""

from __future__ import annotations

from wizardcoder.training.planning.model_shape import read_shape


def test_the_file_s_own_base_is_counted(tiny_model):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    shape = read_shape(tiny_model)
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    assert shape.embedding == model.get_input_embeddings().weight.numel()
    assert (shape.layers, shape.hidden, shape.positions) == (2, 32, 4096)

"""Greedy answers and likelihoods of a tiny random Llama."""

from __future__ import annotations

import pytest

from stages.lib.generate import LoadedModel, generate, load_model, negative_log_likelihood

PROMPTS = ["a much longer question than the others, by far", "short", "a medium question", "é?", "x = 1\ny = 2"]


@pytest.fixture(scope="module")
def loaded(tiny_model) -> LoadedModel:
    return load_model(tiny_model, "float32")


def greedy(loaded: LoadedModel, prompt: str, steps: int) -> list[int]:
    """Give the most likely next tokens, one forward pass over the whole text each."""
    import torch

    ids = loaded.tokenizer(prompt)["input_ids"]
    start = len(ids)
    for _ in range(steps):
        with torch.inference_mode():
            logits = loaded.model(input_ids=torch.tensor([ids], device=loaded.device)).logits
        ids = [*ids, int(logits[0, -1].argmax())]
    return ids[start:]


@pytest.mark.parametrize("batch_size", [1, 2, 5, 99])
def test_answers_are_greedy_whatever_the_batch(loaded, batch_size):
    answers = dict(generate(loaded, PROMPTS, 6, batch_size))
    wanted = {
        index: loaded.tokenizer.decode(greedy(loaded, prompt, 6), skip_special_tokens=True)
        for index, prompt in enumerate(PROMPTS)
    }
    assert answers == wanted
    assert len(set(wanted.values())) > 1


def test_prompts_of_similar_length_go_together_and_keep_their_index(loaded):
    assert [index for index, _ in generate(loaded, PROMPTS, 1, 2)] == [3, 1, 4, 2, 0]


def test_no_prompt_gives_no_answer(loaded):
    assert list(generate(loaded, [], 5, 2)) == []


def test_an_answer_ends_at_the_end_of_sequence_token(loaded, monkeypatch):
    tokens = greedy(loaded, "short", 6)
    end = next(i for i in range(1, 6) if tokens[i] not in tokens[:i])
    monkeypatch.setattr(loaded.model.generation_config, "eos_token_id", tokens[end])
    ((_, answer),) = generate(loaded, ["short"], 6, 1)
    assert answer == loaded.tokenizer.decode(tokens[: end + 1], skip_special_tokens=True)


def test_special_tokens_do_not_appear_in_an_answer(loaded, monkeypatch):
    wanted = loaded.tokenizer.eos_token_id

    def only_eos(**inputs):
        import torch

        ids = inputs["input_ids"]
        return torch.cat([ids, torch.full((ids.shape[0], 3), wanted, device=ids.device)], dim=1)

    monkeypatch.setattr(loaded.model, "generate", only_eos)
    assert list(generate(loaded, ["a", "b"], 3, 2)) == [(0, ""), (1, "")]


def test_the_likelihood_is_the_mean_over_the_continuations_tokens(loaded):
    import torch

    context, continuation = "def add(a, b):\n", "    return a + b\n"
    before = loaded.tokenizer(context)["input_ids"]
    after = loaded.tokenizer(continuation, add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = loaded.model(input_ids=torch.tensor([before + after], device=loaded.device)).logits[0].float()
    logs = logits.log_softmax(-1)
    wanted = -sum(float(logs[len(before) + i - 1, token]) for i, token in enumerate(after)) / len(after)
    assert negative_log_likelihood(loaded, context, continuation) == pytest.approx(wanted, rel=1e-5)


def test_the_likelihood_of_one_token_is_its_own(loaded):
    (token,) = loaded.tokenizer("x", add_special_tokens=False)["input_ids"]
    import torch

    ids = loaded.tokenizer("abc")["input_ids"]
    with torch.inference_mode():
        logs = loaded.model(input_ids=torch.tensor([ids], device=loaded.device)).logits[0, -1].float().log_softmax(-1)
    assert negative_log_likelihood(loaded, "abc", "x") == pytest.approx(-float(logs[token]), rel=1e-5)


def test_a_model_is_loaded_in_the_type_that_was_asked_for(tiny_model):
    assert str(load_model(tiny_model, "bfloat16").model.dtype) == "torch.bfloat16"


def test_a_loaded_model_pads_on_the_left_and_has_a_padding_token(loaded):
    assert loaded.tokenizer.padding_side == "left"
    assert loaded.tokenizer.pad_token == loaded.tokenizer.eos_token
    assert not loaded.model.training

"""Answers and likelihoods of a tiny random Llama."""

from __future__ import annotations

import json
import shutil

import pytest
from command_line import wizardcoder

from wizardcoder.core.console import StageError
from wizardcoder.generation.local_model import LoadedModel, generate_batch, load_model, negative_log_likelihood

pytestmark = pytest.mark.heavy

PROMPTS = ["a much longer question than the others, by far", "short", "a medium question", "é?", "x = 1\ny = 2"]
GREEDY = {"temperature": 0.0, "top_p": 1.0, "seed": 0}
SAMPLED = {"temperature": 1.0, "top_p": 1.0, "seed": 1}


@pytest.fixture(scope="module")
def loaded(tiny_model) -> LoadedModel:
    return load_model(tiny_model, "float32")


def greedy(loaded: LoadedModel, prompt: str, steps: int) -> list[int]:
    """Return the most likely next tokens, each from a forward pass over the whole text."""
    import torch

    ids = loaded.tokenizer(prompt)["input_ids"]
    start = len(ids)
    for _ in range(steps):
        with torch.inference_mode():
            logits = loaded.model(input_ids=torch.tensor([ids], device=loaded.device)).logits
        ids = [*ids, int(logits[0, -1].argmax())]
    return ids[start:]


def changed(tiny_model, folder, name, **values):
    """Return a copy of the tiny model with more settings in a JSON file, config.json or generation_config.json."""
    shutil.copytree(tiny_model, folder)
    if name == "config.json":
        (folder / "generation_config.json").unlink()
    file = folder / name
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    return folder


@pytest.mark.parametrize("batch", [PROMPTS, PROMPTS[:1], PROMPTS[1:3]])
def test_answers_are_greedy_whatever_the_batch(loaded, batch):
    wanted = [loaded.tokenizer.decode(greedy(loaded, prompt, 6), skip_special_tokens=True) for prompt in batch]
    assert generate_batch(loaded, batch, max_new_tokens=6, **GREEDY) == wanted
    assert len(set(wanted)) == len(batch)


def test_the_same_seed_draws_the_same_answers_and_another_seed_others(loaded):
    drawn = [generate_batch(loaded, PROMPTS, max_new_tokens=9, **SAMPLED | {"seed": seed}) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1]
    assert all(one != other for one, other in zip(drawn[0], drawn[2], strict=True))


def test_drawing_leaves_the_process_s_own_random_state_alone(loaded):
    import torch

    before = torch.get_rng_state()
    generate_batch(loaded, PROMPTS, max_new_tokens=3, **SAMPLED)
    assert torch.equal(before, torch.get_rng_state())


def test_sampling_is_not_limited_to_the_50_likeliest_tokens(loaded):
    answers = generate_batch(loaded, ["x"] * 400, max_new_tokens=1, **SAMPLED)
    assert len(set(answers)) > 100


def test_a_small_top_p_keeps_the_likeliest_token_only(loaded):
    likeliest = generate_batch(loaded, PROMPTS, max_new_tokens=6, **GREEDY)
    assert generate_batch(loaded, PROMPTS, max_new_tokens=6, temperature=1.0, top_p=1e-6, seed=3) == likeliest


def test_a_small_temperature_comes_near_greedy(loaded):
    likeliest = generate_batch(loaded, PROMPTS, max_new_tokens=6, **GREEDY)
    assert generate_batch(loaded, PROMPTS, max_new_tokens=6, temperature=1e-4, top_p=1.0, seed=3) == likeliest


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("generation_config.json", {"repetition_penalty": 5.0, "no_repeat_ngram_size": 1, "min_new_tokens": 30}),
        ("generation_config.json", {"suppress_tokens": list(range(5, 200)), "do_sample": True, "top_k": 1}),
        ("generation_config.json", {"temperature": 9.0, "min_p": 0.5, "typical_p": 0.1, "num_beams": 3}),
        ("config.json", {"repetition_penalty": 5.0, "temperature": 9.0, "top_k": 1, "use_cache": False}),
    ],
)
def test_the_model_s_own_generation_settings_change_nothing(loaded, tiny_model, tmp_path, name, values, sampling):
    other = load_model(changed(tiny_model, tmp_path / "model", name, **values), "float32")
    drawn = [generate_batch(model, PROMPTS, max_new_tokens=30, **sampling) for model in (loaded, other)]
    assert drawn[0] == drawn[1]


def test_a_model_s_own_further_end_of_sequence_tokens_end_an_answer(loaded, tiny_model, tmp_path):
    tokens = greedy(loaded, "short", 6)
    end = next(i for i in range(1, 6) if tokens[i] not in tokens[:i])
    eos = [loaded.tokenizer.eos_token_id, tokens[end]]
    other = load_model(changed(tiny_model, tmp_path / "model", "generation_config.json", eos_token_id=eos), "float32")
    (answer,) = generate_batch(other, ["short"], max_new_tokens=6, **GREEDY)
    assert answer == loaded.tokenizer.decode(tokens[: end + 1], skip_special_tokens=True)


def test_the_tokenizer_s_end_of_sequence_token_ends_an_answer_that_the_model_s_config_does_not_name(
    loaded, tiny_model, tmp_path
):
    tokens = greedy(loaded, "short", 6)
    folder = changed(tiny_model, tmp_path / "model", "generation_config.json", eos_token_id=None)
    end = next(i for i in range(1, 6) if tokens[i] not in tokens[:i])
    config = {"eos_token": loaded.tokenizer.convert_ids_to_tokens(tokens[end])}
    other = load_model(changed(folder, tmp_path / "other", "tokenizer_config.json", **config), "float32")
    (answer,) = generate_batch(other, ["short"], max_new_tokens=6, **GREEDY)
    assert answer == loaded.tokenizer.decode(tokens[:end], skip_special_tokens=True)


def test_special_tokens_do_not_appear_in_an_answer(loaded, monkeypatch):
    wanted = loaded.tokenizer.eos_token_id

    def only_eos(**inputs):
        import torch

        ids = inputs["input_ids"]
        return torch.cat([ids, torch.full((ids.shape[0], 3), wanted, device=ids.device)], dim=1)

    monkeypatch.setattr(loaded.model, "generate", only_eos)
    assert generate_batch(loaded, ["a", "a longer one"], max_new_tokens=3, **GREEDY) == ["", ""]


@pytest.mark.parametrize("asked", ["def f():\n", "def f() :"])
def test_a_sentencepiece_answer_keeps_its_first_spaces_and_those_before_punctuation(asked):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from wizardcoder.generation.local_model import _texts_after

    answer = "    return ' .' , a"
    vocabulary = [(token, -1.0) for token in sorted({*asked, *answer, "▁"} - {" "})]
    sentencepiece = Tokenizer(models.Unigram(vocabulary))
    sentencepiece.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    sentencepiece.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=sentencepiece, clean_up_tokenization_spaces=True)
    ids = [tokenizer(text, return_tensors="pt")["input_ids"] for text in (asked, asked + answer)]
    assert _texts_after(tokenizer, *ids) == [answer]


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


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> LoadedModel:
    """Return a tiny encoder-decoder."""
    from tiny_model import build

    folder = tmp_path_factory.mktemp("pair") / "model"
    build(folder, "t5")
    return load_model(folder, "float32")


def test_an_encoder_decoder_s_answer_is_its_own_text(pair):
    import torch

    ids = torch.tensor([pair.tokenizer("short")["input_ids"]])
    with torch.inference_mode():
        written = pair.model.generate(input_ids=ids, max_new_tokens=6, do_sample=False)
    wanted = pair.tokenizer.decode(written[0], skip_special_tokens=True)
    assert generate_batch(pair, ["short"], max_new_tokens=6, **GREEDY) == [wanted]


def test_an_encoder_decoder_s_likelihood_is_the_mean_over_its_text(pair):
    import torch

    after = pair.tokenizer("return a", add_special_tokens=False)["input_ids"]
    ids = torch.tensor([pair.tokenizer("def f():")["input_ids"]])
    start = torch.tensor([[pair.model.config.decoder_start_token_id, *after[:-1]]])
    with torch.inference_mode():
        logs = pair.model(input_ids=ids, decoder_input_ids=start).logits[0].float().log_softmax(-1)
    wanted = -sum(float(logs[i, token]) for i, token in enumerate(after)) / len(after)
    assert negative_log_likelihood(pair, "def f():", "return a") == pytest.approx(wanted, rel=1e-5)


def test_the_command_answers_in_the_terminal_by_the_chat_template(loaded, tiny_model, tmp_path, capsys):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{{ 'Q: ' + messages[0]['content'] + ' A:' }}")
    wizardcoder("ask", "--model", folder, "--max-new-tokens", 6, "short")
    wanted = loaded.tokenizer.decode(greedy(loaded, "Q: short A:", 6), skip_special_tokens=True)
    assert capsys.readouterr().out.strip() == wanted.strip()


def test_the_command_refuses_what_is_no_model(tmp_path):
    with pytest.raises(StageError, match=r"no config\.json, accepted: a transformers directory$"):
        wizardcoder("ask", "--model", tmp_path, "Hi")

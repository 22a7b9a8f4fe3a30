"""Samples through the store: each drawn once, by whichever process, whatever crashes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from wizardcoder.core.console import StageError, Track
from wizardcoder.core.store import AnswerStore
from wizardcoder.generation import sampler
from wizardcoder.generation.sampler import LocalSampler, Sampling, shard

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = ["a much longer question than the others, by far", "short", "a medium question", "é?", "x = 1\ny = 2"]
SAMPLING = Sampling(n=3, temperature=1.0, top_p=0.95, max_new_tokens=5, seed=7)
GREEDY = Sampling(n=1, temperature=0.0, top_p=1.0, max_new_tokens=5, seed=7)
PROCESS = """
import os, signal, sys
from pathlib import Path
from wizardcoder.generation import sampler
from wizardcoder.core.store import AnswerStore
from wizardcoder.core.console import Track

model, folder, log = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
ends_after, prompts = int(sys.argv[4]), eval(sys.argv[5])
real, batches = sampler.generate_batch, 0

def logged(loaded, prompts, **how):
    global batches
    batches += 1
    if batches > ends_after:
        os.kill(os.getpid(), signal.SIGKILL)
    with open(log, "a") as file:
        file.writelines(f"{prompt!r}\\n" for prompt in prompts)
    return real(loaded, prompts, **how)

sampler.generate_batch = logged
with AnswerStore(folder / "generations.sqlite") as store:
    sampling = sampler.Sampling(n=3, temperature=1.0, top_p=0.95, max_new_tokens=5, seed=7)
    sampler.LocalSampler(model, sampling, "float32", 2, store).fill(prompts, Track("t", 15, None, None))
"""


@pytest.fixture
def store(tmp_path):
    with AnswerStore(tmp_path / "generations.sqlite") as store:
        yield store


@pytest.fixture
def generated(monkeypatch):
    """Return a list that receives each batch of prompts that this process generates from now on."""
    batches, real = [], sampler.generate_batch

    def noted(loaded, prompts, **how):
        batches.append(list(prompts))
        return real(loaded, prompts, **how)

    monkeypatch.setattr(sampler, "generate_batch", noted)
    return batches


@pytest.fixture
def no_model(monkeypatch):
    """Make loading a model fail."""

    def refuse(*_):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(sampler, "load_model", refuse)


def draw(model, store, sampling=SAMPLING, prompts=PROMPTS, batch_size=4, dtype="float32"):
    """Return the samples and what the bar counted."""
    bar = Track("t", len(prompts) * sampling.n, None, None)
    with closing(LocalSampler(model, sampling, dtype, batch_size, store)) as asked:
        return asked.answers(prompts, bar), bar.done


def process(model, folder, log, ends_after=99, **environment):
    """Start a process that fills the store in `folder` and writes each prompt it generates to `log`."""
    command = [sys.executable, "-c", PROCESS, model, folder, log, str(ends_after), repr(PROMPTS)]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.Popen(list(map(str, command)), env=env, stderr=subprocess.PIPE, text=True)


def prompts_in(*logs):
    """Count how often each prompt was generated."""
    return Counter(eval(line) for log in logs if log.exists() for line in log.read_text().splitlines())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"n": 0}, "evaluate.samples: found 0, accepted: 1 or more"),
        ({"temperature": 0.0}, "evaluate.samples: found 3, accepted: 1 where evaluate.temperature is 0 (greedy)"),
        ({"temperature": -0.1}, "evaluate.temperature: found -0.1"),
        ({"temperature": float("nan")}, "evaluate.temperature: found nan"),
        ({"top_p": 0.0}, "evaluate.top_p: found 0.0, accepted: above 0, at most 1"),
        ({"top_p": 1.01}, "evaluate.top_p: found 1.01"),
        ({"max_new_tokens": 0}, "evaluate.max_new_tokens: found 0"),
    ],
)
def test_a_sampling_that_means_nothing_is_refused_by_its_key(values, said):
    with pytest.raises(StageError) as refused:
        Sampling(**{"n": 3, "temperature": 1.0, "top_p": 1.0, "max_new_tokens": 5, "seed": 7} | values)
    assert said in str(refused.value)


def test_each_prompt_gets_n_samples_in_the_order_of_the_prompts(tiny_model, store, generated):
    answers, counted = draw(tiny_model, store)
    assert [len(set(samples)) for samples in answers] == [3] * 5
    assert counted == 15
    assert list(map(len, generated)) == [4, 4, 4, 3]
    assert [prompt for batch in generated for prompt in batch] == [
        prompt for prompt in sorted(PROMPTS, key=len) for _ in range(3)
    ]
    backwards, _ = draw(tiny_model, store, prompts=PROMPTS[::-1])
    assert backwards == answers[::-1]


def test_the_same_batches_draw_the_same_samples_in_another_store(tiny_model, tmp_path):
    drawn = []
    for name in ("one", "two"):
        with AnswerStore(tmp_path / name) as store:
            drawn.append(draw(tiny_model, store)[0])
    assert drawn[0] == drawn[1]


def test_what_is_in_the_store_loads_no_model(tiny_model, store, request):
    first, _ = draw(tiny_model, store)
    request.getfixturevalue("no_model")
    assert draw(tiny_model, store, batch_size=1) == (first, 15)


def test_more_samples_and_prompts_generate_the_new_ones_only(tiny_model, store, generated):
    first, _ = draw(tiny_model, store)
    generated.clear()
    more = Sampling(n=4, temperature=1.0, top_p=0.95, max_new_tokens=5, seed=7)
    answers, counted = draw(tiny_model, store, more, [*PROMPTS, "new"])
    assert [samples[:3] for samples in answers[:5]] == first
    assert Counter(prompt for batch in generated for prompt in batch) == Counter(PROMPTS) + Counter({"new": 4})
    assert counted == 24


def test_a_prompt_that_comes_twice_is_generated_once(tiny_model, store, generated):
    answers, counted = draw(tiny_model, store, GREEDY, ["short", "é?", "short"])
    assert generated == [["é?", "short"]]
    assert answers[0] == answers[2] != answers[1]
    assert counted == 3


@pytest.mark.parametrize(
    "changed", [{"seed": 8}, {"temperature": 0.5}, {"top_p": 0.5}, {"max_new_tokens": 6}, {"temperature": 0.0, "n": 1}]
)
def test_another_sampling_has_samples_of_its_own(tiny_model, store, generated, changed):
    draw(tiny_model, store, prompts=["short"])
    values = {name: getattr(SAMPLING, name) for name in Sampling.__slots__} | changed
    draw(tiny_model, store, Sampling(**values), ["short"])
    assert len(generated) == 2


def test_a_greedy_answer_depends_on_no_seed(tiny_model, store, generated):
    draw(tiny_model, store, GREEDY)
    generated.clear()
    draw(tiny_model, store, Sampling(n=1, temperature=0, top_p=0.5, max_new_tokens=5, seed=8))
    assert generated == []


def test_other_weights_and_another_type_have_answers_of_their_own(tiny_model, tmp_path, store, generated):
    shutil.copytree(tiny_model, tmp_path / "other")
    (tmp_path / "other" / "README.md").write_text("does not determine the answers")
    for model, dtype in ((tiny_model, "float32"), (tmp_path / "other", "float32"), (tiny_model, "bfloat16")):
        draw(model, store, GREEDY, ["short"], dtype=dtype)
    assert len(generated) == 2
    (tmp_path / "other" / "added_tokens.json").write_text("{}")
    draw(tmp_path / "other", store, GREEDY, ["short"])
    assert len(generated) == 3


def test_the_settings_name_the_model_the_sampling_and_the_libraries(tiny_model, store, no_model):
    settings = LocalSampler(tiny_model, SAMPLING, "bfloat16", 2, store).settings()
    assert settings["backend"] == "transformers"
    assert settings["dtype"] == "bfloat16"
    assert set(settings["files"]) == {path.name for path in tiny_model.iterdir()}
    assert len(settings["files"]["model.safetensors"]) == 64
    assert settings["sampling"] == {"n": 3, "temperature": 1.0, "top_p": 0.95, "max_new_tokens": 5, "seed": 7}
    assert set(settings["libraries"]) == {"torch", "transformers"}


def test_a_directory_without_a_model_is_refused(tmp_path, store):
    with pytest.raises(StageError, match=r"nowhere: no config.json"):
        LocalSampler(tmp_path / "nowhere", GREEDY, "float32", 2, store)


def test_a_batch_too_large_for_the_gpu_is_halved(tiny_model, store, monkeypatch):
    import torch

    sizes, real = [], sampler.generate_batch

    def small_gpu(loaded, prompts, **how):
        sizes.append(len(prompts))
        if len(prompts) > 4:
            raise torch.OutOfMemoryError
        return real(loaded, prompts, **how)

    monkeypatch.setattr(sampler, "generate_batch", small_gpu)
    answers, counted = draw(tiny_model, store, batch_size=12)
    assert sizes == [12, 6, 3, 3, 3, 3, 3]
    assert [len(samples) for samples in answers] == [3] * 5
    assert counted == 15


def test_a_prompt_too_large_for_the_gpu_ends_the_run_by_name(tiny_model, store, monkeypatch):
    import torch

    def no_memory(*_, **__):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(sampler, "generate_batch", no_memory)
    with pytest.raises(StageError, match=r"evaluate.max_new_tokens: 5 after a prompt of 2 characters"):
        draw(tiny_model, store, GREEDY, ["é?", "longer"], batch_size=2)


def test_after_an_exception_only_the_missing_samples_are_generated(tiny_model, store, generated, monkeypatch):
    noted = sampler.generate_batch

    def third_fails(loaded, prompts, **how):
        if len(generated) == 2:
            raise ZeroDivisionError
        return noted(loaded, prompts, **how)

    with monkeypatch.context() as failing:
        failing.setattr(sampler, "generate_batch", third_fails)
        with pytest.raises(ZeroDivisionError):
            draw(tiny_model, store)
    draw(tiny_model, store)
    assert Counter(prompt for batch in generated for prompt in batch) == Counter(PROMPTS * 3)


def test_after_kill_9_only_the_missing_samples_are_generated(tiny_model, tmp_path, generated):
    killed = process(tiny_model, tmp_path, tmp_path / "log", ends_after=3)
    _, err = killed.communicate(timeout=180)
    assert killed.returncode == -signal.SIGKILL, err
    before = prompts_in(tmp_path / "log")
    assert before.total() == 6
    with AnswerStore(tmp_path / "generations.sqlite") as store:
        answers, _ = draw(tiny_model, store)
    assert before + Counter(prompt for batch in generated for prompt in batch) == Counter(PROMPTS * 3)
    assert all(len(samples) == 3 for samples in answers)


def test_two_processes_generate_each_sample_once_and_a_plain_run_finds_them_all(tiny_model, tmp_path, no_model):
    logs = [tmp_path / "rank0", tmp_path / "rank1"]
    world = [
        process(tiny_model, tmp_path, log, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2")
        for rank, log in enumerate(logs)
    ]
    for running in world:
        _, err = running.communicate(timeout=180)
        assert running.returncode == 0, err
    assert [prompts_in(log).total() for log in logs] == [8, 7]
    assert prompts_in(*logs) == Counter(PROMPTS * 3)
    with AnswerStore(tmp_path / "generations.sqlite") as store:
        answers, counted = draw(tiny_model, store)
    assert [len(set(samples)) for samples in answers] == [3] * 5
    assert counted == 15


def test_a_process_alone_gives_no_answers_while_another_owes_its_share(tiny_model, store, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(StageError, match=r"7 samples are in other processes' shares"):
        draw(tiny_model, store)
    monkeypatch.setenv("RANK", "1")
    answers, _ = draw(tiny_model, store)
    assert [len(samples) for samples in answers] == [3] * 5


def test_a_process_by_itself_is_rank_0_of_1(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert shard() == (0, 1)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "3")
    assert shard() == (3, 4)
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(StageError, match="RANK: found 4"):
        shard()


def test_no_prompt_gives_no_answer(tiny_model, store, no_model):
    assert draw(tiny_model, store, prompts=[]) == ([], 0)

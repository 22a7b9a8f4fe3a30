"""Stage train: tiny random models are tuned, saved, interrupted and resumed."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import socket
from collections import Counter
from dataclasses import replace

import pytest
import torch
from train_room import ROOT, TrainRoom, example

from stages import train
from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.training import callbacks, checkpoints, deepspeed_config, packing, trainer
from wizardcoder.training.planning.formulas import ZeroSettings
from wizardcoder.training.rows import prepare_rows

pytestmark = pytest.mark.heavy

PARAMS = load(train.Params, ROOT / "params.yaml").train


@pytest.fixture
def room(tmp_path):
    return TrainRoom(tmp_path)


@pytest.fixture
def unused_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def refused(room, monkeypatch):
    """Return a function that runs the stage and returns the error."""

    def line() -> str:
        with pytest.raises(StageError) as caught:
            room.run(monkeypatch)
        assert "\n" not in str(caught.value)
        assert not room.model.exists()
        return str(caught.value)

    return line


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def rows(room: TrainRoom) -> list[dict[str, str]]:
    return list(csv.DictReader((room.folder / "metrics/loss.csv").open()))


@pytest.mark.parametrize("architecture", ["llama", "gpt_bigcode", "t5"])
def test_each_architecture_learns_and_is_saved_as_an_ordinary_directory(architecture, tmp_path, monkeypatch):
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    room = TrainRoom(tmp_path, architecture)
    metrics = room.run(monkeypatch)
    assert metrics["loss_last"] < metrics["loss_first"]
    assert metrics["held_out_loss_after"] < metrics["held_out_loss_before"]
    assert (metrics["examples"], metrics["examples_held_out"], metrics["steps"]) == (16, 4, 4)
    assert metrics["tokens_trained"] == metrics["tokens"]  # four steps of four records: each once
    kind = AutoModelForSeq2SeqLM if architecture == "t5" else AutoModelForCausalLM
    model, tokenizer = kind.from_pretrained(room.model), AutoTokenizer.from_pretrained(room.model)
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], return_tensors="pt")["input_ids"]
    assert model.generate(asked, max_new_tokens=3).shape[0] == 1
    assert room.checkpoints() == []


def test_the_card_has_both_licences_and_no_score_yet(room, monkeypatch):
    for name, text in (
        ("models/base/README.md", "---\nlicense: apache-2.0\n---\n"),
        ("bundled/seeds.json.license", "SPDX-License-Identifier: CC-BY-NC-4.0\n"),
    ):
        (room.folder / name).parent.mkdir(exist_ok=True)
        (room.folder / name).write_text(text)
    room.set(max_steps=1)
    room.run(monkeypatch)
    card = (room.model / "README.md").read_text()
    assert "license: other\nlicense_name: apache-2.0-and-cc-by-nc-4.0\n" in card
    assert "- the base model `SmolLM2-135M-Instruct.Q4_1`: apache-2.0\n" in card
    assert "- the seeds `bundled/seeds.json`: cc-by-nc-4.0; data derived from them inherits it\n" in card
    assert "## Scores\n\nNot measured yet: this card was written at the end of the training." in card


def test_the_curve_has_a_row_for_each_step(room, monkeypatch):
    metrics = room.run(monkeypatch)
    assert [int(row["step"]) for row in rows(room)] == [1, 2, 3, 4]
    assert float(rows(room)[-1]["loss"]) == pytest.approx(metrics["loss_last"], rel=1e-5)
    assert next(float(row["lr"]) for row in rows(room)) == 0.0


def test_the_optimizer_has_the_values_of_params(room, monkeypatch):
    room.set(max_steps=1, max_grad_norm=0.25, adam_beta1=0.8, adam_beta2=0.95, adam_epsilon=1e-6, weight_decay=0.1)
    found = {}

    def on_step_begin(self, args, state, control, optimizer, **more):
        group = optimizer.param_groups[0]
        found.update({key: group[key] for key in ("betas", "eps", "weight_decay")} | {"clipped": args.max_grad_norm})

    monkeypatch.setattr(callbacks.TrainingCallback, "on_step_begin", on_step_begin)
    room.run(monkeypatch)
    assert found == {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1, "clipped": 0.25}


def test_the_loss_is_the_model_s_own_over_the_response(room, monkeypatch):
    """At step one: the mean over all response tokens of the step, not of its micro-batches' means."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    room.set(batch_size=20, max_steps=1, held_out=0)
    metrics = room.run(monkeypatch)
    model = AutoModelForCausalLM.from_pretrained(room.folder / "models/base")
    tokenizer = AutoTokenizer.from_pretrained(room.folder / "models/base")
    found = prepare_rows(
        load(train.Params, room.folder / "params.yaml").train,
        [example(n) for n in range(20)],
        tokenizer,
        paths.TRAINING_EXAMPLES,
        encoder_decoder=False,
    )
    summed = count = 0.0
    for row in found.train.rows:
        answered = sum(label != -100 for label in row.labels)
        ids, labels = torch.tensor([row.input_ids]), torch.tensor([row.labels])
        with torch.inference_mode():
            summed += float(model(input_ids=ids, labels=labels).loss) * answered
        count += answered
    assert metrics["loss_first"] == pytest.approx(summed / count, rel=1e-5)


@pytest.mark.parametrize("architecture", ["llama", "gpt_bigcode"])
def test_packed_records_do_not_see_each_other(architecture, tmp_path, monkeypatch):
    """The first step's loss over all records is the same whether they share rows or not, and so are the weights."""
    room = TrainRoom(tmp_path, architecture)
    losses, padding, weights = {}, {}, {}
    for mode, micro_batch_size in (("never", 4), ("always", 1), ("auto", 4)):
        room.set(
            packing=mode,
            batch_size=20,
            micro_batch_size=micro_batch_size,
            max_steps=2,
            warmup_steps=0,
            held_out=0,
            max_tokens=1024,
        )
        metrics = room.run(monkeypatch)
        losses[mode], padding[mode] = metrics["loss_first"], metrics["padding_share"]
        weights[mode] = room.weights()
        assert metrics["packed"] == (mode == "always")
    assert padding["never"] > 0.0
    assert padding["always"] == padding["auto"] == 0.0
    for mode in ("always", "auto"):
        assert losses[mode] == pytest.approx(losses["never"], rel=1e-5)
        mine, other = weights[mode], weights["never"]
        assert all(torch.allclose(mine[name], other[name], atol=1e-4) for name in mine)


@pytest.mark.parametrize("kind", sorted(packing.MASKED_BY_POSITION))
def test_positions_alone_keep_records_apart(kind):
    """A record's hidden states are the same whether it is alone or follows another one in a row."""
    from transformers import AutoConfig, AutoModel

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    more = {"num_key_value_heads": 4, "head_dim": 8, "rotary_dim": 4, "vocab_size": 50, "max_position_embeddings": 64}
    config = AutoConfig.for_model(kind, **sizes, **more, pad_token_id=0, bos_token_id=0, eos_token_id=0)
    torch.manual_seed(0)
    model = AutoModel.from_config(config).eval()
    first, second = torch.randint(1, 50, (1, 7)), torch.randint(1, 50, (1, 5))
    positions = torch.cat([torch.arange(7), torch.arange(5)])[None]
    with torch.inference_mode():
        alone = model(input_ids=second, use_cache=False).last_hidden_state
        both = model(input_ids=torch.cat([first, second], 1), position_ids=positions, use_cache=False).last_hidden_state
    assert torch.allclose(both[:, 7:], alone, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "changes", "does"),
    [
        ("llama", {}, True),
        ("llama", {"micro_batch_size": 8, "max_tokens": 600}, False),  # more than the model's 4096 positions
        ("llama", {"packing": "never"}, False),
        ("llama", {"attention": "eager"}, False),
        ("opt", {}, False),
    ],
)
def test_records_lie_in_one_row_where_a_mask_keeps_them_apart(kind, changes, does):
    from transformers import AutoConfig

    params = replace(PARAMS, **changes)
    attention = None if params.attention == "auto" else params.attention
    assert (
        packing.uses_padding_free(params, attention, AutoConfig.for_model(kind, max_position_embeddings=4096)) == does
    )


@pytest.mark.parametrize("kind", ["opt", "t5"])
def test_packing_is_refused_where_records_would_see_each_other(kind):
    from transformers import AutoConfig

    with pytest.raises(StageError, match=f"found 'always', accepted for a {kind} model here: auto or never"):
        packing.uses_packing(replace(PARAMS, packing="always"), None, AutoConfig.for_model(kind))


def test_adapters_are_merged_into_whole_weights(room, monkeypatch):
    from safetensors.torch import load_file

    room.set(lora__rank=4)
    metrics = room.run(monkeypatch)
    base, tuned = load_file(room.folder / "models/base/model.safetensors"), room.weights()
    assert metrics["loss_last"] < metrics["loss_first"]
    assert base.keys() == tuned.keys()
    changed = {name for name in base if not torch.equal(base[name], tuned[name])}
    assert changed == {name for name in base if "_proj" in name}


def test_a_killed_run_resumes_to_the_same_weights(room, tmp_path_factory, monkeypatch):
    other = TrainRoom(tmp_path_factory.mktemp("whole"))
    for each in (room, other):
        each.set(checkpoint_minutes=0.0, max_steps=6)
    whole = other.run(monkeypatch)
    real = callbacks.TrainingCallback.on_save
    program = (
        "import os, signal\n"
        "from stages import train\n"
        "from wizardcoder.training.callbacks import TrainingCallback\n"
        "real = TrainingCallback.on_save\n"
        "def on_save(self, args, state, control, **more):\n"
        "    if state.global_step == 4:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(self, args, state, control, **more)\n"
        "TrainingCallback.on_save = on_save\n"
        "train.main()\n"
    )
    (room.folder / "killed.py").write_text(program)
    process = room.start_program("killed.py")
    assert process.wait(timeout=300) == -signal.SIGKILL
    assert room.checkpoints() == ["checkpoint-3", "checkpoint-4"]  # the fourth has no mark
    assert not room.model.exists()
    saved = []

    def on_save(self, args, state, control, **more):
        saved.append(state.global_step)
        real(self, args, state, control, **more)

    monkeypatch.setattr(callbacks.TrainingCallback, "on_save", on_save)
    metrics = room.run(monkeypatch)
    assert saved == [4, 5]
    assert same(room.weights(), other.weights())
    assert rows(room) == rows(other)
    for name in ("loss_first", "loss_last", "held_out_loss_before", "held_out_loss_after", "tokens_trained"):
        assert metrics[name] == whole[name]
    assert room.checkpoints() == []


def test_sigterm_ends_the_step_and_writes_a_checkpoint(room, monkeypatch):
    room.set(checkpoint_minutes=60.0)
    real = callbacks.TrainingCallback.on_step_end

    def on_step_end(self, args, state, control, **more):
        if state.global_step == 2:
            signal.raise_signal(signal.SIGTERM)
        real(self, args, state, control, **more)

    monkeypatch.setattr(callbacks.TrainingCallback, "on_step_end", on_step_end)
    with pytest.raises(SystemExit) as caught:
        room.run(monkeypatch)
    assert caught.value.code == 143
    assert room.checkpoints() == ["checkpoint-2"]
    assert not room.model.exists()
    monkeypatch.setattr(callbacks.TrainingCallback, "on_step_end", real)
    assert room.run(monkeypatch)["steps"] == 4


def test_max_minutes_ends_with_what_there_is(room, monkeypatch):
    room.set(max_minutes=1e-9)
    metrics = room.run(monkeypatch)
    assert (metrics["steps"], metrics["stopped_by"]) == (1, "max_minutes")
    assert metrics["held_out_loss_after"] > 0
    assert (room.model / "model.safetensors").is_file()


def test_a_loss_that_is_no_number_stops_with_the_last_good_checkpoint(room, refused, monkeypatch):
    room.set(checkpoint_minutes=0.0)
    real = trainer.mean_loss
    seen = []

    def loss(*args):
        seen.append(1)
        return real(*args) * (math.nan if len(seen) > 8 else 1.0)  # two forward passes a step, and two before it

    monkeypatch.setattr(trainer, "mean_loss", loss)
    line = refused()
    assert line.startswith(
        "train: loss nan, gradient norm nan at step 4. Lower train.lr or inspect the data; either change restarts "
        "training from step 0. Re-running unchanged resumes from "
    )
    assert line.endswith("checkpoint-3, which only helps if the hardware was at fault")
    monkeypatch.setattr(trainer, "mean_loss", real)
    assert room.run(monkeypatch)["steps"] == 4


@pytest.fixture
def out_of_memory(room, refused, monkeypatch):
    """Return a function that runs the stage until the GPU is out of memory in the third step, and returns the error."""

    def run() -> str:
        real, steps = callbacks.TrainingCallback.on_step_begin, []

        def on_step_begin(self, args, state, control, **more):
            steps.append(state.global_step)
            if len(steps) == 3:
                raise torch.OutOfMemoryError
            return real(self, args, state, control, **more)

        with monkeypatch.context() as patch:
            patch.setattr(callbacks.TrainingCallback, "on_step_begin", on_step_begin)
            return refused()

    return run


def test_a_run_out_of_memory_resumes_with_less_to_the_same_weights(room, out_of_memory, tmp_path_factory, monkeypatch):
    other = TrainRoom(tmp_path_factory.mktemp("whole"))
    for each in (room, other):
        each.set(checkpoint_minutes=0.0, max_steps=6)
    other.run(monkeypatch)
    line = out_of_memory()
    assert line.startswith("params.yaml: train.micro_batch_size: 2 with train.max_tokens 600 does not fit into ")
    assert "; the same command resumes from the last complete checkpoint, " in line
    assert line.endswith("checkpoint-2")
    room.set(checkpoint_minutes=0.0, max_steps=6, micro_batch_size=1, gradient_checkpointing=True)
    real, taken = callbacks.TrainingCallback.on_step_end, []

    def on_step_end(self, args, state, control, **more):
        taken.append(state.global_step)
        real(self, args, state, control, **more)

    monkeypatch.setattr(callbacks.TrainingCallback, "on_step_end", on_step_end)
    room.run(monkeypatch)
    assert taken == [3, 4, 5, 6]
    assert [float(row["loss"]) for row in rows(room)] == pytest.approx(
        [float(row["loss"]) for row in rows(other)], rel=1e-4
    )
    mine, whole = room.weights(), other.weights()
    assert all(torch.allclose(mine[name], whole[name], atol=1e-4) for name in whole)


def test_packed_rows_restart_with_another_micro_batch(room, out_of_memory, monkeypatch):
    """A step holds a multiple of the micro-batch of them: other steps than those before."""
    room.set(checkpoint_minutes=0.0, packing="always", micro_batch_size=1)
    assert out_of_memory().endswith(
        "checkpoint-2. With packed rows, changing train.micro_batch_size restarts training from step 0"
    )
    params = load(train.Params, room.folder / "params.yaml").train
    less, slower = replace(params, micro_batch_size=4), replace(params, gradient_checkpointing=True)
    assert (
        less.resume_settings(packed=False)
        == params.resume_settings(packed=False)
        == slower.resume_settings(packed=False)
    )
    assert (
        less.resume_settings(packed=True) != params.resume_settings(packed=True) == slower.resume_settings(packed=True)
    )


def test_a_disk_without_room_for_a_checkpoint_stops_with_the_last_good_one(room, refused, monkeypatch):
    room.set(checkpoint_minutes=0.0)
    real, asked = checkpoints.need_disk, []

    def need_disk(folder, needed, what):
        asked.append(what)
        if asked.count("the next checkpoint") == 3:
            needed = 1e18
        real(folder, needed, what)

    monkeypatch.setattr(checkpoints, "need_disk", need_disk)
    line = refused()
    assert "GB free, the next checkpoint needs 1000000000.0 GB; the same command resumes from the last complete" in line
    assert room.checkpoints() == ["checkpoint-2"]


def test_a_write_that_fails_for_lack_of_space_is_one_line(room, refused, monkeypatch):
    import resource

    room.set(checkpoint_minutes=0.0)
    real, limits = callbacks.TrainingCallback.on_step_end, resource.getrlimit(resource.RLIMIT_FSIZE)

    def on_step_end(self, args, state, control, **more):
        real(self, args, state, control, **more)
        if state.global_step == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))

    monkeypatch.setattr(callbacks.TrainingCallback, "on_step_end", on_step_end)
    try:
        line = refused()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "the checkpoint cannot be written" in line
    assert "; the same command resumes from the last complete checkpoint, " in line
    assert line.endswith("/checkpoint-1")


@pytest.mark.parametrize("deepspeed", ["zero2", "zero3"])
def test_two_processes_of_deepspeed_give_the_weights_of_one(room, deepspeed, tmp_path_factory, monkeypatch):
    other = TrainRoom(tmp_path_factory.mktemp("one"))
    one = other.run(monkeypatch)
    room.set(processes=2, deepspeed=deepspeed)
    two = room.run(monkeypatch)
    assert two["loss_last"] == pytest.approx(one["loss_last"], rel=1e-4)
    assert two["held_out_loss_after"] == pytest.approx(one["held_out_loss_after"], rel=1e-4)
    assert two["tokens_trained"] == one["tokens_trained"]
    mine, theirs = room.weights(), other.weights()
    assert mine.keys() == theirs.keys()
    assert all(torch.allclose(mine[name], theirs[name], atol=1e-4) for name in mine)


PDSH = """#!/bin/bash
# pdsh -S -f FANOUT -w HOST,HOST COMMAND: every host is this machine; %n is a host's number
command="${*:6}"
number=0
for host in ${5//,/ }; do
    bash -c "${command//%n/$number}" &
    number=$((number + 1))
done
wait -n && wait -n
"""


@pytest.fixture
def two_machines(room, monkeypatch, unused_port):
    """Have ssh and pdsh reach this machine under the names of two."""
    programs = room.folder / "programs"
    programs.mkdir()
    for name, text in (("ssh", "#!/bin/sh\necho 127.0.0.1\n"), ("pdsh", PDSH)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("DLTS_MASTER_PORT", str(unused_port))
    (room.folder / "hosts").write_text("one slots=1\ntwo slots=1\n")


@pytest.mark.usefixtures("two_machines")
def test_two_machines_of_a_hostfile_give_the_weights_of_one(room, tmp_path_factory, monkeypatch):
    other = TrainRoom(tmp_path_factory.mktemp("one"))
    one = other.run(monkeypatch)
    room.set(processes=2, deepspeed="zero3", hostfile="hosts")
    two = room.run(monkeypatch)
    assert two["processes"] == 2
    assert two["loss_last"] == pytest.approx(one["loss_last"], rel=1e-4)
    mine, theirs = room.weights(), other.weights()
    assert all(torch.allclose(mine[name], theirs[name], atol=1e-4) for name in theirs)


def test_one_record_is_trained_on_and_nothing_is_held_out(room, monkeypatch):
    room.write_examples([example(1)])
    room.set(max_steps=1)
    metrics = room.run(monkeypatch)
    assert (metrics["examples"], metrics["examples_held_out"]) == (1, 0)
    assert "held_out_loss_before" not in metrics


def test_an_empty_file_is_refused(room, refused):
    room.write_examples([])
    assert refused() == "data/decontaminated/examples.jsonl: holds no example"


@pytest.mark.parametrize(
    ("too_long", "cut", "outcomes"),
    [("cut", 1, ["trained", "cut", "no_response"]), ("drop", 0, ["trained", "too_long", "no_response"])],
)
def test_records_that_are_too_long_are_counted_and_named(room, monkeypatch, too_long, cut, outcomes):
    long = replace(example(2), response="x = 1\n" * 400)
    room.write_examples([example(1), long, example(3, " very" * 700)])
    room.set(too_long=too_long, held_out=0, max_steps=1)
    metrics = room.run(monkeypatch)
    dropped = 2 - cut
    assert (metrics["examples_cut"], metrics["examples_dropped"]) == (cut, dropped)
    assert metrics["examples"] == 3 - dropped
    assert room.outcomes() == dict(zip(("0001", "0002", "0003"), outcomes, strict=True))


def test_every_record_is_trained_on_or_held_out_or_dropped(room, monkeypatch):
    """Also of those that were to be held out."""
    room.write_examples([example(n, " very" * 700 * (n > 9)) for n in range(20)])
    room.set(max_steps=1)
    metrics = room.run(monkeypatch)
    counts = Counter(room.outcomes().values())
    assert counts.total() == 20
    assert counts["trained"] == metrics["examples"]
    assert counts["held_out"] == metrics["examples_held_out"] < 4
    assert counts["no_response"] == metrics["examples_dropped"] == 10


def test_a_base_without_a_tokenizer_is_refused(room, refused):
    (room.folder / "models/base/tokenizer_config.json").unlink()
    assert refused().startswith("models/base: no tokenizer_config.json")


def test_a_missing_base_is_refused_with_the_command_that_writes_it(room, refused):
    (room.folder / "models/base/config.json").unlink()
    assert (
        refused()
        == "models/base: no config.json, accepted: a transformers directory; `dvc repro base` writes models/base"
    )


def test_a_base_that_transformers_cannot_load_is_refused(room, refused):
    (room.folder / "models/base/config.json").write_text('{"model_type": "nonesuch"}')
    assert refused().startswith("models/base: transformers cannot load it: ")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"micro_batch_size": 3},
            "params.yaml: train.micro_batch_size: found 3, accepted: a divisor of train.batch_size (4)",
        ),
        (
            {"processes": 4},
            "params.yaml: train.micro_batch_size: found 2 in each of 4 processes, accepted: a divisor of "
            "train.batch_size (4)",
        ),
        ({"processes": 2, "lora__rank": 2}, "params.yaml: train.lora.rank: found 2, accepted: 0 with train.processes"),
        ({"lora__load_in_4bit": True}, "params.yaml: train.lora.rank: found 0, accepted with train.lora.load_in_4bit"),
        ({"batch_size": 4096, "processes": 2048}, "params.yaml: train.processes: found 2048, accepted: at most "),
        ({"precision": "fp16"}, "params.yaml: train.precision: found 'fp16', which needs a GPU; this machine has none"),
        (
            {"liger_kernels": True},
            "params.yaml: train.liger_kernels: found True, which needs a GPU; this machine has none",
        ),
        ({"deepspeed": "zero9"}, "params.yaml: train.deepspeed: found 'zero9', accepted: null or a file of "),
        (
            {"prompt": "Answer:"},
            "params.yaml: train.prompt: {instruction} not found, accepted: a text that contains {instruction}",
        ),
        ({"max_tokens": 9999}, "params.yaml: train.max_tokens: found 9999, accepted: at most 4096"),
        (
            {"hostfile": "hosts"},
            "params.yaml: runtime.train.hostfile: training on several machines needs DeepSpeed: set train.deepspeed",
        ),
        (
            {"hostfile": "hosts", "deepspeed": "zero3"},
            "params.yaml: runtime.train.hostfile: hosts: No such file or directory",
        ),
    ],
)
def test_values_that_contradict_each_other_or_the_machine_are_refused(room, refused, changes, line):
    room.set(**changes)
    assert refused().startswith(line)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_batch_size": 64}, "train_batch_size: found 64, accepted: auto, or 4"),
        ({"gradient_clipping": 0.5}, "gradient_clipping: found 0.5, accepted: auto, or 1.0"),
        ({"gradient_clipping": None}, "gradient_clipping: found None, accepted: auto, or 1.0"),
        ({"optimizer": {"type": "AdamW"}}, "optimizer.params.lr: found None, accepted: auto, or 0.01"),
        (
            {"optimizer": {"type": "AdamW", "params": {"lr": "auto", "betas": [0.9, 0.95]}}},
            "optimizer.params.betas: found [0.9, 0.95], accepted: auto, or [0.9, 0.999]",
        ),
        (
            {"optimizer": {"type": "AdamW", "params": {"lr": "auto", "betas": "auto", "eps": 1e-6}}},
            "optimizer.params.eps: found 1e-06, accepted: auto, or 1e-08",
        ),
    ],
)
def test_a_deepspeed_file_that_contradicts_params_is_refused(room, refused, changes, message):
    path = room.folder / "profiles/deepspeed/zero3.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    room.set(processes=2, deepspeed="zero3")
    assert refused() == f"profiles/deepspeed/zero3.json: {message} as in params.yaml"


def test_a_deepspeed_file_without_gradient_clipping_is_refused(room, refused):
    """Accelerate would clip at 1.0, whatever train.max_grad_norm is."""
    (room.folder / "profiles/deepspeed/mine.json").write_text('{"zero_optimization": {"stage": 2}}')
    room.set(processes=2, deepspeed="mine", max_grad_norm=0.3)
    assert refused() == (
        "profiles/deepspeed/mine.json: gradient_clipping: found None, accepted: auto, or 0.3 as in params.yaml"
    )


@pytest.mark.parametrize(
    ("zero_optimization", "message"),
    [
        ({"stage": "auto"}, "zero_optimization.stage: found 'auto', accepted: 0, 1, 2 or 3"),
        ({"stage": 3}, "zero_optimization.stage3_gather_16bit_weights_on_model_save: accepted: true; without it"),
    ],
)
def test_a_deepspeed_file_that_could_not_save_the_model_is_refused(room, refused, zero_optimization, message):
    config = {"gradient_clipping": "auto", "zero_optimization": zero_optimization}
    (room.folder / "profiles/deepspeed/mine.json").write_text(json.dumps(config))
    room.set(deepspeed="mine")
    assert refused().startswith(f"profiles/deepspeed/mine.json: {message}")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, ZeroSettings()),
        ({"zero_optimization": True}, ZeroSettings()),
        ({"zero_optimization": {"stage": 2, "offload_optimizer": None}}, ZeroSettings(2)),
        (
            {"zero_optimization": {"stage": 3, "offload_param": {"device": "nvme"}}},
            ZeroSettings(3, offload_parameters=True),
        ),
        (
            {"zero_optimization": {"stage": 1, "offload_optimizer": {"device": "cpu"}}},
            ZeroSettings(1, offload_optimizer=True),
        ),
    ],
)
def test_what_a_deepspeed_file_leaves_out_is_off(config, expected):
    assert deepspeed_config.zero_settings(config) == expected


def test_a_hostfile_must_have_the_processes_slots(room, refused):
    (room.folder / "hosts").write_text("one slots=8\ntwo slots=8  # the same\n")
    room.set(processes=2, deepspeed="zero3", hostfile="hosts")
    assert refused() == "params.yaml: train.processes: found 2, accepted: 16, the slots in hosts"

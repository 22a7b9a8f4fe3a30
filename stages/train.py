"""Stage train: the base model is fine-tuned on the decontaminated examples.

In: models/base and data/decontaminated/examples.jsonl. Out: models/wizardcoder, an ordinary transformers directory;
data/train/fates.jsonl, what became of each record; metrics/train.json and metrics/loss.csv (step, loss, learning rate),
the latter written while training goes on. TRL's SFTTrainer does the training (transformers' Seq2SeqTrainer for an
encoder-decoder), in several processes where `train.processes` says so. What was interrupted goes on from its last
checkpoint.

    python -m stages.train                       the stage
    python -m stages.train --plan                memory, steps, tokens and hours of it, nothing is trained
    python -m stages.train --plan --on 8xH100    the same for other hardware; --base DIR needs a config.json only
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.core import bundled_wheels, console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.disk import GB
from wizardcoder.core.params import STRICT, load
from wizardcoder.core.records import Example, read_records, write_jsonl, write_metrics
from wizardcoder.training import checkpoints, deepspeed_config, devices, launch
from wizardcoder.training.devices import Hardware
from wizardcoder.training.model_package import card as model_card
from wizardcoder.training.model_package import directory as model_directory
from wizardcoder.training.model_package import licences
from wizardcoder.training.planning import formulas
from wizardcoder.training.planning import table as plan_table
from wizardcoder.training.rows import Prepared, prepare
from wizardcoder.training.settings import Source, TrainParams, check, check_devices, steps_of

if TYPE_CHECKING:
    from wizardcoder.training.trainer import Fitted


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml; the sources are named in the model's card."""

    seed: Source
    base: Source
    train: TrainParams


def main() -> None:
    """Run the stage, plan it, or be one of its processes."""
    options = _parser().parse_args()
    params = load(Params)
    check(params.train)
    launch.check_hostfile(params.train)
    if options.worker is not None:
        _work(params.train, options.worker)
    elif options.plan:
        _plan(params.train, options.base, options.on)
    else:
        _stage(params)


def _stage(params: Params) -> None:
    """Fine-tune and write the model; models/wizardcoder appears whole or not at all."""
    train = params.train
    machine = devices.present()
    check_devices(train, machine)
    launch.check_launcher(train)
    if not machine.gpu:
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # else DeepSpeed looks for others, and says so
    shape = read_shape(paths.BASE_MODEL)
    formulas.check_positions(shape, train)
    _refuse(
        formulas.memory_of(shape, train, deepspeed_config.told(deepspeed_config.read(train))),
        launch.processes_together(train),
        machine,
    )
    with console.closing_line("train") as close:
        examples = list(read_records(paths.TRAINING_EXAMPLES, Example))
        tokenizer = model_directory.load_tokenizer(paths.BASE_MODEL)
        prepared = prepare(train, examples, tokenizer, paths.TRAINING_EXAMPLES, encoder_decoder=shape.encoder_decoder)
        settings = train.determining(packed=_packs(train))
        folder = checkpoints.folder_of(checkpoints.fingerprint(settings, prepared.digest(), paths.BASE_MODEL))
        paths.TUNED_MODEL.parent.mkdir(parents=True, exist_ok=True)
        with (
            checkpoints.locked(folder),
            tempfile.TemporaryDirectory(dir=paths.TUNED_MODEL.parent, prefix="train.", suffix=".tmp") as scratch,
        ):
            built = Path(scratch) / "model"
            fitted = _fitted(train, prepared, folder, built, machine)
            metrics = metrics_of(train, prepared, fitted, shape, machine)
            model_directory.complete(built, tokenizer, train)
            origin = model_card.Origin(
                base=model_card.base_name(params.base.source),
                base_licence=licences.of_base(paths.BASE_MODEL),
                seeds=params.seed.source,
                seeds_licence=licences.of_seeds(Path(params.seed.source)),
                data=paths.TRAINING_EXAMPLES,
                data_sha256=bundled_wheels.sha256_of(paths.TRAINING_EXAMPLES),
            )
            (built / "README.md").write_text(model_card.card(origin, train, examples, metrics), encoding="utf-8")
            shutil.rmtree(paths.TUNED_MODEL, ignore_errors=True)
            built.rename(paths.TUNED_MODEL)
        shutil.rmtree(folder, ignore_errors=True)
        write_jsonl(paths.TRAIN_OUTCOMES, prepared.fates())
        write_metrics(paths.TRAIN_METRICS, metrics)
        close(examples=metrics["examples"], tokens=metrics["tokens"], steps=metrics["steps"])


def read_shape(base: Path) -> formulas.Shape:
    """Read the base model's sizes; raises StageError where the directory is none that transformers knows."""
    if not (base / "config.json").is_file():
        made = "`dvc repro base` makes it" if base == paths.BASE_MODEL else "accepted: a transformers directory"
        raise StageError(f"{base}: no config.json; {made}")
    try:
        return formulas.shape_of(base)
    except (ValueError, KeyError, OSError, ImportError) as exc:
        raise StageError(f"{base}: transformers cannot build it: {' '.join(str(exc).split())[:200]}") from exc


def metrics_of(
    params: TrainParams, prepared: Prepared, fitted: Fitted, shape: formulas.Shape, machine: Hardware
) -> dict[str, Any]:
    """Give the flat metrics; what could not be known is left out."""
    tokens_a_s = fitted.tokens / fitted.seconds
    found: dict[str, Any] = {
        "examples": len(prepared.train.rows),
        "examples_held_out": len(prepared.held_out.rows),
        "examples_cut": prepared.cut,
        "examples_dropped": prepared.dropped,
        "tokens": sum(prepared.lengths()),
        "tokens_trained": fitted.tokens,
        "tokens_per_s": tokens_a_s,
        "padding_share": 1 - fitted.tokens / max(1, fitted.computed),
        "packed": fitted.packed,
        "steps": fitted.steps,
        "stopped_by": "max_minutes" if fitted.stopped else "steps",
        "loss_first": fitted.losses[0],
        "loss_last": fitted.losses[-1],
        "seconds": round(fitted.seconds, 1),
        "hours": fitted.seconds / 3600,
        "peak_memory_gb": fitted.peak_memory / GB,
        "parameters": shape.parameters,
        "processes": params.processes,
        "device": machine.name,
    }
    if fitted.held_out_before is not None:
        found |= {"held_out_loss_before": fitted.held_out_before, "held_out_loss_after": fitted.held_out_after}
    if machine.peak_flops is not None:
        done = formulas.flops_of(shape, tokens_a_s, prepared.mean_length())
        found["mfu"] = done / (machine.peak_flops * (params.processes if machine.gpu else 1))
    if fitted.joules is not None:
        found["energy_kwh"] = fitted.joules / 3.6e6
    return found


def _packs(params: TrainParams) -> bool:
    from transformers import AutoConfig

    from wizardcoder.training import trainer, weights

    config = AutoConfig.from_pretrained(paths.BASE_MODEL)
    return trainer.packs(params, weights.attention_of(params, config), config)


def _fitted(params: TrainParams, prepared: Prepared, folder: Path, built: Path, machine: Hardware) -> Fitted:
    """Fine-tune in this process or in several, which read their rows and leave their results as files."""
    from datasets import DatasetDict

    from wizardcoder.training import trainer

    checkpoints.remove_broken(folder)
    rows = {
        name: trainer.dataset(part.rows, encoder_decoder=prepared.encoder_decoder)
        for name, part in (("train", prepared.train), ("held_out", prepared.held_out))
        if part.rows
    }
    job = trainer.Job(
        base=paths.BASE_MODEL, rows=built.parent / "rows", checkpoints=folder, out=built, loss=paths.LOSS_TABLE
    )
    DatasetDict(rows).save_to_disk(job.rows)
    if not params.distributed:
        return trainer.fit(params, job, None)
    file = built.parent / "job.json"
    file.write_text(json.dumps({key: str(path) for key, path in asdict(job).items()}), encoding="utf-8")
    launch.launch(params, ["stages.train", "--worker", str(file)], file.parent, machine)
    return trainer.Fitted(**json.loads((file.parent / "fitted.json").read_text(encoding="utf-8")))


def _work(params: TrainParams, file: Path) -> NoReturn:
    """Be one of several processes; the first writes what came of it."""
    launch.end_with_parent()
    from wizardcoder.training import trainer

    told = json.loads(file.read_text(encoding="utf-8"))
    job = trainer.Job(**{key: Path(path) for key, path in told.items()})
    try:
        fitted = trainer.fit(params, job, deepspeed_config.read(params))
    except StageError as exc:
        launch.tell_error(file.parent, exc)
        raise SystemExit(1) from exc
    if trainer.is_first():
        (file.parent / "fitted.json").write_text(json.dumps(asdict(fitted)), encoding="utf-8")
    launch.end_at_once()


def _plan(params: TrainParams, base: Path, on: str | None) -> None:
    """Print what the training takes, and refuse what cannot fit."""
    machine = devices.elsewhere(on) if on else devices.present()
    check_devices(params, machine)
    shape = read_shape(base)
    formulas.check_positions(shape, params)
    memory = formulas.memory_of(shape, params, deepspeed_config.told(deepspeed_config.read(params)))
    together = launch.processes_together(params)
    work, counted = _work_of(params, base, shape)
    for line in plan_table.lines(params, shape, machine, memory, work, together=together):
        console.show(line)
    console.say(counted)
    _refuse(memory, together, machine)
    if memory.total > machine.memory:
        console.say(plan_table.tight(memory))


def _work_of(params: TrainParams, base: Path, shape: formulas.Shape) -> tuple[formulas.Work | None, str]:
    """Count steps and tokens of the data, or take full rows where there is none yet; says which."""
    if not paths.TRAINING_EXAMPLES.is_file() or not (base / "tokenizer_config.json").is_file():
        if params.max_steps is None:
            return (
                None,
                f"the steps follow from {paths.TRAINING_EXAMPLES}, which is not there yet, as train.max_steps is null",
            )
        tokens = float(params.max_steps * params.batch_size * params.max_tokens)
        return formulas.Work(
            params.max_steps, tokens, params.max_tokens
        ), "no data yet: every record taken as a full row"
    tokenizer = model_directory.load_tokenizer(base)
    examples = list(read_records(paths.TRAINING_EXAMPLES, Example))
    prepared = prepare(params, examples, tokenizer, paths.TRAINING_EXAMPLES, encoder_decoder=shape.encoder_decoder)
    records = len(prepared.lengths())
    steps = steps_of(params, records)
    passes = steps / math.ceil(records / params.batch_size)  # the last step of a pass may be short
    tokens = passes * sum(prepared.lengths())
    told = f"{records} records of {paths.TRAINING_EXAMPLES}, {prepared.cut} of them cut; {prepared.dropped} dropped"
    return formulas.Work(steps, tokens, prepared.mean_length()), told


def _refuse(memory: formulas.Memory, together: int, machine: Hardware) -> None:
    reason = formulas.refusal(memory, together, machine)
    if reason is not None:
        raise StageError(f"train: cannot fit: {reason}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stages.train", description="Fine-tune the base model.")
    parser.add_argument("--plan", action="store_true", help="print memory, steps, tokens and hours; train nothing")
    parser.add_argument("--on", metavar="8xH100", help="plan: for these cards instead of the present ones")
    parser.add_argument(
        "--base", type=Path, default=paths.BASE_MODEL, help="plan: a directory with the base's config.json"
    )
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    console.entry(main)

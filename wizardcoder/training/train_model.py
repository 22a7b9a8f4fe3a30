"""Train a model from records: checks, tokenization, fine-tuning in one process or several.

In: examples, a base model, the `train` section. Out: a directory with weights, tokenizer, chat template and generation
settings. Does not write the model's card or metrics files.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example
from wizardcoder.training import checkpoints, devices, hostfile, launch, worker
from wizardcoder.training.devices import Hardware
from wizardcoder.training.model_package import directory as model_directory
from wizardcoder.training.planning import formulas
from wizardcoder.training.planning.model_shape import ModelShape, check_positions, read_shape
from wizardcoder.training.planning.plan import process_memory
from wizardcoder.training.rows import TrainingRows, prepare_rows
from wizardcoder.training.settings import TrainParams, check_devices

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from wizardcoder.training.fit import FitFolders, FitResult


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A training that is ready to start; `checkpoints` is the folder from which it resumes."""

    params: TrainParams
    base: Path
    machine: Hardware
    shape: ModelShape
    tokenizer: PreTrainedTokenizerBase
    rows: TrainingRows
    checkpoints: Path


def check_machine(params: TrainParams, base: Path) -> tuple[Hardware, ModelShape]:
    """Check that the training can run on this machine, and return its hardware and the model's shape.

    Raises:
        StageError: it cannot; names the key or the missing program.
    """
    machine = devices.detect()
    check_devices(params, machine)
    hostfile.check_launcher(params)
    if not machine.gpu:
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # otherwise DeepSpeed searches for others and prints that
    shape = read_shape(base)
    check_positions(shape, params)
    reason = formulas.misfit_reason(process_memory(params, shape), hostfile.processes_per_machine(params), machine)
    if reason is not None:
        raise StageError(f"train: does not fit: {reason}")
    return machine, shape


def prepare_job(
    params: TrainParams, examples: Sequence[Example], base: Path, source: Path, checked: tuple[Hardware, ModelShape]
) -> TrainingJob:
    """Tokenize the examples of `source` and find the run's checkpoints; `checked` is from `check_machine`."""
    machine, shape = checked
    tokenizer = model_directory.load_tokenizer(base)
    rows = prepare_rows(params, examples, tokenizer, source, encoder_decoder=shape.encoder_decoder)
    settings = params.resume_settings(packed=_uses_packing(params, base))
    folder = checkpoints.folder_of(checkpoints.fingerprint(settings, rows.digest(), base))
    return TrainingJob(params, base, machine, shape, tokenizer, rows, folder)


def train_model(job: TrainingJob, out: Path, loss: Path) -> FitResult:
    """Fine-tune and write the model's directory `out`; the loss curve is written to `loss` during the training.

    The caller holds the lock of `job.checkpoints`, and removes that folder once the model is in its place.
    """
    checkpoints.remove_incomplete(job.checkpoints)
    fitted = _fit(job, out, loss)
    model_directory.complete(out, job.tokenizer, job.params)
    return fitted


def _fit(job: TrainingJob, out: Path, loss: Path) -> FitResult:
    """Fine-tune in this process, or in several that read their rows and leave their results as files."""
    from wizardcoder.training.fit import FitFolders, fit

    folders = FitFolders(base=job.base, rows=out.parent / "rows", checkpoints=job.checkpoints, out=out, loss=loss)
    _save_rows(job.rows, folders)
    if not job.params.distributed:
        return fit(job.params, folders, None)
    path = worker.write_job(out.parent, job.params, folders)
    launch.launch(job.params, [worker.MODULE, str(path)], path.parent, job.machine)
    return worker.read_result(path.parent)


def _save_rows(rows: TrainingRows, folders: FitFolders) -> None:
    from datasets import DatasetDict

    from wizardcoder.training.trainer import to_dataset

    parts = {"train": rows.train, "held_out": rows.held_out}
    DatasetDict(
        {name: to_dataset(part.rows, encoder_decoder=rows.encoder_decoder) for name, part in parts.items() if part.rows}
    ).save_to_disk(folders.rows)


def _uses_packing(params: TrainParams, base: Path) -> bool:
    from transformers import AutoConfig

    from wizardcoder.training import packing, weights

    config = AutoConfig.from_pretrained(base)
    return packing.uses_packing(params, weights.choose_attention(params, config), config)

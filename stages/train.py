"""Stage train: fine-tune the base model on the decontaminated examples.

In: models/base and data/decontaminated/examples.jsonl. Out: models/wizardcoder, an ordinary transformers directory;
data/train/outcomes.jsonl, the outcome of each record; metrics/train.json; metrics/loss.csv (step, loss, learning rate),
which is written during the training. An interrupted training resumes from its last checkpoint. `wizardcoder plan`
prints memory, steps, tokens and hours without training.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.core import bundled_wheels, console, paths
from wizardcoder.core.params import STRICT, load
from wizardcoder.core.records import Example, read_records, write_jsonl, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.training import checkpoints, hostfile
from wizardcoder.training.metrics import training_metrics
from wizardcoder.training.model_package import licences
from wizardcoder.training.model_package.card import ModelOrigin, base_name, model_card
from wizardcoder.training.settings import SourceParams, TrainParams, check
from wizardcoder.training.train_model import TrainingJob, check_machine, prepare_job, train_model


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that this stage reads; the model's card names the two sources."""

    seed: SourceParams
    base: SourceParams
    train: TrainParams


def main() -> None:
    """Train, and write the model, the outcome of each record and the metrics."""
    params = load(Params)
    check(params.train)
    hostfile.check_hostfile(params.train)
    checked = check_machine(params.train, paths.BASE_MODEL)
    with console.closing_line("train") as close:
        examples = list(read_records(paths.TRAINING_EXAMPLES, Example))
        job = prepare_job(params.train, examples, paths.BASE_MODEL, paths.TRAINING_EXAMPLES, checked)
        with checkpoints.locked(job.checkpoints):
            metrics = run(params, job, examples)
        shutil.rmtree(job.checkpoints, ignore_errors=True)
        write_jsonl(paths.TRAIN_OUTCOMES, job.rows.outcomes())
        write_metrics(paths.TRAIN_METRICS, metrics)
        close(examples=metrics["examples"], tokens=metrics["tokens"], steps=metrics["steps"])


def run(params: Params, job: TrainingJob, examples: Sequence[Example]) -> dict[str, Any]:
    """Train and write models/wizardcoder, which appears whole or not at all; return the metrics."""
    out = paths.TUNED_MODEL
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix="train.", suffix=".tmp") as scratch:
        built = Path(scratch) / "model"
        fitted = train_model(job, built, paths.LOSS_TABLE)
        metrics = training_metrics(job.params, job.rows, fitted, job.shape, job.machine)
        card = model_card(_origin(params), params.train, examples, metrics)
        (built / "README.md").write_text(card, encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        built.rename(out)
    return metrics


def _origin(params: Params) -> ModelOrigin:
    return ModelOrigin(
        base=base_name(params.base.source),
        base_licence=licences.of_base(paths.BASE_MODEL),
        seeds=params.seed.source,
        seeds_licence=licences.of_seeds(Path(params.seed.source)),
        data=paths.TRAINING_EXAMPLES,
        data_sha256=bundled_wheels.sha256_of(paths.TRAINING_EXAMPLES),
    )


if __name__ == "__main__":
    run_stage(main, __doc__)

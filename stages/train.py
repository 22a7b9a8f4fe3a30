"""Stage train: fine-tune the base model on the decontaminated examples.

In: models/base and data/decontaminated/examples.jsonl. Out: models/wizardcoder, an ordinary transformers directory;
data/train/fates.jsonl, the outcome of each record; metrics/train.json; metrics/loss.csv (step, loss, learning rate),
which is written during the training. An interrupted training resumes from its last checkpoint. `wizardcoder plan`
prints memory, steps, tokens and hours without training.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.core import bundled_wheels, console, paths
from wizardcoder.core.params import STRICT, load
from wizardcoder.core.records import Example, read_records, write_jsonl, write_metrics
from wizardcoder.training import checkpoints, hostfile
from wizardcoder.training.metrics import training_metrics
from wizardcoder.training.model_package import licences
from wizardcoder.training.model_package.card import ModelOrigin, base_name, model_card
from wizardcoder.training.planning.plan import plan_training, show_plan
from wizardcoder.training.settings import SourceParams, TrainParams, check
from wizardcoder.training.train_model import check_machine, prepare_job, train_model


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that this stage reads; the model's card names the two sources."""

    seed: SourceParams
    base: SourceParams
    train: TrainParams


def main() -> None:
    """Run the stage."""
    options = _parser().parse_args()
    params = load(Params)
    if options.plan:
        show_plan(plan_training(params.train, options.base, options.on))
        return
    check(params.train)
    hostfile.check_hostfile(params.train)
    checked = check_machine(params.train, paths.BASE_MODEL)
    with console.closing_line("train") as close:
        examples = list(read_records(paths.TRAINING_EXAMPLES, Example))
        job = prepare_job(params.train, examples, paths.BASE_MODEL, paths.TRAINING_EXAMPLES, checked)
        paths.TUNED_MODEL.parent.mkdir(parents=True, exist_ok=True)
        with (
            checkpoints.locked(job.checkpoints),
            tempfile.TemporaryDirectory(dir=paths.TUNED_MODEL.parent, prefix="train.", suffix=".tmp") as scratch,
        ):
            built = Path(scratch) / "model"
            fitted = train_model(job, built, paths.LOSS_TABLE)
            metrics = training_metrics(job.params, job.rows, fitted, job.shape, job.machine)
            card = model_card(_origin(params), params.train, examples, metrics)
            (built / "README.md").write_text(card, encoding="utf-8")
            shutil.rmtree(paths.TUNED_MODEL, ignore_errors=True)
            built.rename(paths.TUNED_MODEL)
        shutil.rmtree(job.checkpoints, ignore_errors=True)
        write_jsonl(paths.TRAIN_OUTCOMES, job.rows.outcomes())
        write_metrics(paths.TRAIN_METRICS, metrics)
        close(examples=metrics["examples"], tokens=metrics["tokens"], steps=metrics["steps"])


def _origin(params: Params) -> ModelOrigin:
    return ModelOrigin(
        base=base_name(params.base.source),
        base_licence=licences.of_base(paths.BASE_MODEL),
        seeds=params.seed.source,
        seeds_licence=licences.of_seeds(Path(params.seed.source)),
        data=paths.TRAINING_EXAMPLES,
        data_sha256=bundled_wheels.sha256_of(paths.TRAINING_EXAMPLES),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stages.train", description="Fine-tune the base model.")
    parser.add_argument("--plan", action="store_true", help="print memory, steps, tokens and hours; train nothing")
    parser.add_argument("--on", metavar="8xH100", help="with --plan: assume this hardware instead of the local machine")
    parser.add_argument(
        "--base", type=Path, default=paths.BASE_MODEL, help="with --plan: a directory with the base's config.json"
    )
    return parser


if __name__ == "__main__":
    console.entry(main)

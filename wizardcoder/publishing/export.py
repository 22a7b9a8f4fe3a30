"""Export the training data as a Hugging Face dataset, and publish data and model on the hub.

In: data/decontaminated with the rejected and excluded records of all stages, dvc.lock; models/wizardcoder and its
scores. Out: a folder with the dataset, which appears whole or not at all; a commit of the same files in a dataset
repository; a commit of the model with its card in a model repository.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from wizardcoder.core import bundled_wheels, console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, load
from wizardcoder.core.records import Example, read_records
from wizardcoder.evaluation.settings import EvaluateParams
from wizardcoder.lineage.outs import trace_outs
from wizardcoder.lineage.revision import Revision, head_commit, uncommitted_files
from wizardcoder.publishing import hub
from wizardcoder.publishing.atomic_folder import MANIFEST, manifest_text, replacing_folder
from wizardcoder.publishing.dataset import lineage_json, write_dataset
from wizardcoder.publishing.dataset_card import DatasetOrigin, lineage_text
from wizardcoder.training.model_package import licences
from wizardcoder.training.model_package.card import ModelOrigin, PublishedFacts, base_name, model_card
from wizardcoder.training.settings import SourceParams, TrainParams


@dataclass(frozen=True, slots=True, config=STRICT)
class ModelParams:
    """The sections of params.yaml that the model's card describes."""

    base: SourceParams
    train: TrainParams
    evaluate: EvaluateParams


def export_dataset(out: Path, *, licence: str | None = None, push: str | None = None, with_model: bool = False) -> None:
    """Write the dataset into a folder; publish it where `push` names a repository.

    Args:
        out: the folder to write; only what an earlier export wrote is replaced.
        licence: of the seeds, as the hub names it; None for the one that their file declares.
        push: the repository on the hub, OWNER/NAME.
        with_model: publish models/wizardcoder too, under the same name.

    Raises:
        StageError: the licence of the seeds is unknown, data is missing, the folder holds other files, or something
            to publish is not committed or is stale.
    """
    _check_targets(push, with_model)
    revision = Revision()
    source, seeds_licence = _licence(revision, licence)
    origin = _origin(revision, [paths.DECONTAMINATED], source, seeds_licence)
    model_origin = _origin(revision, _outs_model_origin(revision), source, seeds_licence) if with_model else None
    for each in filter(None, (origin, model_origin)) if push else ():
        if each.dirty or each.stale or each.commit is None:
            raise StageError(f"--push: {_untraceable(each)}; `dvc repro` and commit first, so that it can be traced")
    with console.closing_line("export") as close:
        with replacing_folder(out) as folder:
            counts = write_dataset(folder, origin)
        close(
            examples=counts.rows, rejected=counts.rejected.total(), excluded=len(set().union(*counts.excluded.values()))
        )
    console.say(f"{out}: datasets.load_dataset({str(out)!r}) reads it")
    if origin.dirty or origin.stale:
        console.say(f"the card states: {_untraceable(origin)}")
    if push:
        _push(out, push, origin, model_origin)


def _check_targets(push: str | None, with_model: bool) -> None:
    if with_model and not push:
        raise StageError("--model: needs --push OWNER/NAME, where it is published")
    if push:
        hub.require_token()
    for path in (paths.TUNED_MODEL, paths.BASE_MODEL) if with_model else ():
        if not path.is_dir():
            raise StageError(f"--model: {path}: no such folder; `dvc pull {path}` or `dvc repro` gets it")


def _licence(revision: Revision, given: str | None) -> tuple[str, str]:
    """Return the source of the seeds and its licence: the one given, else the one that the source declares."""
    stage = revision.stages.get("seed")
    if stage is None:
        raise StageError("export: dvc.lock has no stage seed yet; `dvc repro` runs it")
    source = str(stage.params["seed"]["source"])
    licence = given or licences.of_seeds(Path(source))
    if licence is None:
        raise StageError(
            f"export: the licence of the seeds, {source}, is not known: --license ID (such as cc-by-nc-4.0), "
            f"or a file {source}.license with `SPDX-License-Identifier: ID`"
        )
    return source, licence


def _origin(revision: Revision, outs: list[Path], source: str, licence: str) -> DatasetOrigin:
    lock_md5 = hashlib.md5(revision.lock_text.encode(), usedforsecurity=False).hexdigest()
    return DatasetOrigin(
        source,
        licence,
        head_commit(),
        uncommitted_files(),
        lock_md5,
        trace_outs([*map(str, outs)], revision, ask_remote=False),
    )


def _outs_model_origin(revision: Revision) -> list[Path]:
    """Return what the model's card describes: the model, and its results if it was evaluated."""
    return [paths.TUNED_MODEL, paths.RESULTS] if "evaluate" in revision.stages else [paths.TUNED_MODEL]


def _untraceable(origin: DatasetOrigin) -> str:
    if origin.commit is None:
        return "this is no git repository"
    parts = [f"{', '.join(origin.dirty)} not committed"] if origin.dirty else []
    return "; ".join(parts + ([f"stale stages: {', '.join(origin.stale)}"] if origin.stale else []))


def _push(out: Path, repo: str, origin: DatasetOrigin, model_origin: DatasetOrigin | None) -> None:
    commit = origin.commit.id if origin.commit else ""
    files = {path.relative_to(out).as_posix(): path for path in sorted(out.rglob("*")) if path.is_file()}
    console.say(hub.publish(repo, "dataset", files, f"Data of {commit}"))
    if model_origin is not None:
        weights: dict[str, Path | bytes] = {
            path.relative_to(paths.TUNED_MODEL).as_posix(): path
            for path in sorted(paths.TUNED_MODEL.rglob("*"))
            if path.is_file()
        }
        weights["README.md"] = _model_card(model_origin, repo).encode()
        weights["lineage.json"] = lineage_json(model_origin).encode()
        console.say(hub.publish(repo, "model", weights | {MANIFEST: manifest_text(weights)}, f"Model of {commit}"))


def _model_card(origin: DatasetOrigin, repo: str) -> str:
    """Return the card of the training, with scores, data set and lineage added."""
    params = load(ModelParams)
    evaluated = any(stage.name == "evaluate" for stage in origin.lineage.stages)
    data = paths.TRAINING_EXAMPLES
    return model_card(
        ModelOrigin(
            base=base_name(params.base.source),
            base_licence=licences.of_base(paths.BASE_MODEL),
            seeds=origin.source,
            seeds_licence=origin.licence,
            data=data,
            data_sha256=bundled_wheels.sha256_of(data),
        ),
        params.train,
        read_records(data, Example),
        _metrics(paths.TRAIN_METRICS),
        PublishedFacts(
            scores=_metrics(paths.EVALUATE_METRICS) if evaluated else {},
            dev=params.evaluate.dev,
            dataset=repo,
            lineage=lineage_text(origin),
        ),
    )


def _metrics(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except OSError as exc:
        raise StageError(f"--model: {path}: {exc.strerror}; `dvc repro` makes it") from exc
    return found

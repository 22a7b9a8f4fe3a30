"""The training data as a Hugging Face dataset, in a folder or on the hub. Not a stage.

In: data/decontaminated with the rejected and excluded of all steps, dvc.lock. Out: a folder with parquet files, a card
(README.md), lineage.json and export.json, which `datasets.load_dataset` reads; it appears whole or not at all. With
--push the same on the hub, with --model also models/wizardcoder, with its scores in its card.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from wizardcoder.core import bundled_wheels, console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PART, STRICT, Text, load
from wizardcoder.core.records import Example, Rejected, count_lines, read_jsonl
from wizardcoder.lineage.outs import trace_outs
from wizardcoder.lineage.revision import Revision, dirty, head
from wizardcoder.publishing import hub
from wizardcoder.publishing.atomic_folder import MARK, mark_text, replacing_folder
from wizardcoder.publishing.dataset_card import Counts, Origin, dataset_card, lineage_text
from wizardcoder.publishing.parquet import columns_of, write_shards
from wizardcoder.training.model_package import card as model_card
from wizardcoder.training.model_package import licences
from wizardcoder.training.settings import Source, TrainParams

DATA = Path("data/decontaminated")
BASE = Path("models/base")
MODEL = Path("models/wizardcoder")
RESULTS = Path("data/results")
TRAINED = Path("metrics/train.json")
SCORES = Path("metrics/evaluate.json")
# where attempts were dropped, by step
DROPPED = {
    "seed": Path("data/rounds/r0/rejected.jsonl"),
    **{f"evolve_r{n}": Path(f"data/rounds/r{n}/rejected.jsonl") for n in range(1, 5)},
    "screen": Path("data/screened/dropped.jsonl"),
    "merge": Path("data/merged/removed.jsonl"),
}
REJECTED = {"step": "string", "id": "string", "round": "int64", "heuristic": "string", "reason": "string"}
EXCLUDED = {
    "id": "string",
    "benchmark": "string",
    "task_id": "string",
    "similarity": "float64",
    "overlap": "float64",
    "judge": "string",
}


@dataclass(frozen=True, slots=True, config=PART)
class DevOnly:
    """Of the `evaluate` section."""

    dev: Text


@dataclass(frozen=True, slots=True, config=STRICT)
class ModelParams:
    """What the model's card tells of params.yaml."""

    base: Source
    train: TrainParams
    evaluate: DevOnly


def main() -> None:
    """Write the dataset; publish it where that is asked."""
    options = _parser().parse_args()
    if options.model and not options.push:
        raise StageError("--model: needs --push OWNER/NAME, where it is published")
    if options.push:
        hub.need_token()
    for path in (MODEL, BASE) if options.model else ():
        if not path.is_dir():
            raise StageError(f"--model: {path}: not there; `dvc pull {path}` or `dvc repro` gets it")
    revision = Revision()
    source, licence = _licence(revision, options.license)
    origin = _origin(revision, [DATA], source, licence)
    of_model = _origin(revision, _outs_of_model(revision), source, licence) if options.model else None
    for each in filter(None, (origin, of_model)) if options.push else ():
        if each.dirty or each.stale or each.commit is None:
            raise StageError(f"--push: {_unsettled(each)}; `dvc repro` and commit first, so that it can be traced")
    with console.closing_line("export") as close:
        with replacing_folder(options.out) as folder:
            counts = write(folder, origin)
        close(
            examples=counts.rows, rejected=counts.rejected.total(), excluded=len(set().union(*counts.excluded.values()))
        )
    console.say(f"{options.out}: datasets.load_dataset({str(options.out)!r}) reads it")
    if origin.dirty or origin.stale:
        console.say(f"its card says so: {_unsettled(origin)}")
    if options.push:
        _push(options.out, options.push, origin, of_model)


def write(folder: Path, origin: Origin) -> Counts:
    """Fill a folder with the dataset.

    Raises:
        StageError: the data is missing or not as the stages write it.
    """
    counts = Counts()
    total = count_lines(DATA / "examples.jsonl")

    def examples() -> Iterator[dict[str, Any]]:
        with console.track("export", total) as bar:
            for example in read_jsonl(DATA / "examples.jsonl", Example):
                row = {name: getattr(example, name) for name in Example.__slots__}
                counts.add(row)
                bar.advance()
                yield row

    write_shards(folder / "data", "train", examples(), total, columns_of(Example))
    dropped = {step: path for step, path in DROPPED.items() if path.is_file()}
    rejected = (
        {"step": step, **{name: getattr(r, name) for name in REJECTED if name != "step"}}
        for step, path in dropped.items()
        for r in read_jsonl(path, Rejected)
    )
    number = sum(map(count_lines, dropped.values()))
    write_shards(folder / "rejected", "train", _counted(rejected, counts), number, REJECTED)
    excluded = (_excluded(row, counts) for row in _rows(DATA / "excluded.jsonl"))
    write_shards(folder / "excluded", "train", excluded, count_lines(DATA / "excluded.jsonl"), EXCLUDED)
    (folder / "lineage.json").write_text(_lineage_json(origin), encoding="utf-8")
    (folder / "README.md").write_text(dataset_card(counts, origin), encoding="utf-8")
    return counts


def _counted(rows: Iterator[dict[str, Any]], counts: Counts) -> Iterator[dict[str, Any]]:
    for row in rows:
        counts.rejected[row["step"], row["reason"]] += 1
        yield row


def _excluded(row: dict[str, Any], counts: Counts) -> dict[str, Any]:
    """Leave out the texts: they are the test samples, or close to them."""
    counts.excluded.setdefault(row["benchmark"], set()).add(row["id"])
    return {name: row.get(name) for name in EXCLUDED}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _licence(revision: Revision, given: str | None) -> tuple[str, str]:
    """Give the source of the seeds and its licence: the one given, else the one that the source declares."""
    step = revision.steps.get("seed")
    if step is None:
        raise StageError("export: dvc.lock has no stage seed yet; `dvc repro` runs it")
    source = str(step.params["seed"]["source"])
    licence = given or licences.of_seeds(Path(source))
    if licence is None:
        raise StageError(
            f"export: the licence of the seeds, {source}, is not known: --license ID (such as cc-by-nc-4.0), "
            f"or a file {source}.license with `SPDX-License-Identifier: ID`"
        )
    return source, licence


def _origin(revision: Revision, outs: list[Path], source: str, licence: str) -> Origin:
    lock_md5 = hashlib.md5(revision.lock_text.encode(), usedforsecurity=False).hexdigest()
    return Origin(source, licence, head(), dirty(), lock_md5, trace_outs([*map(str, outs)], revision, ask_remote=False))


def _outs_of_model(revision: Revision) -> list[Path]:
    """Give what the model's card tells of: the model, and its results where it was evaluated."""
    return [MODEL, RESULTS] if "evaluate" in revision.steps else [MODEL]


def _unsettled(origin: Origin) -> str:
    if origin.commit is None:
        return "this is no git repository"
    told = [f"{', '.join(origin.dirty)} not committed"] if origin.dirty else []
    return "; ".join(told + ([f"stale steps: {', '.join(origin.stale)}"] if origin.stale else []))


def _push(out: Path, repo: str, origin: Origin, of_model: Origin | None) -> None:
    commit = origin.commit.id if origin.commit else ""
    files = {path.relative_to(out).as_posix(): path for path in sorted(out.rglob("*")) if path.is_file()}
    console.say(hub.publish(repo, "dataset", files, f"Data of {commit}"))
    if of_model is not None:
        weights: dict[str, Path | bytes] = {
            path.relative_to(MODEL).as_posix(): path for path in sorted(MODEL.rglob("*")) if path.is_file()
        }
        weights["README.md"] = _model_card(of_model, repo).encode()
        weights["lineage.json"] = _lineage_json(of_model).encode()
        console.say(hub.publish(repo, "model", weights | {MARK: mark_text(weights)}, f"Model of {commit}"))


def _model_card(origin: Origin, repo: str) -> str:
    """Give the card that the training wrote, with the scores, the data set and the lineage in it."""
    params = load(ModelParams)
    evaluated = any(link.name == "evaluate" for link in origin.lineage.links)
    data = DATA / "examples.jsonl"
    return model_card.card(
        model_card.Origin(
            base=model_card.base_name(params.base.source),
            base_licence=licences.of_base(BASE),
            seeds=origin.source,
            seeds_licence=origin.licence,
            data=data,
            data_sha256=bundled_wheels.sha256_of(data),
        ),
        params.train,
        read_jsonl(data, Example),
        _metrics(TRAINED),
        model_card.Published(
            scores=_metrics(SCORES) if evaluated else {},
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


def _lineage_json(origin: Origin) -> str:
    return json.dumps(dataclasses.asdict(origin), ensure_ascii=False, indent=2) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m wizardcoder.cli.export", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, default=Path("data/export"), help="the folder to write (data/export)")
    parser.add_argument(
        "--license", metavar="ID", help="of the seeds, as the hub names it; else what their file declares"
    )
    parser.add_argument("--push", metavar="OWNER/NAME", help="publish the dataset on the Hugging Face hub")
    parser.add_argument("--model", action="store_true", help=f"with --push: publish {MODEL} too, under the same name")
    return parser


if __name__ == "__main__":
    console.entry(main)

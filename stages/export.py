"""The training data as a Hugging Face dataset, in a folder or on the hub. Not a stage.

In: data/decontaminated with the rejected and excluded of all steps, dvc.lock. Out: a folder with parquet files, a card
(README.md), lineage.json and export.json, which `datasets.load_dataset` reads; it appears whole or not at all. With
--push the same on the hub, with --model also models/wizardcoder.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.lib import console, hub
from stages.lib.console import StageError
from stages.lib.dataset_card import Counts, Origin, dataset_card, licence_of, model_card
from stages.lib.lineage import trace_outs
from stages.lib.own_folder import MARK, mark_text, replacing_folder
from stages.lib.records import Example, Rejected, count_lines, read_jsonl
from stages.lib.revision import Revision, dirty, head
from stages.lib.shards import columns_of, write_shards

DATA = Path("data/decontaminated")
MODEL = Path("models/wizardcoder")
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


def main() -> None:
    """Write the dataset; publish it where that is asked."""
    options = _parser().parse_args()
    if options.model and not options.push:
        raise StageError("--model: needs --push OWNER/NAME, where it is published")
    if options.push:
        hub.need_token()
    if options.model and not MODEL.is_dir():
        raise StageError(f"--model: {MODEL}: not there; `dvc pull {MODEL}` or `dvc repro` gets it")
    revision = Revision()
    source, licence = _licence(revision, options.license)
    origin = _origin(revision, str(DATA), source, licence)
    if options.push and (origin.dirty or origin.stale or origin.commit is None):
        raise StageError(f"--push: {_unsettled(origin)}; `dvc repro` and commit first, so that it can be traced")
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
        _push(options.out, options.push, revision, origin, options.model)


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
    lineage = dataclasses.asdict(origin)
    (folder / "lineage.json").write_text(json.dumps(lineage, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
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
    licence = given or licence_of(Path(source))
    if licence is None:
        raise StageError(
            f"export: the licence of the seeds, {source}, is not known: --license ID (such as cc-by-nc-4.0), "
            f"or a file {source}.license with `SPDX-License-Identifier: ID`"
        )
    return source, licence


def _origin(revision: Revision, out: str, source: str, licence: str) -> Origin:
    lock_md5 = hashlib.md5(revision.lock_text.encode(), usedforsecurity=False).hexdigest()
    return Origin(source, licence, head(), dirty(), lock_md5, trace_outs([out], revision, ask_remote=False))


def _unsettled(origin: Origin) -> str:
    if origin.commit is None:
        return "this is no git repository"
    told = [f"{', '.join(origin.dirty)} not committed"] if origin.dirty else []
    return "; ".join(told + ([f"stale steps: {', '.join(origin.stale)}"] if origin.stale else []))


def _push(out: Path, repo: str, revision: Revision, origin: Origin, model: bool) -> None:
    commit = origin.commit.id if origin.commit else ""
    files = {path.relative_to(out).as_posix(): path for path in sorted(out.rglob("*")) if path.is_file()}
    console.say(hub.publish(repo, "dataset", files, f"Data of {commit}"))
    if model:
        base = str(revision.params.get("base", {}).get("source"))
        card = model_card(_origin(revision, str(MODEL), origin.source, origin.licence), base, repo)
        weights: dict[str, Path | bytes] = {
            path.relative_to(MODEL).as_posix(): path for path in sorted(MODEL.rglob("*")) if path.is_file()
        }
        weights["README.md"] = card.encode()
        console.say(hub.publish(repo, "model", weights | {MARK: mark_text(weights)}, f"Model of {commit}"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stages.export", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/export"), help="the folder to write (data/export)")
    parser.add_argument(
        "--license", metavar="ID", help="of the seeds, as the hub names it; else what their file declares"
    )
    parser.add_argument("--push", metavar="OWNER/NAME", help="publish the dataset on the Hugging Face hub")
    parser.add_argument("--model", action="store_true", help=f"with --push: publish {MODEL} too, under the same name")
    return parser


if __name__ == "__main__":
    console.entry(main)

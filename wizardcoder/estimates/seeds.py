"""The seeds that an estimate counts: those of the present params, never what an earlier seed left in data/rounds/r0.

In: the `seed` section. Out: the examples that the stage seed will keep. They are read from the source itself. A hub set
that is not on this machine is not downloaded; its seeds are read from round 0 if dvc.lock records it for this section.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import RunParams
from wizardcoder.core.records import Example, read_records
from wizardcoder.evolution.seed_round import select_seeds
from wizardcoder.evolution.seed_source import SeedParams, read_hub_file, read_source
from wizardcoder.lineage.lock import LOCK_FILE, read_lock


def read_seeds(run: RunParams, seed: SeedParams) -> list[Example]:
    """Return the seeds of these params.

    Raises:
        StageError: the source cannot be read, or is a hub set that is not on this machine.
    """
    source = Path(seed.source)
    if source.suffix != ".yaml" or not source.is_file():
        return select_seeds(read_source(source), seed, run.seed)[0]
    if _is_recorded(run, seed):
        return list(read_records(paths.round_folder(0) / "examples.jsonl", Example))
    name = read_hub_file(source)["id"]
    try:
        rows = read_source(source)
    except StageError as exc:
        raise StageError(
            f"seed.source: {source}: {name} is not on this machine, and an estimate downloads nothing; "
            "run `dvc repro seed` first"
        ) from exc
    return select_seeds(rows, seed, run.seed)[0]


def _is_recorded(run: RunParams, seed: SeedParams) -> bool:
    """Return whether data/rounds/r0 is what dvc.lock records for these params and this source."""
    folder, source = paths.round_folder(0), Path(seed.source)
    if not LOCK_FILE.is_file() or not (folder / "examples.jsonl").is_file():
        return False
    stage = read_lock(LOCK_FILE.read_text(encoding="utf-8")).get("seed")
    if stage is None or stage.params != {"run.seed": run.seed, "seed": asdict(seed)}:
        return False
    md5 = hashlib.md5(source.read_bytes(), usedforsecurity=False).hexdigest()
    size = sum(file.stat().st_size for file in folder.iterdir())
    deps, outs = ({each.path: each for each in files} for files in (stage.deps, stage.outs))
    recorded = str(source) in deps and deps[str(source)].md5 == md5
    return recorded and str(folder) in outs and outs[str(folder)].size == size

"""Stage base: write the base model as an ordinary transformers directory.

In: `base.source`, which is `embedded`, a local directory or a hub id. Out: models/base with weights, tokenizer and,
for a hub id, hub.json with the commit that was downloaded. The folder appears whole or not at all.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pydantic.dataclasses import dataclass

from wizardcoder.base_model.sources import write_base_model
from wizardcoder.core import console, paths
from wizardcoder.core.params import STRICT, BaseParams, load
from wizardcoder.core.stage_cli import run_stage


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The section of params.yaml that this stage reads."""

    base: BaseParams


def main() -> None:
    """Write models/base."""
    params = load(Params)
    out = paths.BASE_MODEL
    out.parent.mkdir(parents=True, exist_ok=True)
    with console.closing_line("base") as close:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix="base.", suffix=".tmp") as folder:
            built = Path(folder) / "base"
            write_base_model(params.base, built)
            shutil.rmtree(out, ignore_errors=True)
            built.rename(out)
        files = [path for path in out.rglob("*") if path.is_file()]
        close(files=len(files), megabytes=sum(path.stat().st_size for path in files) // 1_000_000)


if __name__ == "__main__":
    run_stage(main, __doc__)

"""`wizardcoder check`: what would stop a run, before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wizardcoder.core import console


def check(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Only repair what a killed DVC left behind; `make repro` does this first.")
    ] = False,
) -> None:
    """Check the project before a run: one line per item, exit code 1 if something is wrong."""
    from wizardcoder.core.dvc_locks import repair as repair_locks

    for line in repair_locks(Path(), console.say):
        console.say(f"repaired: {line}")
    if repair:
        return

"""`wizardcoder check`: what would stop a run, before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wizardcoder.core import console


def check(
    *,
    ping: Annotated[bool, typer.Option("--ping", help="Also send one request to each endpoint.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Only repair what a killed DVC left behind, as `make repro` does first.")
    ] = False,
) -> None:
    """Check everything that a run needs, before it starts.

    Examines DVC's state, disk, all of params.yaml, the seeds, API keys, the sandbox and the benchmarks' toolchains.
    Prints one line per item: ok, a note, or an error and its cure. Exit code 1 if there is an error.
    """
    if repair:
        from wizardcoder.core.dvc_locks import repair as repair_locks

        for line in repair_locks(Path(), console.say):
            console.say(f"repaired: {line}")
        return
    from wizardcoder.preflight.checks import run_checks

    errors = 0
    for result in run_checks(ping=ping):
        errors += result.status == "error"
        console.say(f"{result.status:5} {result.item}: {result.found}")
    if errors:
        raise console.StageError(f"{errors} of these items would stop a run")

"""`wizardcoder plan`: what the present edits rerun, and what that costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plan(
    *,
    on: Annotated[
        str | None, typer.Option(metavar="8xH100", help="Plan the training for this hardware instead of this machine.")
    ] = None,
    base: Annotated[
        Path, typer.Option(metavar="DIR", help="The base model's folder; its config.json is enough.")
    ] = Path("models/base"),
    teacher: Annotated[
        bool, typer.Option("--teacher", help="Send one small request per role of the teacher, and show the replies.")
    ] = False,
) -> None:
    """Show what `dvc repro` would run for the present edits.

    Prints the affected stages with reasons and their last times, the cost of the answers that the store lacks, and
    memory, steps and hours of the training. Runs and sends nothing. Works in a fresh clone.

    With --teacher it asks the teacher instead: one small request per role, with the role's real parameters. A wrong
    setting then costs one request.
    """
    if teacher:
        from wizardcoder.preflight.teacher_probe import show_probe

        show_probe()
        return
    from wizardcoder.preflight.run_plan import show_run_plan

    show_run_plan(on, base)

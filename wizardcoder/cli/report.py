"""`wizardcoder report`: the run history that the stage report shows."""

from __future__ import annotations

from typing import Annotated

import typer

from wizardcoder.core import console


def report(
    *,
    since: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="REV", help="Also commits after this git revision. Default: as in the last call."
        ),
    ] = None,
) -> None:
    """Collect the scores of earlier runs for the report.

    Writes metrics/experiments.json from DVC's experiments and git's history. `dvc repro report` then renders the pages;
    `wizardcoder serve` shows them.
    """
    from wizardcoder.core import paths
    from wizardcoder.core.params import require_project
    from wizardcoder.experiments.run_history import update_history

    require_project()
    with console.closing_line("report") as close:
        close(runs=len(update_history(since).runs))
    console.say(f"{paths.EXPERIMENTS_METRICS}: `dvc repro report` shows these runs; commit both")

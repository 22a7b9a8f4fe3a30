"""`wizardcoder ablate`: experiments of a suite, compared with its baseline."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from wizardcoder.core import console


def _suites(incomplete: str) -> list[str]:
    from wizardcoder.experiments.suites import read_suites

    with suppress(console.StageError):
        return [name for name in read_suites() if name.startswith(incomplete)]
    return []


def ablate(
    suite: Annotated[
        str | None,
        typer.Argument(help="A suite of ablations.yaml. Without it, list the suites.", autocompletion=_suites),
    ] = None,
    *,
    entries: Annotated[bool, typer.Option("--list", help="Only list its experiments and their commits.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would run and what it may cost.")] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Only put the experiments into DVC's queue.")] = False,
    pay: Annotated[bool, typer.Option("--pay", help="Run also where a teacher with a price may be asked.")] = False,
) -> None:
    """Run the experiments of a suite and compare them with its baseline.

    Starts from a clean commit, runs what is not finished there, prints paired differences with intervals and corrected
    p-values, and writes experiments/SUITE.json. After an interruption the same command continues.
    """
    from wizardcoder.experiments.ablation import entries_table, run_suite, suites_table
    from wizardcoder.experiments.suites import read_suites

    if sum((entries, dry_run, queue)) > 1:
        raise typer.BadParameter("accepted: one of --list, --dry-run and --queue")
    if suite is None:
        console.show(suites_table(read_suites()))
    elif entries:
        console.show(entries_table(suite))
    else:
        run_suite(suite, dry_run=dry_run, queue_only=queue, pay=pay)

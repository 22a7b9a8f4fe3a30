"""`wizardcoder evol-stop`: the round at which evolution should stop."""

from __future__ import annotations

from typing import Annotated

import typer


def evol_stop(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would run and what it may cost.")] = False,
    pay: Annotated[bool, typer.Option("--pay", help="Run also where a teacher with a price may be asked.")] = False,
) -> None:
    """Train after each round and stop when the development benchmark drops.

    Starts from a clean commit and writes the best rounds into merge.rounds of params.yaml. The section evol_stop has
    the stopping rule. After an interruption the same command continues.
    """
    from wizardcoder.experiments.evol_stop import find_best_round

    find_best_round(dry_run=dry_run, pay=pay)

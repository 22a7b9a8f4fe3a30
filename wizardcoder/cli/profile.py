"""`wizardcoder profile`: write a full-scale profile into params.yaml."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import Annotated

import typer

from wizardcoder.core import console


def _names(incomplete: str) -> list[str]:
    from wizardcoder.core.profiles import profile_names

    with suppress(console.StageError):
        return [name for name in profile_names() if name.startswith(incomplete)]
    return []


def profile(
    name: Annotated[str | None, typer.Argument(help="Without it, list the profiles.", autocompletion=_names)] = None,
    *,
    args: Annotated[bool, typer.Option("--args", help="Print `-S` pairs for `dvc exp run` instead.")] = False,
) -> None:
    """Write a full-scale profile into params.yaml.

    Sets every key that any profile sets and keeps your other edits. `default` restores the values that this project
    comes with.
    """
    from wizardcoder.core.profiles import apply_profile, profile_names, profile_overrides

    if name is None:
        typer.echo("\n".join(profile_names()))
    elif args:
        typer.echo(" ".join(f"-S {shlex.quote(pair)}" for pair in profile_overrides(name)))
    else:
        apply_profile(name)
        console.say(f"params.yaml now has the values of profile {name}")

"""`wizardcoder trace`: where a sample, a file or a model comes from."""

from __future__ import annotations

from typing import Annotated

import typer


def trace(
    name: Annotated[
        str, typer.Argument(help="A sample's id, a task_id, an output such as models/wizardcoder, a stage.")
    ],
    *,
    rev: Annotated[
        str | None, typer.Option(metavar="REV", help="A git revision to read instead of the workspace.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a tree.")] = False,
) -> None:
    """Show where a training sample, a file or a model comes from.

    Prints the ancestry as a tree: for a sample every request, answer and decision of every step; for an output the
    stages, data, parameters and code that produced it, and what has changed since.
    """
    from wizardcoder.lineage.trace import print_trace

    print_trace(name, rev, as_json=json)

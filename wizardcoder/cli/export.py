"""`wizardcoder export`: the training data as a Hugging Face data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write.")] = Path("data/export"),
    licence: Annotated[
        str | None,
        typer.Option(
            "--license", metavar="ID", help="The seeds' licence, as the hub names it. Default: from their file."
        ),
    ] = None,
    push: Annotated[str | None, typer.Option(metavar="OWNER/NAME", help="Publish it on the Hugging Face hub.")] = None,
    model: Annotated[
        bool, typer.Option("--model", help="With --push: publish models/wizardcoder under the same name, too.")
    ] = False,
) -> None:
    """Export the training data as a Hugging Face data set with card and lineage.

    Writes the training pairs as parquet, a card and lineage.json. Rejected and excluded records are listed as ids,
    reasons and numbers only. --push needs `hf auth login` or HF_TOKEN, and a committed state without stale steps.
    """
    from wizardcoder.publishing import export as publishing

    publishing.export_dataset(out, licence=licence, push=push, with_model=model)

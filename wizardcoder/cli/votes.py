"""`wizardcoder votes`: what human raters preferred."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def votes(
    files: Annotated[list[Path], typer.Argument(metavar="VOTES.jsonl...", help="Files that the compare page saved.")],
    page: Annotated[Path, typer.Option(metavar="FILE", help="The page on which the votes were cast.")] = Path(
        "report/compare.html"
    ),
) -> None:
    """Count the votes of human raters.

    Prints wins, ties, the win rate with its interval, a sign test, and the raters' agreement (Krippendorff's alpha).
    """
    from wizardcoder.report.votes.tally import show_votes

    show_votes(files, page)

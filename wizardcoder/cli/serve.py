"""`wizardcoder serve`: the report in a browser, and votes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    *,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="On 127.0.0.1; 0: any free port.")] = 8000,
    votes: Annotated[Path, typer.Option(metavar="DIR", help="The folder for NAME.jsonl.")] = Path("votes"),
) -> None:
    """Show the report on this machine and collect votes.

    Serves report/index.html and report/compare.html, on which people compare two models blind. Every vote is appended
    to votes/NAME.jsonl; commit that folder.
    """
    from wizardcoder.report.votes.server import serve_pages

    serve_pages(votes, port)

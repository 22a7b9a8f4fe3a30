"""`wizardcoder compare`: two result files, problem by problem."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    a: Annotated[Path, typer.Argument(help="A result file of `wizardcoder score` or of data/results.")],
    b: Annotated[Path, typer.Argument(help="Results of the same problems.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON to standard output instead of a table.")] = False,
) -> None:
    """Compare two result files with significance.

    Prints both scores, the difference B - A with its 95 % interval and p-value (McNemar for one sample per problem,
    bootstrap otherwise), and the problems that B gained and lost.
    """
    from wizardcoder.evaluation.compare_files import compare_files, print_comparison_json, show_comparison

    found = compare_files(a, b)
    if json:
        print_comparison_json(found)
    else:
        show_comparison(found)

"""`wizardcoder compare`: two result files, problem by problem."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wizardcoder.core import console


def compare(
    a: Annotated[Path, typer.Argument(help="A result file of `wizardcoder score` or of data/results.")],
    b: Annotated[Path, typer.Argument(help="Results of the same problems.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON to standard output instead of a table.")] = False,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page on which people compare both blind.")
    ] = None,
    benchmark: Annotated[str | None, typer.Option(metavar="NAME", help="For --page: the problems' benchmark.")] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="For --page: its file or hub id. Default: benchmarks.NAME in params.yaml."),
    ] = None,
) -> None:
    """Compare two result files with significance.

    Prints both scores, the difference B - A with its 95 % interval and p-value (McNemar for one sample per problem, a
    permutation test otherwise), and the problems that B gained and lost.
    """
    from wizardcoder.evaluation.compare_files import compare_files, print_comparison_json, show_comparison

    if page is not None and benchmark is None:
        raise typer.BadParameter("--page needs --benchmark")
    found = compare_files(a, b)
    if json:
        print_comparison_json(found)
    else:
        show_comparison(found)
    if page is not None and benchmark is not None:
        _write_page(a, b, benchmark, source, page)


def _write_page(a: Path, b: Path, benchmark: str, source: str | None, page: Path) -> None:
    from wizardcoder.evaluation.score_file import read_score_params
    from wizardcoder.report.build import write_comparison_page

    written = write_comparison_page(a, b, benchmark, source or read_score_params().benchmarks.get(benchmark), page)
    console.say(f"{page}: {len(written.items)} problems to compare, {written.equal} with equal answers left out")

"""`wizardcoder store`: size, check and pruning of the answer store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.money import format_cost

if TYPE_CHECKING:
    from wizardcoder.core.store import AnswerStore

app = typer.Typer(
    help="The answer store: every answer that a teacher or endpoint was paid for.",
    epilog="Example: wizardcoder store size",
    no_args_is_help=True,
)
CacheDir = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The store's folder. Default: $WC_CACHE_DIR, else .cache.")
]


@app.command(epilog="Example: wizardcoder store size")
def size(cache_dir: CacheDir = None) -> None:
    """Print the number of answers, refused requests, bytes and money spent, then answers by endpoint and model."""
    with _open(cache_dir) as (path, store):
        total = store.size()
        refused = f"{total.refusals} refused requests, " if total.refusals else ""
        typer.echo(
            f"{path}: {total.answers} answers, {refused}{total.bytes / 1e6:.1f} MB, {format_cost(total.spent)} spent"
        )
        for endpoint, model, answers in store.by_model():
            typer.echo(f"{answers:>10}  {model}  {endpoint}")


@app.command(epilog="Example: wizardcoder store verify")
def verify(cache_dir: CacheDir = None) -> None:
    """Check the file and every row."""
    with _open(cache_dir) as (path, store):
        damaged = store.damaged()
        for line in damaged:
            typer.echo(line)
        if damaged:
            raise StageError(f"{path}: {len(damaged)} damaged")
        typer.echo(f"{path}: {store.size().answers} answers, none damaged")


@app.command(epilog="Example: wizardcoder store prune --older-than-days 90")
def prune(
    cache_dir: CacheDir = None,
    older_than_days: Annotated[
        float | None, typer.Option(metavar="DAYS", min=0, help="Answers older than this.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="Answers of this endpoint, as `size` prints it.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Answers of this model, as `size` prints it.")
    ] = None,
    refused: Annotated[
        bool, typer.Option("--refused", help="Refused requests instead of answers, so that they are sent again.")
    ] = False,
) -> None:
    """Delete the answers that match every given condition; what was spent on them stays counted."""
    if older_than_days is None and endpoint is None and model is None and not refused:
        raise StageError("prune: no condition; accepted: --older-than-days, --endpoint, --model or --refused")
    with _open(cache_dir) as (path, store):
        if refused:
            typer.echo(f"{path}: {store.prune_refusals(older_than_days, endpoint, model)} refused requests deleted")
            return
        typer.echo(f"{path}: {store.prune(older_than_days, endpoint, model)} answers deleted")


@contextmanager
def _open(folder: Path | None) -> Iterator[tuple[Path, AnswerStore]]:
    from wizardcoder.core.store import FILE_NAME, AnswerStore

    path = (folder or cache_dir()) / FILE_NAME
    if not path.is_file():
        raise StageError(f"{path}: no answer store; --cache-dir or WC_CACHE_DIR sets another folder")
    with AnswerStore(path) as store:
        yield path, store

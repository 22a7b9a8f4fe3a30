"""`wizardcoder estimate`: requests, tokens and money before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from wizardcoder.core.console import StageError


def estimate(
    *,
    seeds: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Count all records of this file instead of seed.source.")
    ] = None,
    price: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="IN OUT", help="Price per million tokens instead of runtime.teacher.price."),
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A model's tokenizer.json, used until real counts are known.")
    ] = None,
    cache_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The answer store's folder. Default: $WC_CACHE_DIR, else .cache.")
    ] = None,
    params: Annotated[Path, typer.Option(metavar="FILE", help="Another file of parameters.")] = Path("params.yaml"),
) -> None:
    """Estimate what the teacher will be asked and what it costs.

    Reads the seeds that params.yaml names now. Sends nothing and needs no key. Answers in the store cost nothing and
    are subtracted. `cost` assumes one attempt per request, `at most` assumes all retries.
    """
    from wizardcoder.cli.options import read_price
    from wizardcoder.estimates.estimate import estimate_costs
    from wizardcoder.estimates.table import print_estimate

    if cache_dir is not None:
        os.environ["WC_CACHE_DIR"] = str(cache_dir)
    if seeds is not None and not seeds.is_file():
        raise StageError(f"--seeds: {seeds}: no such file")
    print_estimate(estimate_costs(params, tokenizer, seeds=seeds, price=read_price(price)))

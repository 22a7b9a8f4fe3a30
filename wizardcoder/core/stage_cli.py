"""Command line of a stage that takes no arguments: `--help` prints what it does, anything else is refused."""

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
    argparse.ArgumentParser(
        prog=f"python -m stages.{Path(sys.argv[0]).stem}",
        description=description,
        epilog="Parameters are read from params.yaml. `dvc repro` runs all stages.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()

"""Command line of the export: parses arguments and calls wizardcoder/publishing/export.py."""

from __future__ import annotations

import argparse
from pathlib import Path

from wizardcoder.core import console, paths
from wizardcoder.publishing.export import export


def main() -> None:
    """Write the dataset; publish it where that is asked."""
    options = _parser().parse_args()
    export(options.out, licence=options.license, push=options.push, with_model=options.model)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m wizardcoder.cli.export", description="Export the training data as a Hugging Face dataset."
    )
    parser.add_argument("--out", type=Path, default=paths.EXPORT, help="the folder to write (data/export)")
    parser.add_argument(
        "--license", metavar="ID", help="of the seeds, as the hub names it; else the one that their file declares"
    )
    parser.add_argument("--push", metavar="OWNER/NAME", help="publish the dataset on the Hugging Face hub")
    parser.add_argument(
        "--model", action="store_true", help=f"with --push: publish {paths.TUNED_MODEL} too, under the same name"
    )
    return parser


if __name__ == "__main__":
    console.entry(main)

"""Command line of Evol Stop: parses arguments and calls wizardcoder/experiments/evol_stop.py."""

from __future__ import annotations

import argparse

from wizardcoder.core import console
from wizardcoder.experiments.evol_stop import find_best_round


def main() -> None:
    """Find the round to stop at."""
    options = _parser().parse_args()
    find_best_round(dry_run=options.dry_run, pay=options.pay)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m wizardcoder.cli.evol_stop", description="Find the round to stop at."
    )
    parser.add_argument("--dry-run", action="store_true", help="only print what would run and what it may cost")
    parser.add_argument("--pay", action="store_true", help="run also where a teacher with a price may be asked")
    return parser


if __name__ == "__main__":
    console.entry(main)

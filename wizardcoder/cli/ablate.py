"""Command line of experiment suites: parses arguments and calls wizardcoder/experiments/ablation.py."""

from __future__ import annotations

import argparse

from wizardcoder.core import console
from wizardcoder.experiments.ablation import entries_table, run_suite, suites_table
from wizardcoder.experiments.suites import FILE, read_suites


def main() -> None:
    """List suites, or run one and compare."""
    options = _parser().parse_args()
    if options.suite is None:
        console.show(suites_table(read_suites()))
    elif options.list:
        console.show(entries_table(options.suite))
    else:
        run_suite(options.suite, dry_run=options.dry_run, queue_only=options.queue, pay=options.pay)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m wizardcoder.cli.ablate", description="Run a suite of experiments.")
    parser.add_argument("suite", nargs="?", help=f"a suite of {FILE}; without it, all suites are listed")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="only list its experiments and which are finished at HEAD")
    what.add_argument("--dry-run", action="store_true", help="only print what would run and what it may cost")
    what.add_argument("--queue", action="store_true", help="only put the experiments into DVC's queue")
    parser.add_argument("--pay", action="store_true", help="run also where a teacher with a price may be asked")
    return parser


if __name__ == "__main__":
    console.entry(main)

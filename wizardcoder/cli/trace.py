"""Command line of lineage: parses arguments and calls wizardcoder/lineage/trace.py."""

from __future__ import annotations

import argparse

from wizardcoder.core import console
from wizardcoder.lineage.trace import print_trace


def main() -> None:
    """Trace one thing."""
    options = _parser().parse_args()
    print_trace(options.name, options.rev, as_json=options.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m wizardcoder.cli.trace",
        description="Show where a training sample, a file or a model comes from.",
    )
    parser.add_argument("name", help="a sample's id, a benchmark's task_id, an out such as models/wizardcoder, a stage")
    parser.add_argument("--rev", help="a git revision to read instead of the workspace; nothing is checked out")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a tree")
    return parser


if __name__ == "__main__":
    console.entry(main)

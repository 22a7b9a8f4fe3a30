"""The answer store's commands: size, verify, prune. Not a stage.

In: the store under `--cache-dir`, WC_CACHE_DIR, or the project's .cache. Out: lines on the terminal.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.store import FILE_NAME, AnswerStore


def main() -> None:
    """Run one command on the store."""
    options = _parser().parse_args()
    path = (options.cache_dir or cache_dir()) / FILE_NAME
    if not path.is_file():
        raise StageError(f"{path}: no answer store here; --cache-dir or WC_CACHE_DIR names another folder")
    with AnswerStore(path) as store:
        if options.command == "size":
            size = store.size()
            _print(f"{path}: {size.answers} answers, {size.bytes / 1e6:.1f} MB, {size.spent:.4f} spent")
            for endpoint, model, answers in store.by_model():
                _print(f"{answers:>10}  {model}  {endpoint}")
        elif options.command == "verify":
            damaged = store.damaged()
            for line in damaged:
                _print(line)
            if damaged:
                raise StageError(f"{path}: {len(damaged)} damaged")
            _print(f"{path}: {store.size().answers} answers, none damaged")
        else:
            if options.older_than_days is None and options.endpoint is None and options.model is None:
                raise StageError("prune: name what to delete: --older-than-days, --endpoint or --model")
            _print(f"{path}: {store.prune(options.older_than_days, options.endpoint, options.model)} answers deleted")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m wizardcoder.cli.answers", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--cache-dir", type=Path, help="the folder of the store")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("size", help="answers, bytes and money, by endpoint and model")
    commands.add_parser("verify", help="check the file and every row")
    prune = commands.add_parser("prune", help="delete the answers that meet every condition given")
    prune.add_argument("--older-than-days", type=float)
    prune.add_argument("--endpoint", help="as `size` prints it")
    prune.add_argument("--model", help="as `size` prints it")
    return parser


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    console.entry(main)

"""Command line of the estimate: parses arguments and calls wizardcoder/estimates/estimate.py."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from wizardcoder.core import console
from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.estimates.estimate import estimate_costs
from wizardcoder.estimates.table import print_estimate


def main() -> None:
    """Print what each round and stage will ask and cost."""
    options = _parser().parse_args()
    if options.cache_dir:
        os.environ["WC_CACHE_DIR"] = str(options.cache_dir)
    print_estimate(estimate_costs(options.params, options.tokenizer))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m wizardcoder.cli.estimate",
        description="Estimate what the teacher will be asked and cost; sends nothing.",
    )
    parser.add_argument("--tokenizer", type=Path, help="a model's tokenizer.json, used until counts are known")
    parser.add_argument("--cache-dir", type=Path, help="the folder of the answer store (also: WC_CACHE_DIR)")
    parser.add_argument("--params", type=Path, default=PARAMS_FILE, help="another file instead of params.yaml")
    return parser


if __name__ == "__main__":
    console.entry(main)

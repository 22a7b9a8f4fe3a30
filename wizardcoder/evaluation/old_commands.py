"""Old spellings: `python -m stages.evaluate score|compare|human|generate`, until `wizardcoder` has these commands."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import get_args

from wizardcoder.benchmarks.extraction_rules import Rule
from wizardcoder.core.params import load
from wizardcoder.evaluation.answers import generate
from wizardcoder.evaluation.compare_files import compare_files, show_comparison
from wizardcoder.evaluation.score_file import ScoreRequest, score_file
from wizardcoder.evaluation.settings import Params, check
from wizardcoder.scoring.settings import JudgeMode


def parser() -> argparse.ArgumentParser:
    """Return the parser of the stage with the old commands."""
    parser = argparse.ArgumentParser(prog="python -m stages.evaluate", description="Score models on benchmarks.")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    commands.add_parser("generate").set_defaults(run=_generate)
    scoring = commands.add_parser("score", help="score a file of samples")
    scoring.set_defaults(run=_score)
    scoring.add_argument("--benchmark", required=True)
    scoring.add_argument("--source")
    scoring.add_argument("--samples", type=Path, required=True)
    scoring.add_argument("--out", type=Path, required=True)
    scoring.add_argument("--mode", choices=get_args(JudgeMode), default="strict")
    scoring.add_argument("--extract", choices=get_args(Rule))
    scoring.add_argument("--k", dest="ks", type=_at_least_one, nargs="+", default=[1])
    scoring.add_argument("--timeout-s", type=_positive)
    scoring.add_argument("--memory-mb", type=_at_least_one, default=4096)
    scoring.add_argument("--workers", type=_at_least_one)
    scoring.add_argument("--allow-unsafe", action="store_true")
    comparing = commands.add_parser("compare")
    comparing.set_defaults(run=_compare)
    comparing.add_argument("a", type=Path)
    comparing.add_argument("b", type=Path)
    return parser


def _generate(_: argparse.Namespace) -> None:
    params = load(Params)
    check(params.evaluate, params.decontaminate.benchmarks)
    generate(params)


def _score(options: argparse.Namespace) -> None:
    score_file(ScoreRequest(**{name: value for name, value in vars(options).items() if name != "run"}))


def _compare(options: argparse.Namespace) -> None:
    show_comparison(compare_files(options.a, options.b))


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"found {text}, accepted: seconds above 0")
    return value


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text}, accepted: 1 or more")
    return value

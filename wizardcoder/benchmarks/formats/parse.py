"""One row of a benchmark becomes a problem, each benchmark in the format that its authors publish.

In: a row of a file or of the hub, and its place for errors. Out: a Problem. Rows may hold more fields than are read
here; only the bundled and embedded files must hold exactly these. Does not read files (load.py).
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from wizardcoder.benchmarks.formats import evalplus
from wizardcoder.benchmarks.formats.ds1000 import ds1000_problem
from wizardcoder.benchmarks.formats.human_eval import StrictRow, human_eval_problem
from wizardcoder.benchmarks.formats.mbpp import MBPP_TASKS, mbpp_problem, mbpp_sanitized_problem
from wizardcoder.benchmarks.formats.multipl_e import MULTIPL_E, multipl_e_problem
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.core.validation import describe


def parse_problem(name: str, row: dict[str, Any], place: str, *, strict: bool = False) -> Problem:
    """Turn a row of the benchmark `name` into a problem; `strict` refuses fields that HumanEval does not have.

    Both forms that EvalPlus publishes are read: its release files with inputs, and the hub's with tests as code.

    Raises:
        StageError: a field is missing or not in the benchmark's format.
    """
    try:
        return _parse(name, row, place, strict=strict)
    except ValidationError as exc:
        raise StageError(f"{place}: {describe(exc, StrictRow if strict else None)}") from exc


def _parse(name: str, row: dict[str, Any], place: str, *, strict: bool) -> Problem:
    if name in MULTIPL_E:
        return multipl_e_problem(row, place, name.removeprefix("multiple_"))
    if name in MBPP_TASKS:
        return mbpp_problem(row, place)
    if name == "mbpp_sanitized":
        return mbpp_sanitized_problem(row, place)
    if name == "ds1000":
        return ds1000_problem(row)
    hub_form = evalplus.is_hub_form(row)
    if name == "mbpp_plus":
        return evalplus.mbpp_plus_hub_problem(row, place) if hub_form else evalplus.mbpp_plus_problem(row, place)
    if name == "humaneval_plus" and not hub_form:
        return evalplus.humaneval_plus_problem(row, place)
    return human_eval_problem(row, strict=strict)

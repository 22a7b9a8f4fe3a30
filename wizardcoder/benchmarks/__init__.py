"""Benchmarks: their problems, how they are asked, and how code is extracted from answers.

    >>> from wizardcoder.benchmarks import load_benchmark
    >>> load_benchmark("humaneval", first=2)[1].task_id
    'HumanEval/1'

Covers HumanEval, MBPP, EvalPlus, DS-1000, MultiPL-E and users' own files in HumanEval's format. Does not cover: judging
completions (package scoring), and removing training data that contains the problems (package decontamination).
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.benchmarks.extraction_rules import ExtractionRule as ExtractionRule
    from wizardcoder.benchmarks.extraction_rules import extract_code as extract_code
    from wizardcoder.benchmarks.load import load_benchmark as load_benchmark
    from wizardcoder.benchmarks.problem import Problem as Problem
    from wizardcoder.benchmarks.problem import Sample as Sample
    from wizardcoder.benchmarks.protocol import build_question as build_question
    from wizardcoder.benchmarks.protocol import extract_completion as extract_completion

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "ExtractionRule": "extraction_rules",
        "Problem": "problem",
        "Sample": "problem",
        "build_question": "protocol",
        "extract_code": "extraction_rules",
        "extract_completion": "protocol",
        "load_benchmark": "load",
    },
)

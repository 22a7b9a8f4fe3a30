"""Evaluate models on benchmarks under one protocol, and score or compare files of samples from elsewhere.

Covers the settings and their checks, asking the models, scoring, and flat metrics with intervals and p-values.
Refuses to choose by a test set. Judging itself is in wizardcoder/scoring, votes of people are in
wizardcoder/report/votes.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.evaluation.answers import ask_models as ask_models
    from wizardcoder.evaluation.answers import generate as generate
    from wizardcoder.evaluation.available import load_available as load_available
    from wizardcoder.evaluation.compare_files import FileComparison as FileComparison
    from wizardcoder.evaluation.compare_files import compare_files as compare_files
    from wizardcoder.evaluation.results import ModelResults as ModelResults
    from wizardcoder.evaluation.results import SampleResult as SampleResult
    from wizardcoder.evaluation.results import compare_counts as compare_counts
    from wizardcoder.evaluation.results import flat_metrics as flat_metrics
    from wizardcoder.evaluation.score_answers import score_models as score_models
    from wizardcoder.evaluation.score_file import ScoreRequest as ScoreRequest
    from wizardcoder.evaluation.score_file import score_file as score_file

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "FileComparison": "compare_files",
        "ModelResults": "results",
        "SampleResult": "results",
        "ScoreRequest": "score_file",
        "ask_models": "answers",
        "compare_counts": "results",
        "compare_files": "compare_files",
        "flat_metrics": "results",
        "generate": "answers",
        "load_available": "available",
        "score_file": "score_file",
        "score_models": "score_answers",
    },
)

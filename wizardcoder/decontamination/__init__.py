"""Exclude training samples that contain a benchmark's problems or solve them.

Candidates are found by similarity, by overlap of text and code, and by running their code (`execution`); a rule or the
teacher judges them. Does not read or write the stage's files (stages/decontaminate.py).
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem as BenchmarkProblem
    from wizardcoder.decontamination.benchmark_problems import load_problems as load_problems
    from wizardcoder.decontamination.exclusion import Excluded as Excluded
    from wizardcoder.decontamination.exclusion import JudgedPairs as JudgedPairs
    from wizardcoder.decontamination.exclusion import find_matches as find_matches
    from wizardcoder.decontamination.settings import DecontaminateParams as DecontaminateParams

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "BenchmarkProblem": "benchmark_problems",
        "load_problems": "benchmark_problems",
        "Excluded": "exclusion",
        "JudgedPairs": "exclusion",
        "find_matches": "exclusion",
        "DecontaminateParams": "settings",
    },
)

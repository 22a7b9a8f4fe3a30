"""Run experiments from a clean commit, compare them, and plan what the present edits will rerun.

Covers suites of ablations.yaml, Evol Stop, the plan of reruns, the history of scores. Does not train or score: DVC runs
the stages. Does not draw the report's pages.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.experiments.ablation import run_suite as run_suite
    from wizardcoder.experiments.comparison import ExperimentComparison as ExperimentComparison
    from wizardcoder.experiments.evol_stop import decide as decide
    from wizardcoder.experiments.evol_stop import find_best_round as find_best_round
    from wizardcoder.experiments.experiment import Experiment as Experiment
    from wizardcoder.experiments.rerun_plan import RerunReason as RerunReason
    from wizardcoder.experiments.rerun_plan import StageRerun as StageRerun
    from wizardcoder.experiments.rerun_plan import plan_reruns as plan_reruns
    from wizardcoder.experiments.results import ExperimentResult as ExperimentResult
    from wizardcoder.experiments.results import compare_with_baseline as compare_with_baseline
    from wizardcoder.experiments.results import read_result as read_result
    from wizardcoder.experiments.suites import read_suites as read_suites

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Experiment": "experiment",
        "ExperimentComparison": "comparison",
        "ExperimentResult": "results",
        "RerunReason": "rerun_plan",
        "StageRerun": "rerun_plan",
        "compare_with_baseline": "results",
        "decide": "evol_stop",
        "find_best_round": "evol_stop",
        "plan_reruns": "rerun_plan",
        "read_result": "results",
        "read_suites": "suites",
        "run_suite": "ablation",
    },
)

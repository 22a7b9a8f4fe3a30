"""Statistics of scores: pass@k, confidence intervals, paired tests of two models, agreement between raters.

Pure functions on numbers. Does not read result files or print.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.statistics.intervals import Interval as Interval
    from wizardcoder.statistics.intervals import IntervalEstimate as IntervalEstimate
    from wizardcoder.statistics.intervals import bootstrap_interval as bootstrap_interval
    from wizardcoder.statistics.intervals import newcombe_interval as newcombe_interval
    from wizardcoder.statistics.intervals import wilson_interval as wilson_interval
    from wizardcoder.statistics.krippendorff import compute_krippendorff_alpha as compute_krippendorff_alpha
    from wizardcoder.statistics.paired_tests import PairedDifference as PairedDifference
    from wizardcoder.statistics.paired_tests import compare_means as compare_means
    from wizardcoder.statistics.paired_tests import compare_passes as compare_passes
    from wizardcoder.statistics.paired_tests import correct_holm as correct_holm
    from wizardcoder.statistics.paired_tests import mcnemar_p_value as mcnemar_p_value
    from wizardcoder.statistics.pass_at_k import estimate_pass_at_k as estimate_pass_at_k

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Interval": "intervals",
        "IntervalEstimate": "intervals",
        "bootstrap_interval": "intervals",
        "newcombe_interval": "intervals",
        "wilson_interval": "intervals",
        "compute_krippendorff_alpha": "krippendorff",
        "PairedDifference": "paired_tests",
        "compare_means": "paired_tests",
        "compare_passes": "paired_tests",
        "correct_holm": "paired_tests",
        "mcnemar_p_value": "paired_tests",
        "estimate_pass_at_k": "pass_at_k",
    },
)

"""Find out where a training sample, a file or a model comes from, in the workspace or at a git revision.

Reads dvc.lock, git, DVC's cache and the answer store, and asks the DVC remote what it holds. Does not check out, run or
change anything, and asks no teacher.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.lineage.lock import LockedStage as LockedStage
    from wizardcoder.lineage.lock import read_lock as read_lock
    from wizardcoder.lineage.lock import read_overview as read_overview
    from wizardcoder.lineage.outs import OutLineage as OutLineage
    from wizardcoder.lineage.outs import trace_outs as trace_outs
    from wizardcoder.lineage.problems import ProblemTrace as ProblemTrace
    from wizardcoder.lineage.problems import trace_problem as trace_problem
    from wizardcoder.lineage.revision import Commit as Commit
    from wizardcoder.lineage.revision import Revision as Revision
    from wizardcoder.lineage.samples import SampleTrace as SampleTrace
    from wizardcoder.lineage.samples import trace_sample as trace_sample
    from wizardcoder.lineage.staleness import StaleReason as StaleReason
    from wizardcoder.lineage.staleness import find_stale as find_stale

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Commit": "revision",
        "LockedStage": "lock",
        "OutLineage": "outs",
        "ProblemTrace": "problems",
        "Revision": "revision",
        "SampleTrace": "samples",
        "StaleReason": "staleness",
        "find_stale": "staleness",
        "read_lock": "lock",
        "read_overview": "lock",
        "trace_outs": "outs",
        "trace_problem": "problems",
        "trace_sample": "samples",
    },
)

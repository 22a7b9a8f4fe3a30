"""Find training samples whose code solves a benchmark problem, by running both in the sandbox.

A sample solves a problem if one of its functions returns what the tests expect, and agrees with the reference on
mutated inputs. Does not find wrong code, code in another language than Python, or code without a function.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.decontamination.execution.limits import Agreement as Agreement
    from wizardcoder.decontamination.execution.limits import ExecutionLimits as ExecutionLimits
    from wizardcoder.decontamination.execution.search import ExecutionResult as ExecutionResult
    from wizardcoder.decontamination.execution.search import search_solutions as search_solutions

__getattr__, __all__ = lazy_exports(
    __name__,
    {"Agreement": "limits", "ExecutionLimits": "limits", "ExecutionResult": "search", "search_solutions": "search"},
)

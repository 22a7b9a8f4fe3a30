"""Screen answers: run Python code in the sandbox, check the syntax of other languages, find plainly harmful records.

Does not test whether code does what the instruction asks, and does not guard what a model answers.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.screening.safety import SafetyRules as SafetyRules
    from wizardcoder.screening.verdicts import Verification as Verification
    from wizardcoder.screening.verification import VerifyLimits as VerifyLimits
    from wizardcoder.screening.verification import verify_all as verify_all

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "SafetyRules": "safety",
        "Verification": "verdicts",
        "VerifyLimits": "verification",
        "verify_all": "verification",
    },
)

"""Check a project before a run: parameters, seeds, keys, disk, toolchains, DVC's state, endpoints.

Does not run stages and sends nothing, except one request per endpoint where that is asked for.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.preflight.checks import CheckResult as CheckResult
    from wizardcoder.preflight.checks import run_checks as run_checks
    from wizardcoder.preflight.endpoints import ping_endpoint as ping_endpoint
    from wizardcoder.preflight.params import AllParams as AllParams

__getattr__, __all__ = lazy_exports(
    __name__, {"AllParams": "params", "CheckResult": "checks", "ping_endpoint": "endpoints", "run_checks": "checks"}
)

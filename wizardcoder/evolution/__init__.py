"""Evolve instructions (Code Evol-Instruct): the seed's source, one evolution, a round, and WizardLM's elimination.

`evolve_file` evolves a file without DVC. Does not run the answers' code (screening) and does not join rounds (merging).
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.evolution.elimination import instruction_reject_reason as instruction_reject_reason
    from wizardcoder.evolution.elimination import response_reject_reason as response_reject_reason
    from wizardcoder.evolution.settings import EvolveParams as EvolveParams
    from wizardcoder.evolution.standalone import evolve_file as evolve_file

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "instruction_reject_reason": "elimination",
        "response_reject_reason": "elimination",
        "EvolveParams": "settings",
        "evolve_file": "standalone",
    },
)

"""Judge completions in MultiPL-E's eight languages: programs.py builds the tested program, run.py runs it.

Does not install toolchains (sandbox/toolchains.py names them), and needs user namespaces.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.scoring.multipl_e.run import judge_completion as judge_completion

__getattr__, __all__ = lazy_exports(__name__, {"judge_completion": "run"})

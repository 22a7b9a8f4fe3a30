"""Judge solutions of DS-1000's problems, in an environment with the benchmark's pinned libraries.

runner.py is used from outside. sides.py, wire.py and wire_pandas.py run inside the sandbox, in `.venv-ds1000`, which
has none of this project's dependencies.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.scoring.ds1000.runner import DS1000 as DS1000

__getattr__, __all__ = lazy_exports(__name__, {"DS1000": "runner"})

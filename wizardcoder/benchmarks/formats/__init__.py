"""The formats in which benchmarks are published, one module each; parse.py chooses by the benchmark's name."""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.benchmarks.formats.parse import parse_problem as parse_problem

__getattr__, __all__ = lazy_exports(__name__, {"parse_problem": "parse"})

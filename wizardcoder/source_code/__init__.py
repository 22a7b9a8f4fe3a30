"""Code in Markdown answers: fences, the program, its language, its complexity.

Reads text only. Running code is in sandbox, the rules by which scores extract code in benchmarks.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.source_code.complexity import measure_python as measure_python
    from wizardcoder.source_code.extraction import Code as Code
    from wizardcoder.source_code.extraction import extract_program as extract_program
    from wizardcoder.source_code.fences import FencedBlock as FencedBlock
    from wizardcoder.source_code.fences import parse_fences as parse_fences
    from wizardcoder.source_code.languages import detect_language as detect_language

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "measure_python": "complexity",
        "Code": "extraction",
        "extract_program": "extraction",
        "FencedBlock": "fences",
        "parse_fences": "fences",
        "detect_language": "languages",
    },
)

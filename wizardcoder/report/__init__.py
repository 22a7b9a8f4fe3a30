"""Show a run: the report's pages, blind comparison of two models, and the headline numbers.

Renders from the files that the stages wrote; it computes no score and runs no model. pages/ knows HTML, SVG and packed
data, votes/ the comparison by people. The sections of the report are modules here; score_section.py lists the columns
of the score table.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.report.build import write_comparison_page as write_comparison_page
    from wizardcoder.report.build import write_pages as write_pages
    from wizardcoder.report.summary import summarize as summarize

__getattr__, __all__ = lazy_exports(
    __name__, {"summarize": "summary", "write_comparison_page": "build", "write_pages": "build"}
)

"""Pages in one file that load nothing: templates, SVG drawings, formatted numbers, data packed into the page.

Knows nothing about runs and scores.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.report.pages.page import render as render
    from wizardcoder.report.pages.payload import pack as pack
    from wizardcoder.report.pages.payload import read_payload as read_payload

__getattr__, __all__ = lazy_exports(__name__, {"pack": "payload", "read_payload": "payload", "render": "page"})

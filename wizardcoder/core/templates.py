"""Templates of params.yaml: texts in their `{name}` slots."""

from __future__ import annotations

import re


def fill(template: str, **texts: str) -> str:
    """Put texts into a template's `{name}` slots in one pass; any other brace stays as it is.

    >>> fill("{question} {x}", question="a {question}")
    'a {question} {x}'
    """
    return re.sub(r"\{(\w+)\}", lambda match: texts.get(match[1], match[0]), template)

"""A page in one file: template, style, scripts and data, under a content security policy.

In: a template's name and values, and the data that its scripts read. Out: HTML that loads nothing. The template engine
escapes all texts, data is base64, and only scripts whose hash is in the policy run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wizardcoder.report.pages.numbers import format_number, is_number

TEMPLATES = Path(__file__).resolve().parents[3] / Path("templates")
STYLE = "style.css"
REPORT = ("theme.js", "payload.js", "list.js", "samples.js", "answers.js")
COMPARE = ("theme.js", "payload.js", "compare.js")


def render(
    template: str,
    scripts: Sequence[str],
    values: Mapping[str, object],
    first: Mapping[str, str],
    rest: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Render a page.

    Args:
        template: a file in templates/.
        scripts: files in templates/, in the order in which they run.
        values: the template's variables.
        first: packed data by the name under which the scripts find it; placed before the scripts.
        rest: the same, placed after the scripts: a page is usable before it has been read.
    """
    style = _read(STYLE)
    sources = [_read(name) for name in scripts]
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.tests["amount"] = is_number
    env.filters["amount"] = format_number
    return env.get_template(template).render(
        values,
        style=Markup(style),  # noqa: S704 - our own file, as are the scripts
        scripts=[Markup(source) for source in sources],  # noqa: S704
        policy=policy([style], sources),
        first=first,
        rest=rest,
    )


def policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Return a content security policy that allows these styles and scripts, and requests to the page's own server."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")

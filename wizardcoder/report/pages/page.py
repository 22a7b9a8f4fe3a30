"""One page in one file: template, style, scripts and data together, under a content security policy.

In: a template's name, what it tells, and the data that its scripts read. Out: HTML that loads nothing from anywhere.
Texts are escaped by the template engine; data stands in base64; of scripts only those with the hash in the policy run.
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
    told: Mapping[str, object],
    first: Mapping[str, str],
    rest: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Render a page.

    Args:
        template: a file in templates/.
        scripts: files there, in the order in which they run.
        told: what the template tells.
        first: packed values by the name under which the scripts find them; they stand before the scripts.
        rest: the same, after the scripts: what can be waited for.
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
        told,
        style=Markup(style),  # noqa: S704 - our own file, as are the scripts
        scripts=[Markup(source) for source in sources],  # noqa: S704
        policy=policy([style], sources),
        first=first,
        rest=rest,
    )


def policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Give the content security policy: these styles and scripts, votes to the page's own server, nothing else."""
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

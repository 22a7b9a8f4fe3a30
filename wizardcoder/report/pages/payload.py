"""Data inside a page: compact JSON, gzipped, in base64.

In: any JSON value. Out: text for a `<script>` block, which base64 cannot close since it has no `<`. Equal input gives
equal bytes. A page reads the data with `DecompressionStream` (templates/payload.js).
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

from wizardcoder.core import paths
from wizardcoder.core.console import StageError


def pack(value: object) -> str:
    """Encode a JSON value as base64 of gzip."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))  # ASCII: a model's text can hold lone surrogates
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()


def unpack(text: str) -> Any:  # noqa: ANN401 - any JSON
    """Decode what `pack` encoded."""
    return json.loads(gzip.decompress(base64.b64decode(text)))


def read_payload(page: Path, name: str) -> Any:  # noqa: ANN401 - any JSON
    """Read the value that a page carries under this name.

    Raises:
        StageError: the page cannot be read or carries no such value.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except FileNotFoundError as exc:
        raise StageError(f"{page}: {exc.strerror}{paths.missing_cure(page)}") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise StageError(f"{page}: {getattr(exc, 'strerror', None) or exc}") from exc
    found = re.search(rf'<script type="application/octet-stream" id="{re.escape(name)}">([^<]*)</script>', text)
    try:
        if not found:
            raise StageError(f"{page}: carries no {name!r}; accepted: a page that the stage report wrote")
        return unpack(found[1])
    except (ValueError, EOFError, OSError) as exc:
        raise StageError(f"{page}: {name}: damaged: {exc}") from exc

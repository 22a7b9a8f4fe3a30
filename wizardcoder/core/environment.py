"""Checking that this Python has the packages that the stages import, before the first import fails with a traceback.

Uses the standard library only. Versions are not checked; `make setup` pins them.
"""

from __future__ import annotations

import importlib.util
import sys

REQUIRED = (
    *("aiohttp", "filelock", "matplotlib", "numpy", "openai", "psutil", "pydantic", "radon", "rensa", "rich"),
    *("ruamel", "sklearn", "sqlglot", "torch", "transformers"),
)


def require_packages(names: tuple[str, ...] = REQUIRED) -> None:
    """End the program with one line and exit code 1 if a package is not installed."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(
            f"error: {sys.executable}: not installed: {', '.join(missing)}; run `make setup` and use its environment: "
            "`. .venv/bin/activate`"
        )

"""Public names of a package, each imported when it is first used.

`from wizardcoder.training import fit` must not load torch for those who want another name, and a process inside the
sandbox must not load the host side of its package.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping


def lazy_exports(package: str, exports: Mapping[str, str]) -> tuple[Callable[[str], object], list[str]]:
    """Return a package's `__getattr__` and `__all__`.

    Args:
        package: the package's `__name__`.
        exports: public name -> the module of the package that defines it.
    """

    def load(name: str) -> object:
        if name not in exports:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{exports[name]}"), name)

    return load, sorted(exports)

"""What a sandbox shows its samples: an interpreter, preloaded modules, files, environment variables.

In: which of them. Out: an Environment, and the paths that make it visible. Does not cover: how the other files are
hidden (namespaces.py, landlock.py).
"""

from __future__ import annotations

import sys
import sysconfig
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

# the modules that samples import most; each further module makes every fork slower
_PRELOAD = (
    "bisect",
    "collections",
    "copy",
    "functools",
    "heapq",
    "itertools",
    "math",
    "operator",
    "re",
    "string",
    "typing",
)
_PACKAGE_FOLDERS = ("lib*/python3*/site-packages", "lib*/python3*/dist-packages", "envs", "pkgs")  # the last: conda's


@dataclass(frozen=True, slots=True)
class Environment:
    """What a sandbox shows its samples.

    Attributes:
        interpreter: the Python that samples run in.
        preload: modules that the helper process imports once, for all samples.
        packages: folders on the samples' sys.path beyond the standard library; only `shown` is visible in them.
        shown: paths that samples can read beyond the interpreter's own.
        variables: environment variables of the helper process and its samples beyond the usual ones.
    """

    interpreter: str = sys.executable
    preload: tuple[str, ...] = _PRELOAD
    packages: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


def numpy_environment() -> Environment:
    """Return an environment with this interpreter's numpy, and without the rest of its packages."""
    site = Path(sysconfig.get_path("platlib"))
    return Environment(
        preload=(*_PRELOAD, "numpy"), packages=(str(site),), shown=(str(site / "numpy"), str(site / "numpy.libs"))
    )


def with_module(environment: Environment, name: str) -> Environment:
    """Return an environment in which one more module is preloaded."""
    return replace(environment, preload=(*environment.preload, name))


@cache
def interpreter_paths(prefixes: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the paths that an interpreter with these prefixes needs, and the package folders in them to hide."""
    system = [path for path in ("/usr", "/bin", "/lib", "/lib64") if Path(path).exists()]
    visible = sorted({*prefixes, *system})
    hidden = [
        str(folder)
        for base in {*visible, "/usr/local"}
        for pattern in _PACKAGE_FOLDERS
        for folder in Path(base).glob(pattern)
        if not folder.is_symlink()
    ]
    return [path for path in visible if not any(Path(other) in Path(path).parents for other in visible)], hidden

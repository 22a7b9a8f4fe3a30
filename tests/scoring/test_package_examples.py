"""The examples in the package docstrings work, and the packages import nothing heavy."""

from __future__ import annotations

import doctest
import subprocess
import sys
from importlib import import_module

import pytest

pytestmark = pytest.mark.heavy

PACKAGES = ["wizardcoder.sandbox", "wizardcoder.scoring", "wizardcoder.benchmarks"]
HEAVY = {"torch", "transformers", "pydantic", "numpy", "datasets"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize("package", PACKAGES)
def test_the_example_in_the_docstring_works(package):
    failed, tried = doctest.testmod(import_module(package))
    assert (failed, tried > 0) == (0, True)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_exists(package):
    module = import_module(package)
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_nothing_heavy(package):
    code = f"import sys, {package}; print(sorted(set({HEAVY}) & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "[]\n"

"""The console script."""

from __future__ import annotations

import sys
import tomllib
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest

from wizardcoder.cli import entry

ROOT = Path(__file__).resolve().parents[2]


class Interrupting(MetaPathFinder):
    """Ends the import of the command line as Ctrl-C does."""

    def find_spec(self, fullname, path, target=None):
        if fullname == "wizardcoder.cli.main":
            raise KeyboardInterrupt


def test_ctrl_c_during_the_imports_is_one_line_and_exit_code_130(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "wizardcoder.cli.main", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    with pytest.raises(SystemExit) as caught:
        entry.main()
    assert caught.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_it_is_the_installed_command():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["wizardcoder"] == "wizardcoder.cli.entry:main"

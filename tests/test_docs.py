"""README and docs: every shell command exists, and those that need no network, GPU or minutes are run.

A ```bash block is run in a copy of a finished project, page by page in order, unless a line above it says
`<!-- not run: reason -->`. Each `wizardcoder` command of every block is compared with the command line.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from finished_project import copy_of

from wizardcoder.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>.+?) -->\n)?```bash\n(?P<code>.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
MOST_README_LINES = 250


@dataclass(frozen=True)
class Block:
    """A block of shell commands; `reason` says why it is not run."""

    page: str
    line: int
    code: str
    reason: str | None


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page.name, text.count("\n", 0, match.start()) + 1, match["code"], match["reason"])
        for match in BLOCK.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def commands_of(code: str) -> list[list[str]]:
    """Return the `wizardcoder` commands of a block, each as a list of words."""
    lines = code.replace("\\\n", " ").splitlines()
    parts = [part.strip() for line in lines for part in re.split(r"&&|;", line)]
    return [shlex.split(part, comments=True)[1:] for part in parts if part.startswith("wizardcoder ")]


def option_fault(words: list[str]) -> str | None:
    """Return what is wrong with a command's name or options, None if nothing."""
    command = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name not in command.commands:
            return f"no command {name}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help"}
    unknown = [word for word in rest if word.startswith("--") and word.split("=")[0] not in known]
    return f"no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: f"{b.page}:{b.line}")
def test_each_command_of_the_docs_exists_with_its_options(block):
    assert [(words, fault) for words in commands_of(block.code) if (fault := option_fault(words))] == []


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["score", "--benchmark", "humaneval"], None),
        (["scor"], "no command scor"),
        (["score", "--bench", "x"], "no option --bench"),
        (["store", "size"], None),
        (["store", "burn"], "no command burn"),
    ],
)
def test_a_command_that_does_not_exist_is_found(words, fault):
    assert option_fault(words) == fault


@pytest.mark.heavy
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(page, tmp_path, finished):
    runnable = [block for block in blocks_of(page) if block.reason is None]
    if not runnable:
        pytest.skip("the page has no command to run")
    project = copy_of(finished, tmp_path)
    (project.path / "Makefile").write_text((ROOT / "Makefile").read_text(encoding="utf-8"))
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "wizardcoder").write_text(f'#!/bin/sh\nexec {sys.executable} -m wizardcoder.cli.main "$@"\n')
    (bin_folder / "wizardcoder").chmod(0o755)
    path = f"{bin_folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "OPENAI_API_KEY": "any", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    for block in runnable:
        code = block.code.replace("/tmp/", f"{tmp_path}/")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code],
            cwd=project.path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block.page}:{block.line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_stays_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_README_LINES


def test_contributing_has_a_row_for_every_package():
    packages = {path.parent.name for path in (ROOT / "wizardcoder").glob("*/__init__.py")}
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [name for name in sorted(packages) if f"| `wizardcoder/{name}/` |" not in text] == []


@pytest.mark.parametrize(
    "row",
    re.findall(
        r"^\| `(wizardcoder/\w+/|stages/)` \|.*\| (.+) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
    ),
)
def test_the_files_to_start_reading_at_exist(row):
    folder, files = row
    names = re.findall(r"`([\w/.]+)`", files)
    assert [name for name in names if not (ROOT / folder / name).exists() and not (ROOT / name).exists()] == []

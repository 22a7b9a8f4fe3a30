"""The command `wizardcoder` inside a test's process: errors are raised, nothing exits."""

from __future__ import annotations

import typer

from wizardcoder.cli.main import app


def wizardcoder(*args: object) -> None:
    """Run a command; raises StageError for bad input and ClickException for wrong usage."""
    typer.main.get_command(app)([str(arg) for arg in args], prog_name="wizardcoder", standalone_mode=False)

"""The command `wizardcoder` inside a test's process: errors are raised, nothing exits."""

from __future__ import annotations

from wizardcoder.cli.main import command


def wizardcoder(*args: object) -> None:
    """Run a command; raises StageError for bad input and ClickException for wrong usage."""
    command()([str(arg) for arg in args], prog_name="wizardcoder", standalone_mode=False)

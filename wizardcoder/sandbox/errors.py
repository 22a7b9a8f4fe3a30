"""Errors of the sandbox itself, and the ways in which a sample ends without a result."""

from __future__ import annotations

from wizardcoder.core.console import StageError
from wizardcoder.sandbox.frames import MAX_ERROR_CHARACTERS


class SandboxError(StageError):
    """The sandbox itself failed: this says nothing about the sample."""


class Died(Exception):  # noqa: N818 - an outcome
    """The sample exited before it replied, or sent a malformed reply."""


class TimedOut(Exception):  # noqa: N818 - an outcome
    """The sample's wall time is over."""


class Raised(Exception):  # noqa: N818 - an outcome
    """The sample's code raised an exception, known by `type_name` and `text`."""

    def __init__(self, type_name: str, text: str) -> None:
        super().__init__(f"{type_name}: {text}" if text else type_name)
        self.type_name, self.text = type_name, text


def printable(text: str) -> str:
    """Return a text that a sample sent, shortened, on one line, with all but printable characters escaped."""
    kept = " ".join(text[:MAX_ERROR_CHARACTERS].split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in kept)

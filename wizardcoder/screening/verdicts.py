"""What is found about an answer's code, and how the exit of a Python program becomes a verdict.

In: how a program exited in the sandbox. Out: a verification. Code that fails for want of input, network, files or
packages that it cannot have here is `parsed`, not `raised`: that is no fault of the code. Pure; runs nothing.
"""

from __future__ import annotations

import builtins
import re
import signal
from dataclasses import dataclass

from wizardcoder.core.records import Verdict
from wizardcoder.sandbox.errors import Died, Raised, TimedOut
from wizardcoder.screening import run_script

TOOL_FAILED = "tool_failed"
"""The reason of an `unchecked` that another run may change: a check that timed out or crashed."""
_NEEDS = {run_script.NEEDS_INPUT: "needs_input", run_script.NEEDS_NETWORK: "needs_network"}
# exception, pattern of its message, what the code lacks here; the first that matches
_LACKS: tuple[tuple[str, str, str], ...] = (
    ("ModuleNotFoundError", "", "absent_package"),
    ("ImportError", "relative import", "absent_package"),
    ("EOFError", "", "needs_input"),
    ("SystemExit", r"^2$", "needs_input"),  # argparse, for a command line without arguments
    ("FileNotFoundError", "", "needs_files"),
    ("PermissionError", "", "needs_system"),
    ("OSError", r"\[Errno (30|38)\]", "needs_system"),  # a read-only file system, a missing system call
    ("TclError", "display", "needs_system"),
)
_UNDEFINED = re.compile(r"^name '(\w+)' is not defined")
_BUILT_IN_MISUSED = re.compile(r"'(type|builtin_function_or_method)'")
_BUILT_IN_NAMES = [name for name, value in vars(builtins).items() if callable(value) and name.islower()]


@dataclass(frozen=True, slots=True)
class Verification:
    """A verdict, its reason as one word that metrics count, and a detail for people."""

    verdict: Verdict
    reason: str = ""
    detail: str = ""


def python_verdict(error: Exception | None, status: int, code: str) -> Verification:
    """Return the verdict on a Python program.

    Args:
        error: how the sandbox ended it (TimedOut, Raised or Died); None if it ran to its end.
        status: the exit status of its process.
        code: the program.
    """
    if error is None:
        return Verification("ran")
    if isinstance(error, TimedOut) or status == -signal.SIGXCPU:
        return Verification("timed_out")
    if isinstance(error, Died):
        if status in _NEEDS:
            return Verification("parsed", _NEEDS[status])
        return Verification("raised", "died", f"{error}, with status {status}")
    assert isinstance(error, Raised), "the sandbox raises no other"
    return _exception_verdict(error, code)


def accept_continuation(found: Verification, instruction: str) -> Verification:
    """Accept an answer that fails for want of a name that the instruction's own code defines: it continues that code.

    The same holds for an answer that uses a built-in, such as `list`, as the variable that the instruction defines.
    """
    if found.reason == "NameError" and (undefined := _UNDEFINED.match(found.detail)):
        names = re.escape(undefined[1])
    elif found.reason == "TypeError" and _BUILT_IN_MISUSED.search(found.detail):
        names = "|".join(_BUILT_IN_NAMES)
    else:
        return found
    if re.search(rf"\b({names})\s*[=:]|\b(def|class|import|as)\s+({names})\b", instruction):
        return Verification("parsed", "continues_instruction", found.detail)
    return found


def _exception_verdict(error: Raised, code: str) -> Verification:
    if error.type_name == run_script.NotCompiledError.__name__:
        return Verification("syntax_error", "syntax", error.text)
    for type_name, text, lack in _LACKS:
        if error.type_name == type_name and re.search(text, error.text):
            return Verification("parsed", lack, error.text)
    if error.type_name == "IndexError" and "sys.argv" in code:
        return Verification("parsed", "needs_input", error.text)
    # a program can name its exceptions anything, and metrics count the reason
    built_in = isinstance(getattr(builtins, error.type_name, None), type)
    return Verification("raised", error.type_name if built_in else "own_exception", error.text)

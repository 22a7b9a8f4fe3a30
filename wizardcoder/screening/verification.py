"""Verdicts on answers by running them: Python in the sandbox to its end, other languages by a syntax check.

In: the code of an answer. Out: a verdict. An answer is judged by what happens: code that ends for want of input,
network, files or packages that it cannot have here is `parsed`, not `raised`, since that says nothing against the code.
Does not cover: whether the code does what was asked, and code that hides its failure; nobody gains by passing here, so
what a sample says about itself is believed.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib.metadata
import re
import signal
import sys
import sysconfig
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from wizardcoder.sandbox.host import Died, Raised, Sandboxes, TimedOut, World, numpy_world, printable, with_module
from wizardcoder.sandbox.toolchains import tools_world
from wizardcoder.sandbox.walls import Limits
from wizardcoder.screening import run_script, sql_check, syntax_checks
from wizardcoder.screening.verdicts import TOOL_FAILED, Verification
from wizardcoder.source_code.extraction import Code

_NEEDS = {run_script.NEEDS_INPUT: "needs_input", run_script.NEEDS_NETWORK: "needs_network"}
# exception and text: what the code lacks here; the first that fits
_LACKS: tuple[tuple[str, str, str], ...] = (
    ("ModuleNotFoundError", "", "absent_package"),
    ("ImportError", "relative import", "absent_package"),
    ("EOFError", "", "needs_input"),
    ("SystemExit", r"^2$", "needs_input"),  # argparse, of a command line without arguments
    ("FileNotFoundError", "", "needs_files"),
    ("PermissionError", "", "needs_system"),
    ("OSError", r"\[Errno (30|38)\]", "needs_system"),  # a read-only file system, a call that is not there
    ("TclError", "display", "needs_system"),
)
_UNDEFINED = re.compile(r"^name '(\w+)' is not defined")
_BUILT_IN_MISUSED = re.compile(r"'(type|builtin_function_or_method)'")
_BUILT_IN_NAMES = [name for name, value in vars(builtins).items() if callable(value) and name.islower()]


@dataclass(frozen=True, slots=True)
class Rules:
    """How answers are verified: wall time of a program in seconds, memory in MB."""

    timeout_s: float
    memory_mb: int
    allow_unsafe: bool = False


class Verifier(Sandboxes):
    """Verifies answers one after the other."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules.allow_unsafe)
        self.rules = rules

    def verify(self, code: Code) -> Verification:
        """Run or check code.

        Raises:
            SandboxError: the sandbox failed, or cannot be had on this machine.
        """
        if code.language == "python":
            return self._run(code.text)
        if code.language == "sql":
            return self._parse_sql(code.text)
        if code.language == "json":
            return syntax_checks.check_json(code.text)
        if (reason := syntax_checks.absent(code.language)) is not None:
            return Verification("unchecked", "no_tool", reason)
        sandbox = self._sandbox(code.language, lambda: tools_world(syntax_checks.CHECKS[code.language].tool))
        if "pid" not in sandbox.layers:
            return Verification("unchecked", "no_tool", "a toolchain in the sandbox needs user namespaces")
        return syntax_checks.check(sandbox, code.language, code.text, self.rules.memory_mb)

    def _run(self, text: str) -> Verification:
        sandbox = self._sandbox("numpy", _numpy_scripts) if "numpy" in text else self._sandbox("python", _scripts)
        rules = self.rules
        limits = Limits(int(rules.timeout_s) + 1, rules.memory_mb, processes=32, file_mb=64, scratch_mb=64)
        stopped: Exception | None = None
        with sandbox.sample("run", limits, rules.timeout_s, rules.memory_mb) as sample:
            try:
                sample.load(f"import sys\nsys.modules[{run_script.__name__!r}].run({text!r})\n")
                sample.done()
            except (TimedOut, Raised, Died) as exc:
                stopped = exc
        assert sample.ended is not None, "its block has ended"
        return _verification(stopped, sample.ended.status, text)

    def _parse_sql(self, text: str) -> Verification:
        sandbox = self._sandbox("sql", _sql_world)
        limits = Limits(int(syntax_checks.CHECK_S) + 1, self.rules.memory_mb, processes=32, file_mb=1, scratch_mb=1)
        with sandbox.sample("calls", limits, syntax_checks.CHECK_S, self.rules.memory_mb) as sample:
            try:
                sample.load(f"import sys\nfault = sys.modules[{sql_check.__name__!r}].fault\n")
                sample.ready()
                told = sample.call("fault", [text])
            except (TimedOut, Raised, Died) as exc:
                return Verification("unchecked", TOOL_FAILED, printable(str(exc)))
        if told is None:
            return Verification("parsed", "syntax_only")
        if str(told).startswith(sql_check.UNREAD):
            return Verification("unchecked", "not_alone", printable(str(told)))
        return Verification("syntax_error", "syntax", printable(str(told)))


def identity(code: Code, rules: Rules) -> dict[str, Any] | None:
    """Give what a verdict depends on; None where there is nothing to keep, since nothing is run."""
    if code.language == "python":
        tool = f"{sys.version} {importlib.metadata.version('numpy') if 'numpy' in code.text else ''}"
    elif code.language == "sql":
        tool = importlib.metadata.version("sqlglot")
    elif code.language in syntax_checks.CHECKS and syntax_checks.absent(code.language) is None:
        tool = syntax_checks.version(code.language)
    else:
        return None
    return {
        "what": "verdict",
        "code": hashlib.sha256(code.text.encode(errors="surrogatepass")).hexdigest(),
        "language": code.language,
        "tool": tool,
        "timeout_s": rules.timeout_s,
        "memory_mb": rules.memory_mb,
        "verifier": _source_hash(),
    }


def in_context(found: Verification, instruction: str) -> Verification:
    """Let an answer off that fails for a name which the instruction defines: it goes on from there.

    So does one that takes a built-in name, such as `list`, for the variable that the instruction calls so.
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


def _verification(stopped: Exception | None, status: int, code: str) -> Verification:
    if stopped is None:
        return Verification("ran")
    if isinstance(stopped, TimedOut) or status == -signal.SIGXCPU:
        return Verification("timed_out")
    if isinstance(stopped, Died):
        if status in _NEEDS:
            return Verification("parsed", _NEEDS[status])
        return Verification("raised", "died", f"{stopped}, with status {status}")
    assert isinstance(stopped, Raised), "the sandbox raises no other"
    if stopped.type_name == run_script.NotCompiledError.__name__:
        return Verification("syntax_error", "syntax", stopped.text)
    for type_name, text, lack in _LACKS:
        if stopped.type_name == type_name and re.search(text, stopped.text):
            return Verification("parsed", lack, stopped.text)
    if stopped.type_name == "IndexError" and "sys.argv" in code:
        return Verification("parsed", "needs_input", stopped.text)
    # a program names its own exceptions as it likes, and the reason is counted in metrics
    built_in = isinstance(getattr(builtins, stopped.type_name, None), type)
    reason = stopped.type_name if built_in else "own_exception"
    return Verification("raised", reason, stopped.text)


def _scripts() -> World:
    return with_module(World(), run_script.__name__)


def _numpy_scripts() -> World:
    return with_module(numpy_world(), run_script.__name__)


def _sql_world() -> World:
    site = sysconfig.get_path("purelib")
    return replace(with_module(World(), sql_check.__name__), packages=(site,), shown=(f"{site}/sqlglot",))


@cache
def _source_hash() -> str:
    """Give a hash of the code that decides verdicts: what an older version of it found is not taken over."""
    files = [Path(__file__), *(Path(str(module.__file__)) for module in (run_script, sql_check, syntax_checks))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()

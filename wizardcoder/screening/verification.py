"""Verify answers by running them: Python in the sandbox, other languages by a syntax check of their toolchain.

In: the code of many answers. Out: a verification for each. A SQLite file in the cache folder keeps each verdict under
the code, the limits, the source of this package and the toolchain's version: a second run verifies only new code, and
an interrupted run continues where it stopped. Equal code is run once. Does not cover: whether code does what was asked,
and code that hides its failure; nobody gains by passing here, so the exit of a program is believed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from wizardcoder.core.cache import cache_dir
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.sandbox.environments import Environment, numpy_environment, with_module
from wizardcoder.sandbox.errors import Died, Raised, TimedOut, printable
from wizardcoder.sandbox.host import Sandboxes
from wizardcoder.sandbox.limits import Limits
from wizardcoder.sandbox.pool import run_jobs
from wizardcoder.sandbox.toolchains import environment_of
from wizardcoder.screening import language_checks, run_script, sql_check, syntax_checks, verdicts
from wizardcoder.screening.language_checks import CHECKS
from wizardcoder.screening.verdicts import TOOL_FAILED, Verification, python_verdict
from wizardcoder.source_code.extraction import Code

FILE_NAME = "verdicts.sqlite"


@dataclass(frozen=True, slots=True)
class VerifyLimits:
    """The limits of a program: wall time in seconds, memory in MB, and whether it may run without a full sandbox."""

    timeout_s: float
    memory_mb: int
    allow_unsafe: bool = False


def verify_all(
    codes: Sequence[Code], limits: VerifyLimits, workers: int, advance: Callable[[int], None] = lambda _: None
) -> list[Verification]:
    """Verify codes and return the verifications in their order.

    Args:
        codes: in any order.
        limits: of each program.
        workers: sandboxes that run at once; as many as cores.
        advance: called with the number of codes that are done.

    Raises:
        SandboxError: the sandbox failed or is not available on this machine.
    """
    found: dict[Code, Verification] = {}
    counts = Counter(codes)
    with AnswerStore(cache_dir() / FILE_NAME) as store:
        keys = {code: Key.of(fields) for code in counts if (fields := verdict_key(code, limits)) is not None}
        for code, key in keys.items():
            if (kept := store.get(key)) is not None:
                found[code] = Verification(**kept)
                advance(counts[code])
        missing = [code for code in counts if code not in found]
        with run_jobs(
            missing, lambda: Verifier(limits), lambda verifier, code: verifier.verify(code), workers
        ) as results:
            for code, verification in results:
                found[code] = verification
                if code in keys and verification.reason != TOOL_FAILED:  # this is not about the code
                    store.put(keys[code], {name: getattr(verification, name) for name in verification.__slots__})
                advance(counts[code])
    return [found[code] for code in codes]


def verdict_key(code: Code, limits: VerifyLimits) -> dict[str, Any] | None:
    """Return everything that a verdict depends on; None if nothing is run, so that there is nothing to keep."""
    if code.language == "python":
        tool = f"{sys.version} {importlib.metadata.version('numpy') if 'numpy' in code.text else ''}"
    elif code.language == "sql":
        tool = importlib.metadata.version("sqlglot")
    elif code.language in CHECKS and syntax_checks.missing_tool(code.language) is None:
        tool = syntax_checks.tool_version(code.language)
    else:
        return None
    return {
        "what": "verdict",
        "code": hashlib.sha256(code.text.encode(errors="surrogatepass")).hexdigest(),
        "language": code.language,
        "tool": tool,
        "timeout_s": limits.timeout_s,
        "memory_mb": limits.memory_mb,
        "verifier": _source_hash(),
    }


class Verifier(Sandboxes):
    """Verifies answers one after the other."""

    def __init__(self, limits: VerifyLimits) -> None:
        super().__init__(limits.allow_unsafe)
        self.limits = limits

    def verify(self, code: Code) -> Verification:
        """Run or check code.

        Raises:
            SandboxError: the sandbox failed or is not available on this machine.
        """
        if code.language == "python":
            return self._run_python(code.text)
        if code.language == "sql":
            return self._parse_sql(code.text)
        if code.language == "json":
            return syntax_checks.check_json(code.text)
        if (reason := syntax_checks.missing_tool(code.language)) is not None:
            return Verification("unchecked", "no_tool", reason)
        sandbox = self._sandbox(code.language, lambda: environment_of(CHECKS[code.language].tool))
        if "pid" not in sandbox.layers:
            return Verification("unchecked", "no_tool", "a toolchain in the sandbox needs user namespaces")
        return syntax_checks.check_syntax(sandbox, code.language, code.text, self.limits.memory_mb)

    def _run_python(self, text: str) -> Verification:
        sandbox = (
            self._sandbox("numpy", _numpy_environment)
            if "numpy" in text
            else self._sandbox("python", _python_environment)
        )
        limits = self.limits
        bounds = Limits(limits.timeout_s, limits.memory_mb, limits.memory_mb, processes=32, file_mb=64, scratch_mb=64)
        error: Exception | None = None
        with sandbox.sample("run", bounds) as sample:
            try:
                sample.load(f"import sys\nsys.modules[{run_script.__name__!r}].run({text!r})\n")
                sample.done()
            except (TimedOut, Raised, Died) as exc:
                error = exc
        assert sample.ended is not None, "its block has ended"
        return python_verdict(error, sample.ended.status, text)

    def _parse_sql(self, text: str) -> Verification:
        sandbox = self._sandbox("sql", _sql_environment)
        memory_mb = self.limits.memory_mb
        bounds = Limits(syntax_checks.CHECK_S, memory_mb, memory_mb, processes=32, file_mb=1, scratch_mb=1)
        with sandbox.sample("calls", bounds) as sample:
            try:
                sample.load(f"import sys\nsyntax_error = sys.modules[{sql_check.__name__!r}].syntax_error\n")
                sample.ready()
                error = sample.call("syntax_error", [text])
            except (TimedOut, Raised, Died) as exc:
                return Verification("unchecked", TOOL_FAILED, printable(str(exc)))
        if error is None:
            return Verification("parsed", "syntax_only")
        if str(error).startswith(sql_check.UNREAD):
            return Verification("unchecked", "not_alone", printable(str(error)))
        return Verification("syntax_error", "syntax", printable(str(error)))


def _python_environment() -> Environment:
    return with_module(Environment(), run_script.__name__)


def _numpy_environment() -> Environment:
    return with_module(numpy_environment(), run_script.__name__)


def _sql_environment() -> Environment:
    site = sysconfig.get_path("purelib")
    return replace(with_module(Environment(), sql_check.__name__), packages=(site,), shown=(f"{site}/sqlglot",))


@cache
def _source_hash() -> str:
    """Hash the source that decides verdicts, so that those of an older version are not reused."""
    modules = (language_checks, run_script, sql_check, syntax_checks, verdicts)
    files = [Path(__file__), *(Path(str(module.__file__)) for module in modules)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()

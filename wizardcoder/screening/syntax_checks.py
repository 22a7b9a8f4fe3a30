"""Check the syntax of code in languages other than Python with the language's own toolchain.

In: code, its language, a sandbox. Out: a verification: `parsed`, `syntax_error`, or `unchecked` if the toolchain is
missing or its complaint proves nothing. Code is wrong only if it is wrong as a file and as each kind of fragment.
Compilers without a syntax-only mode stop at the first complaint, for example about a name that a fragment does not
define, which leaves the rest unread: that is `unchecked`. Does not cover: types, names and libraries, and languages
that language_checks.py lacks.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache

from wizardcoder.sandbox.errors import Died, TimedOut, printable
from wizardcoder.sandbox.host import Sandbox
from wizardcoder.sandbox.limits import Limits
from wizardcoder.sandbox.toolchains import Language, missing_tools_of, variables_of
from wizardcoder.screening.language_checks import CHECKS, SyntaxCheck
from wizardcoder.screening.verdicts import TOOL_FAILED, Verification

CHECK_S = 30.0  # wall time of a check; ours: ten times what the slowest, javac, took on two busy cores
_SEPARATOR = "\x1e"
# try each file, stop at the first that the tool accepts; complaints are cut, since some repeat the source
_EACH = """
for file in $FILES; do
    "$@" "$file" >out 2>&1 && exit 0
    head -c 4000 out; printf '\\036'
done
exit 1
"""
_JSX = re.compile(r"(?:return|=>|\()\s*<[A-Za-z>]|</\w*>|/>")


def missing_tool(language: str) -> str | None:
    """Return why a language cannot be checked here, in one line; None if it can."""
    if language == "json":
        return None
    return missing_tools_of(CHECKS[language].tool) if language in CHECKS else "no check for this language"


@cache
def tool_version(language: str) -> str:
    """Return the path of a toolchain and the first line of its version; it must be one of `CHECKS` and installed."""
    command = CHECKS[language].version
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return f"{shutil.which(command[0])} {lines[0] if lines else ''}"


def check_json(code: str) -> Verification:
    """Parse JSON; this needs no sandbox, since parsing JSON runs no code."""
    try:
        json.loads(code)
    except (ValueError, RecursionError) as exc:
        return Verification("syntax_error", "syntax", printable(str(exc)))
    return Verification("parsed", "syntax_only")


def check_syntax(sandbox: Sandbox, language: str, code: str, memory_mb: int) -> Verification:
    """Check code in a sandbox that shows the language's toolchain.

    Args:
        sandbox: with namespaces, since a toolchain is more than one process.
        language: one of `CHECKS`, whose toolchain is installed.
        code: as the model wrote it.
        memory_mb: of the toolchain, in addition to its own share.
    """
    check = CHECKS[language]
    if language == "javascript" and _JSX.search(code):
        return Verification("unchecked", "no_tool", "JSX, which Node.js does not read")
    files = check.files(code)
    environment = {**variables_of(check.tool), "FILES": " ".join(files), "LC_ALL": "C.UTF-8"}
    output = b""
    with sandbox.sample("command", _limits(check.tool, memory_mb)) as sample:
        try:
            output = sample.run(files, [["sh", "-c", _EACH, "sh", *check.command]], environment)
        except (TimedOut, Died) as exc:
            return Verification("unchecked", TOOL_FAILED, printable(str(exc)) or f"took more than {CHECK_S:.0f} s")
    assert sample.ended is not None, "its block has ended"
    complaints = output.decode(errors="replace").split(_SEPARATOR)[:-1]
    return _verification(check, sample.ended.status, complaints)


def _verification(check: SyntaxCheck, status: int, complaints: list[str]) -> Verification:
    if status == 0:
        return Verification("parsed", "syntax_only")
    about_syntax = [check.syntax_complaint.search(complaint) is not None for complaint in complaints]
    detail = printable(complaints[0]) if complaints else f"ended with {status}"
    if check.later_complaint and any(
        check.later_complaint.search(complaint) and not syntax
        for complaint, syntax in zip(complaints, about_syntax, strict=True)
    ):
        return Verification("parsed", "syntax_only")
    if about_syntax and all(about_syntax):
        return Verification("syntax_error", "syntax", detail)
    return Verification("unchecked", "not_alone", detail)


def _limits(tool: Language, memory_mb: int) -> Limits:
    total_mb = memory_mb + tool.toolchain_mb
    return Limits(
        timeout_s=CHECK_S,
        memory_mb=total_mb,
        address_space_mb=None if tool.reserves else total_mb,
        processes=256,  # threads too: the JVM, V8 and rustc start some for each core
        file_mb=64,
        scratch_mb=64,
        open_files=256,
        cpu_s=int(2 * CHECK_S),
    )

"""Runs a model's Python answer as a program: the inner side, within the sandbox.

In: the answer's code. Out: the program's end, its exception, or an exit status that says why it cannot go on alone: it
waits for input, or for the network. These two are told apart for the verdict's sake only; what keeps the program from
the machine is the sandbox. Only the standard library is imported: the sandbox loads this file.
"""

from __future__ import annotations

import builtins
import os
import sys
from types import ModuleType
from typing import NoReturn

NEEDS_INPUT, NEEDS_NETWORK = 71, 72
"""Exit statuses."""
_NETWORK = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")


class NotCompiledError(Exception):
    """The code is no Python of this version."""


def run(code: str) -> None:
    """Run code as `python answer.py` would, its main guard open; return at its end.

    Raises:
        NotCompiledError: it does not compile.
        BaseException: what the program raised; an exit with status 0 is an end like any other.
    """
    try:
        program = compile(code, "answer.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as exc:
        raise NotCompiledError(f"{type(exc).__name__}: {exc}") from None
    vars(builtins).update(exit=sys.exit, quit=sys.exit)  # the sandbox starts without `site`, which brings them
    sys.argv = ["answer.py"]
    sys.stdin = _NoInput()
    sys.addaudithook(_stop_at_the_network)
    module = sys.modules["__main__"] = ModuleType("__main__")
    try:
        exec(program, module.__dict__)  # noqa: S102 - its work, within the sandbox
    except SystemExit as exc:
        if exc.code:
            raise


def _stop_at_the_network(event: str, _arguments: tuple[object, ...]) -> None:
    if event in _NETWORK:
        os._exit(NEEDS_NETWORK)
    if event == "builtins.input":
        os._exit(NEEDS_INPUT)


class _NoInput:
    """A standard input that ends the program when it is read."""

    closed, encoding, errors, newlines = False, "utf-8", "strict", None

    @property
    def buffer(self) -> _NoInput:
        return self

    def _stop(self, *_: object) -> NoReturn:
        os._exit(NEEDS_INPUT)

    read = readline = readlines = read1 = readinto = fileno = __iter__ = __next__ = _stop

    def isatty(self) -> bool:
        return False

    def close(self) -> None:
        pass

"""Run a model's Python answer as a program. Inside the sandbox; imports only the standard library.

In: the answer's code. Out: the exit of the program: its end, its exception, or an exit status that says it waits for
input or needs the network. That status only refines the verdict; the sandbox is what protects the machine.
"""

from __future__ import annotations

import builtins
import os
import sys
from types import ModuleType
from typing import NoReturn

NEEDS_INPUT, NEEDS_NETWORK = 71, 72
"""Exit statuses."""
_NETWORK_EVENTS = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")


class NotCompiledError(Exception):
    """The code is not valid in this version of Python."""


def run(code: str) -> None:
    """Run code as `python answer.py` does, including its main guard; return at its end.

    Raises:
        NotCompiledError: it does not compile.
        BaseException: what the program raised; an exit with status 0 is a normal end.
    """
    try:
        program = compile(code, "answer.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as exc:
        raise NotCompiledError(f"{type(exc).__name__}: {exc}") from None
    vars(builtins).update(exit=sys.exit, quit=sys.exit)  # defined by `site`, which the sandbox does not import
    sys.argv = ["answer.py"]
    sys.stdin = _NoInput()
    sys.addaudithook(_exit_on_need)
    module = sys.modules["__main__"] = ModuleType("__main__")
    try:
        exec(program, module.__dict__)  # noqa: S102 - its purpose, inside the sandbox
    except SystemExit as exc:
        if exc.code:
            raise


def _exit_on_need(event: str, _arguments: tuple[object, ...]) -> None:
    if event in _NETWORK_EVENTS:
        os._exit(NEEDS_NETWORK)
    if event == "builtins.input":
        os._exit(NEEDS_INPUT)


class _NoInput:
    """A standard input that ends the program when it is read."""

    closed, encoding, errors, newlines = False, "utf-8", "strict", None

    @property
    def buffer(self) -> _NoInput:
        return self

    def _exit(self, *_: object) -> NoReturn:
        os._exit(NEEDS_INPUT)

    read = readline = readlines = read1 = readinto = fileno = __iter__ = __next__ = _exit

    def isatty(self) -> bool:
        return False

    def close(self) -> None:
        pass

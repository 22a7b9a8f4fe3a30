"""The two sides of a DS-1000 case in strict mode; each runs in a sandboxed process of its own.

The judge's side has the problem's context: it makes the cases, keeps the expected results, and compares. The sample's
side runs the solution and has nothing else. A case's input is sent to the sample as pickle, because the judge's side
runs trusted code only; the result is decoded by wire.py, never as pickle. runner.py passes the messages between them.
"""

from __future__ import annotations

import io
import pickle
import queue
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wizardcoder.scoring.ds1000 import wire

_MAX_FILE_BYTES = 1 << 20  # of a file that a context writes for its solution to read


class JudgeSide:
    """Runs a context's own `test_execution`, whose calls of `exec` are sent to the sample's side.

    `test_execution` runs in a thread, which waits at each `exec` for the answer of the sample's side.

    Args:
        context: the namespace in which the problem's code_context was run.
    """

    def __init__(self, context: dict[str, Any]) -> None:
        self._context = context
        self._cases: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        context["exec"] = self._exec_elsewhere

    def start(self, solution: str) -> bytes | None:
        """Start judging a solution, of which only the text is used; returns and raises as `resume`."""
        threading.Thread(target=self._test, args=(solution,), daemon=True).start()
        return self._next()

    def resume(self, result: bytes) -> bytes | None:
        """Continue with the result of the sample's side.

        Returns:
            The next case for the sample's side; None: the solution has passed.

        Raises:
            Exception: the error that the context's tests raise.
        """
        self._answers.put(result)
        return self._next()

    def _next(self) -> bytes | None:
        case = self._cases.get()
        if isinstance(case, BaseException):
            raise case
        return case

    def _test(self, solution: str) -> None:
        try:
            self._context["test_execution"](solution)
            if "test_string" in self._context:
                self._context["test_string"](solution)
        except BaseException as exc:
            self._cases.put(exc)
        else:
            self._cases.put(None)

    def _exec_elsewhere(self, code: str, env: dict[str, Any]) -> None:
        files = {path.name: path.read_bytes() for path in Path().iterdir() if _is_sent(path)}
        states = np.random.get_state(), random.getstate()
        self._cases.put(pickle.dumps((code, env, files, states)))
        env["result"] = wire.loads(self._answers.get())


def solve(case: bytes) -> bytes:
    """Run a case of the judge's side on the sample's side; return the encoded value of its `result`.

    Raises:
        Exception: the error that the solution raises; KeyError: it left no result; TypeError: wire.py does
            not encode the result's type.
    """
    code, env, files, (numpy_state, state) = _Unpickler(io.BytesIO(case)).load()
    for name, content in files.items():
        Path(name).write_bytes(content)
    np.random.set_state(numpy_state)
    random.setstate(state)
    run: Callable[..., None] = exec
    run(code, env)
    return wire.dumps(env["result"])


class _Unpickler(pickle.Unpickler):  # reads only what the judge's side wrote
    def find_class(self, module_name: str, global_name: str) -> Any:
        found = super().find_class(module_name, global_name)
        return _dtype if found is np.dtype else found


def _dtype(name: str, align: bool = False, copy: bool = False) -> Any:
    """Return numpy's own object dtype: pandas 1.5's `astype(str)` writes into an array whose dtype is a copy of it."""
    return np.dtype(name, align, copy and not name.startswith("O"))


def _is_sent(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= _MAX_FILE_BYTES

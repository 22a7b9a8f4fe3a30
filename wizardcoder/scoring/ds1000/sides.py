"""The two sides of a DS-1000 case in strict mode; each runs in a sandboxed process of its own.

The judge's side holds the problem's context: it makes the cases, keeps what is expected, and compares. The sample's
side runs the solution and holds nothing else. A case's input goes to the sample as pickle, since the judge's side runs
trusted code only; what comes back is read by ds1000_wire.py, never as pickle. ds1000.py carries both between them.
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

from wizardcoder.scoring.ds1000 import wire as ds1000_wire

_MAX_FILE_BYTES = 1 << 20  # of a file that a context writes for its solution to read


class Judge:
    """Runs a context's own `test_execution`, in which `exec` is sent to the sample's side.

    `test_execution` runs in a thread, which stops at each `exec` until the sample's side has answered.

    Args:
        context: the namespace in which the problem's code_context was run.
    """

    def __init__(self, context: dict[str, Any]) -> None:
        self._context = context
        self._told: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        context["exec"] = self._exec_elsewhere

    def start(self, solution: str) -> bytes | None:
        """Begin to judge a solution, of which only the text is looked at; returns and raises as `resume`."""
        threading.Thread(target=self._test, args=(solution,), daemon=True).start()
        return self._next()

    def resume(self, result: bytes) -> bytes | None:
        """Go on with what the sample's side returned.

        Returns:
            What the sample's side has to run next; None: the solution has passed.

        Raises:
            Exception: what the context's tests raise.
        """
        self._answers.put(result)
        return self._next()

    def _next(self) -> bytes | None:
        told = self._told.get()
        if isinstance(told, BaseException):
            raise told
        return told

    def _test(self, solution: str) -> None:
        try:
            self._context["test_execution"](solution)
            if "test_string" in self._context:
                self._context["test_string"](solution)
        except BaseException as exc:
            self._told.put(exc)
        else:
            self._told.put(None)

    def _exec_elsewhere(self, code: str, env: dict[str, Any]) -> None:
        files = {path.name: path.read_bytes() for path in Path().iterdir() if _travels(path)}
        states = np.random.get_state(), random.getstate()
        self._told.put(pickle.dumps((code, env, files, states)))
        env["result"] = ds1000_wire.loads(self._answers.get())


def solve(case: bytes) -> bytes:
    """Run a case that the judge's side made, on the sample's side; give what it left in `result`.

    Raises:
        Exception: what the solution raises; KeyError: it left no result; TypeError: one that does not travel.
    """
    code, env, files, (numpy_state, state) = _Unpickler(io.BytesIO(case)).load()
    for name, content in files.items():
        Path(name).write_bytes(content)
    np.random.set_state(numpy_state)
    random.setstate(state)
    run: Callable[..., None] = exec
    run(code, env)
    return ds1000_wire.dumps(env["result"])


class _Unpickler(pickle.Unpickler):  # reads what the judge's side wrote, and nothing else
    def find_class(self, module_name: str, global_name: str) -> Any:
        found = super().find_class(module_name, global_name)
        return _dtype if found is np.dtype else found


def _dtype(name: str, align: bool = False, copy: bool = False) -> Any:
    """Give numpy's own object dtype, no copy: pandas 1.5's `astype(str)` writes into an array whose dtype is a copy."""
    return np.dtype(name, align, copy and not name.startswith("O"))


def _travels(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= _MAX_FILE_BYTES

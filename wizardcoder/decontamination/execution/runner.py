"""Calls functions of references and training samples in the sandbox: the host side.

In: code and argument lists. Out: what its functions return. The guest side, which runs in the sandbox: runner_guest.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wizardcoder.decontamination.execution import runner_guest
from wizardcoder.decontamination.execution.argument_invariants import Arguments
from wizardcoder.decontamination.execution.benchmark_calls import select_usable
from wizardcoder.decontamination.execution.limits import ExecutionLimits
from wizardcoder.decontamination.execution.reference_outputs import measure_call
from wizardcoder.sandbox.environments import Environment, numpy_environment, with_module
from wizardcoder.sandbox.errors import Died
from wizardcoder.sandbox.host import Sandbox, Sandboxes
from wizardcoder.sandbox.limits import Limits

Outputs = dict[str, list[str | None]]  # by function: what each call returned, as text of the wire format, or None


class CodeRunner(Sandboxes):
    """Runs code in sandboxes that it opens when first needed. Not for two threads at once."""

    def __init__(self, limits: ExecutionLimits) -> None:
        super().__init__(limits.allow_unsafe)
        self.limits = limits

    def call_functions(
        self,
        code: str,
        calls: Sequence[Arguments],
        call_s: float,
        only: str | None = None,
        *,
        first: int = 0,
        twin: bool = False,
    ) -> Outputs:
        """Call the code's functions with each argument list, the fastest calls first.

        Args:
            code: valid Python.
            calls: argument lists.
            call_s: CPU seconds of one call.
            only: name of the one function to call.
            first: number of functions to skip; at most `runner_guest.MAX_FUNCTIONS` are called.
            twin: use a second sandbox, in which strings have other hashes.

        Raises:
            TimedOut, Died, Raised: the code exceeded the limits or ended the process.
            SandboxError: the sandbox failed, or is not available on this machine.
        """
        order = sorted(range(len(calls)), key=lambda place: measure_call(calls[place]))
        arguments = [code, [calls[place] for place in order], call_s, only, first]
        return _restore_order(self._run_guest("call_functions", arguments, code, twin), order)

    def record_calls(self, code: str, name: str, test: str) -> list[Arguments]:
        """Run a test program; return the usable argument lists with which it calls the function `name` of `code`.

        Raises:
            TimedOut, Died, Raised, SandboxError: as `call_functions`.
        """
        return select_usable(self._run_guest("record_calls", [code, name, test], code))

    def _run_guest(self, name: str, arguments: list[Any], code: str, twin: bool = False) -> Any:
        """Call a function of runner_guest.py on code, in a process of its own."""
        own = self.limits
        limits = Limits(own.timeout_s, own.memory_mb, own.memory_mb, processes=32, file_mb=16, scratch_mb=16)
        if "numpy" in code:
            sandbox = self._open_sandbox("numpy", numpy_environment, twin)
        else:
            sandbox = self._open_sandbox("", Environment, twin)
        with sandbox.sample("calls", limits) as sample:
            sample.load(f"import sys\n{name} = sys.modules[{runner_guest.__name__!r}].{name}\n")
            sample.ready()
            return sample.call(name, arguments)

    def _open_sandbox(self, name: str, environment: Callable[[], Environment], twin: bool) -> Sandbox:
        key = f"{name} twin" if twin else name
        return self._sandbox(key, lambda: with_module(environment(), runner_guest.__name__))


def _restore_order(outputs: Any, order: list[int]) -> Outputs:
    """Return the outputs in the order of the calls.

    Raises:
        Died: they are not what the guest returns, so the code has tampered with it.
    """
    if not isinstance(outputs, dict) or not all(
        isinstance(name, str) and name.isprintable() and _is_list_of_outputs(returned, len(order))
        for name, returned in outputs.items()
    ):
        raise Died("sent an invalid reply")
    return {
        name: [output for _, output in sorted(zip(order, returned, strict=True), key=lambda item: item[0])]
        for name, returned in outputs.items()
    }


def _is_list_of_outputs(returned: Any, count: int) -> bool:
    return (
        isinstance(returned, list)
        and len(returned) == count
        and all(
            output is None or (isinstance(output, str) and len(output) <= runner_guest.MAX_OUTPUT_CHARS)
            for output in returned
        )
    )

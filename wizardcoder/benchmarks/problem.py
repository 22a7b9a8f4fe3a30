"""A problem of any benchmark, and a sample. Separate from the formats, so that judge processes load little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Checker = Literal["check", "asserts", "inputs", "ds1000", "program"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of any benchmark.

    Attributes:
        task_id: as the benchmark's users write it, such as HumanEval/0, MBPP/11, Mbpp/2 (MBPP+), DS-1000/0.
        prompt: shown to the model.
        canonical_solution: code that follows `prefix`; "" if the benchmark has none (MultiPL-E).
        entry_point: the function under test; "" for DS-1000 and MultiPL-E.
        test: check: defines `check(candidate)`; asserts: code that raises; ds1000: the code_context; program: the
            code that follows the completion; inputs: "".
        checker: how an answer is judged.
        prefix: code before the completion in the tested program.
        setup: code between the completion and the tests; it may use what the completion defines (MBPP).
        base_inputs: argument lists of the benchmark's own tests (EvalPlus).
        plus_inputs: argument lists that EvalPlus adds.
        atol: absolute tolerance of outputs (EvalPlus).
        language: `python`, or a language of MultiPL-E.
        group: for separate scores: the library (DS-1000), the language (MultiPL-E), else "".
        stop: texts at which a completion ends (MultiPL-E).
    """

    task_id: str
    prompt: str
    canonical_solution: str
    entry_point: str = ""
    test: str = ""
    checker: Checker = "check"
    prefix: str = ""
    setup: str = ""
    base_inputs: tuple[Any, ...] = ()
    plus_inputs: tuple[Any, ...] = ()
    atol: float = 0.0
    language: str = "python"
    group: str = ""
    stop: tuple[str, ...] = ()

    @property
    def full_text(self) -> str:
        """The prompt and the reference solution, if there is one."""
        return f"{self.prompt}\n{self.canonical_solution}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A completion: the code that follows the problem's prefix."""

    task_id: str
    completion: str

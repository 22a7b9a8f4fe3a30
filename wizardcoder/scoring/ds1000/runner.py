"""Judge solutions of DS-1000's problems in their own pinned environment, `.venv-ds1000`.

In: a problem and a solution. Out: a ProgramResult. In official mode the authors' program (context, solution and tests)
runs in one sandboxed process. In strict mode the expected result and the comparison are in a process that runs no line
of the solution (sides.py), for every problem that allows it. Does not cover: TensorFlow's and PyTorch's problems: the
environment lacks these libraries, so their problems are reported as not run.
"""

from __future__ import annotations

import contextlib
import os
import sysconfig
import time
from pathlib import Path
from typing import Literal

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.sandbox.environments import Environment
from wizardcoder.sandbox.errors import Died, Raised, TimedOut
from wizardcoder.sandbox.host import Sandbox, Sandboxes
from wizardcoder.sandbox.limits import Limits
from wizardcoder.sandbox.running_sample import RunningSample
from wizardcoder.scoring.official_programs import DS1000_SEED, DS1000_SETTLE, official_program
from wizardcoder.scoring.settings import JudgeMode, ProgramResult

NOT_RUN = ("Tensorflow", "Pytorch")
_FIGURES = "Matplotlib"  # its tests inspect the figure that the solution left in the process if the images differ
_REFERENCE_TIMEOUT_S = 120.0  # as in the authors' test_ds1000.py
_REFERENCE_MEMORY_MB = 4096  # ours; a constant, so that where a problem is judged depends on no setting
_LOADED_MB = 512  # address space of the loaded libraries, before a sample's first line
_JUDGE = "\nfrom wizardcoder.scoring.ds1000.sides import JudgeSide as _JudgeSide\n_judge = _JudgeSide(globals())\n"
_JUDGE += "_start, _resume = _judge.start, _judge.resume\n"
_SOLVE = "from wizardcoder.scoring.ds1000.sides import solve\n"
# what the problems and their solutions import most; a fork of these takes 10 ms, their import 2 s
_PRELOAD = (
    *("collections", "copy", "datetime", "io", "itertools", "math", "random", "re", "string", "tokenize"),
    *("numpy", "pandas", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "mpl_toolkits.mplot3d"),
    *("PIL.Image", "PIL.PngImagePlugin", "seaborn", "yaml"),
    *(f"scipy.{name}" for name in ("cluster.hierarchy", "fft", "integrate", "interpolate", "linalg", "ndimage")),
    *(f"scipy.{name}" for name in ("optimize", "signal", "sparse.linalg", "spatial.distance", "special", "stats")),
    *(f"sklearn.{name}" for name in ("calibration", "cluster", "compose", "datasets", "decomposition", "ensemble")),
    *(f"sklearn.{name}" for name in ("feature_extraction.text", "feature_selection", "impute", "linear_model")),
    *(f"sklearn.{name}" for name in ("metrics.pairwise", "model_selection", "naive_bayes", "neighbors", "pipeline")),
    *(f"sklearn.{name}" for name in ("preprocessing", "svm", "tree")),
    *("wizardcoder.scoring.ds1000.sides", "wizardcoder.scoring.ds1000.wire_pandas"),
)


def interpreter() -> Path:
    """Return the Python of the DS-1000 environment; for DVC's temporary experiments too, that of the project itself."""
    return Path(os.environ.get("DVC_ROOT", ".")) / ".venv-ds1000/bin/python"


def reason_not_run(problem: Problem) -> str | None:
    """Return why a problem cannot be run here; None if it can."""
    if problem.group in NOT_RUN:
        return f"not run: the DS-1000 environment has no {problem.group}"
    return None


def missing_environment(python: Path | None = None) -> str | None:
    """Return what to do if the environment is missing or incomplete; None if it is complete."""
    made = (python or interpreter()).parents[1] / ".installed"
    return None if made.exists() else f"{made}: no such file; run `make ds1000`"


class DS1000(Sandboxes):
    """A sandbox for solutions and one for the judge's side, started when first used. Not for use by several threads.

    Args:
        allow_unsafe: as of `Sandbox`.
        python: the environment's interpreter.
    """

    def __init__(self, allow_unsafe: bool, python: Path | None = None) -> None:
        super().__init__(allow_unsafe)
        self._python = python or interpreter()
        self._outside: dict[str, bool] = {}

    def verdict(
        self,
        problem: Problem,
        solution: str,
        mode: JudgeMode,
        timeout_s: float,
        memory_mb: int,
        *,
        outside: bool | None = None,
    ) -> ProgramResult:
        """Judge a solution.

        Args:
            problem: one for which `reason_not_run` returns None.
            solution: the code that replaces `[insert]` in the problem's context.
            mode: see the docstring of this module.
            timeout_s: wall time of all the problem's cases together.
            memory_mb: resident memory, and address space in addition to that of the loaded libraries.
            outside: the result of `judged_outside`, if known. Not used in official mode.

        Raises:
            SandboxError: the sandbox itself failed; this says nothing about the solution.
        """
        if mode == "strict" and outside is None:
            outside = self.judged_outside(problem)
        judge = self._judge_outside if mode == "strict" and outside else self._judge_inside
        start = time.perf_counter()
        try:
            judge(problem, solution, timeout_s, memory_mb)
            result = "passed"
        except TimedOut:
            result = "timed out"
        except (Raised, Died) as exc:
            result = f"failed: {exc}"
        return ProgramResult(result == "passed", result, time.perf_counter() - start)

    def judged_outside(self, problem: Problem) -> bool:
        """Return whether strict mode compares outside the sample's process; computed once.

        This depends on the problem alone: its reference must pass that way. Other problems need something that cannot
        leave a process, such as a fitted estimator or the current figure, and are judged as in official mode.
        """
        if problem.group == _FIGURES:
            return False
        if problem.task_id not in self._outside:
            self._outside[problem.task_id] = self.verdict(
                problem, problem.canonical_solution, "strict", _REFERENCE_TIMEOUT_S, _REFERENCE_MEMORY_MB, outside=True
            ).passed
        return self._outside[problem.task_id]

    def _judge_outside(self, problem: Problem, solution: str, timeout_s: float, memory_mb: int) -> None:
        self._side("judge"), self._side("solution")  # start both before a sample's time runs
        with (
            self._sample("judge", "calls", timeout_s, memory_mb) as judge,
            self._sample("solution", "calls", timeout_s, memory_mb) as sample,
        ):
            judge.load(f"{DS1000_SEED}{DS1000_SETTLE}{problem.test}{_JUDGE}")
            sample.load(f"{DS1000_SETTLE}{_SOLVE}")
            judge.ready()
            sample.ready()
            case = judge.call("_start", [solution])
            while case is not None:
                case = judge.call("_resume", [sample.call("solve", [case])])

    def _judge_inside(self, problem: Problem, solution: str, timeout_s: float, memory_mb: int) -> None:
        with self._sample("solution", "run", timeout_s, memory_mb) as sample:
            sample.load(official_program(problem, solution))
            sample.done()

    def _sample(
        self, side: str, kind: Literal["calls", "run"], timeout_s: float, memory_mb: int
    ) -> contextlib.AbstractContextManager[RunningSample]:
        limits = Limits(timeout_s, memory_mb, memory_mb + _LOADED_MB, processes=64, file_mb=64, scratch_mb=64)
        return self._side(side).sample(kind, limits)

    def _side(self, name: str) -> Sandbox:
        return self._sandbox(name, lambda: _environment(self._python))


def _environment(python: Path) -> Environment:
    prefix = str(python.absolute().parents[1])
    packages = sysconfig.get_path("purelib", "venv", {"base": prefix, "platbase": prefix})
    figures = (
        ("MPLBACKEND", "Agg"),
        ("MPLCONFIGDIR", f"{prefix}/matplotlib"),
    )  # otherwise it writes to the home folder
    return Environment(str(python.absolute()), _PRELOAD, (packages,), (packages,), figures)

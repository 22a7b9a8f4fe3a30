"""All sections of params.yaml in one dataclass, and the rules that hold between sections.

`core.params.load` validates the whole file with it before a stage starts, so that a typo in a late section is found
before the paid rounds. It finds this module by name: a stage's code must not depend on sections that it does not read.
Imports neither torch nor a client's library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic.dataclasses import dataclass

from wizardcoder.analysis.settings import AnalyzeParams
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, BaseParams, RunParams, Text
from wizardcoder.decontamination.settings import DecontaminateParams
from wizardcoder.evaluation.settings import EvaluateParams
from wizardcoder.evaluation.settings import check as check_evaluation
from wizardcoder.evolution.seed_source import SeedParams
from wizardcoder.evolution.settings import EvolveParams, check_evolve_params
from wizardcoder.experiments.settings import EvolStopParams
from wizardcoder.merging.choice import check_choice
from wizardcoder.merging.settings import MergeParams
from wizardcoder.report.settings import ReportParams
from wizardcoder.screening.settings import ScreenParams
from wizardcoder.screening.settings import check as check_screening
from wizardcoder.teacher.addresses import LOCAL
from wizardcoder.teacher.serving import SERVED, TEACHER_SETTING
from wizardcoder.teacher.settings import TeacherParams
from wizardcoder.training import hostfile
from wizardcoder.training.settings import TrainParams
from wizardcoder.training.settings import check as check_training


@dataclass(frozen=True, slots=True, config=STRICT)
class AllParams:
    """Every section of params.yaml; the parts of `runtime` are fields of their sections."""

    run: RunParams
    seed: SeedParams
    teacher: TeacherParams
    evolve: EvolveParams
    screen: ScreenParams
    merge: MergeParams
    benchmarks: dict[str, Text | None]
    decontaminate: DecontaminateParams
    analyze: AnalyzeParams
    base: BaseParams
    train: TrainParams
    evaluate: EvaluateParams
    evol_stop: EvolStopParams
    report: ReportParams


def contradictions(params: AllParams) -> Iterator[str]:
    """Yield the values that contradict each other or that no stage accepts, one line each."""
    for check in (_check_teacher, _check_evolve, _check_screen, _check_merge, _check_evaluate, _check_train):
        yield from _error(check, params)
    if not Path(params.screen.safety.rules).is_file():
        yield f"params.yaml: screen.safety.rules: {params.screen.safety.rules}: no such file"


def _check_teacher(params: AllParams) -> None:
    """Check that a model that is served has a command, and a command a model."""
    teacher, runtime = params.teacher, params.teacher.runtime
    urls = [role.base_url or teacher.base_url for role in (teacher.instruct, teacher.respond, teacher.judge)]
    setting = f"params.yaml: {TEACHER_SETTING}.command"
    if SERVED in urls and runtime.serve.command is None:
        raise StageError(f"{setting}: found null, but a base_url is {SERVED}: set the command that serves {{model}}")
    if SERVED not in urls and runtime.serve.command is not None:
        raise StageError(f"{setting}: never started, because no base_url of the teacher is {SERVED}; set one, or null")
    if runtime.mode == "batch" and any(url in (LOCAL, SERVED) for url in urls):
        raise StageError("params.yaml: runtime.teacher.mode: found batch, accepted for local and served models: chat")


def _check_evolve(params: AllParams) -> None:
    check_evolve_params(params)


def _check_screen(params: AllParams) -> None:
    check_screening(params.screen)


def _check_merge(params: AllParams) -> None:
    """Check the choice of rounds; a round that is off has no records, the sizes of the others are not known yet."""
    sizes = {0: 1} | {int(name.removeprefix("r")): int(on) for name, on in params.evolve.enabled.items()}
    check_choice(params.merge, params.evolve.heuristics, sizes)


def _check_evaluate(params: AllParams) -> None:
    check_evaluation(params.evaluate, params.decontaminate.benchmarks)


def _check_train(params: AllParams) -> None:
    check_training(params.train)
    hostfile.check_hostfile(params.train)
    hostfile.check_launcher(params.train)


def _error(check: Callable[[AllParams], None], params: AllParams) -> Iterator[str]:
    try:
        check(params)
    except StageError as exc:
        yield str(exc)

"""Plan which stages experiments will run, and what they may cost, before anything runs.

In: dvc.yaml, dvc.lock, params.yaml, the answer store. Out: the stages that each experiment affects. They are an upper
bound: DVC skips a stage whose inputs come out unchanged and restores one that ran on the same inputs before.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, read_yaml
from wizardcoder.core.params_file import leaves
from wizardcoder.estimates.cost_estimate import CostEstimate
from wizardcoder.estimates.estimate import estimate_costs
from wizardcoder.estimates.table import print_estimate
from wizardcoder.experiments.experiment import LAST_STAGE, Experiment
from wizardcoder.experiments.rerun_plan import in_order, plan_reruns, sources_of
from wizardcoder.lineage.dvc_internals import DeclaredStage, open_project

EVOLVE = "evolve_"
JUDGES = {
    "screen": ("screen", "safety", "judge"),
    "analyze": ("analyze", "difficulty"),
    "decontaminate": ("decontaminate", "judge"),
}
"""The stages beside the rounds that may ask a teacher, and the setting by which each does."""
WITHOUT_TEACHER = ("rule", "off")  # any other value of these settings asks one


@dataclass(frozen=True, slots=True)
class PlannedExperiment:
    """An experiment, the text of its params.yaml, and the stages that its values affect, in the pipeline's order."""

    experiment: Experiment
    text: str
    stages: list[str]

    @property
    def evolves(self) -> bool:
        """Whether a round may be evolved again."""
        return any(stage.startswith(EVOLVE) for stage in self.stages)

    @property
    def asks_teacher(self) -> bool:
        """Whether the teacher may be asked for answers that are not in the store."""
        params = dict(leaves(self._params))
        return self.evolves or any(
            params[path] not in WITHOUT_TEACHER for stage, path in JUDGES.items() if stage in self.stages
        )

    @property
    def may_cost(self) -> bool:
        """Whether such answers have a price."""
        return self.asks_teacher and any(self._params["runtime"]["teacher"]["price"].values())

    @property
    def _params(self) -> dict[str, Any]:
        return dict(YAML(typ="safe", pure=True).load(self.text))


def plan_experiments(experiments: Sequence[Experiment]) -> list[PlannedExperiment]:
    """Find the stages that each experiment affects, among them those that are not up to date at this commit."""
    committed = {".".join(path): value for path, value in leaves(read_yaml(PARAMS_FILE))}
    with open_project() as project:
        stages = _leading_to(LAST_STAGE, in_order(project.declared_stages()))
    stale = _stale({stage.name for stage in stages})
    if stale:
        console.say(
            f"not up to date at this commit: {', '.join(stale)}; run `dvc repro` and commit first, so that the "
            "experiments need not run them"
        )
    planned = []
    for experiment in experiments:
        changed = {key for key, value in experiment.values.items() if committed.get(key) != value}
        names = _affected(stages, changed, stale)
        planned.append(PlannedExperiment(experiment, experiment.params(experiment.name), names))
    return planned


def print_plan(
    planned: Sequence[PlannedExperiment],
    *,
    cumulative: bool = False,
    estimate: Callable[[str], CostEstimate | str] | None = None,
) -> None:
    """Print the commands, the affected stages and, where a teacher may be asked, the estimate.

    Args:
        planned: the experiments.
        cumulative: each experiment needs the answers of those before it, so the last one's estimate covers all.
        estimate: estimates a text of params.yaml; by default `estimate_params`.
    """
    asking = [one for one in planned if one.asks_teacher]
    for one in planned:
        console.say(shlex.join(one.experiment.command()))
        console.say(f"  affects: {', '.join(one.stages) or 'nothing'}")
    printed: list[CostEstimate | str] = []
    for text in dict.fromkeys(one.text for one in (asking[-1:] if cumulative else asking)):
        found = (estimate or estimate_params)(text)
        if found in printed:
            continue
        printed.append(found)
        if isinstance(found, str):
            console.say(found)
        else:
            print_estimate(found)
    console.say(
        f"{len(asking)} of {len(planned)} may ask a teacher for answers that are not in the store"
        if asking
        else "no experiment asks a teacher, so none costs money"
    )


def refuse_cost(planned: Sequence[PlannedExperiment]) -> None:
    """Refuse experiments that may cost money.

    Raises:
        StageError: an experiment may ask for answers that have a price.
    """
    paid = [one.experiment.name for one in planned if one.may_cost]
    if paid:
        raise StageError(f"{paid[0]}: may ask the teacher, and runtime.teacher.price is not 0; `--pay` runs it")


def estimate_params(text: str) -> CostEstimate | str:
    """Estimate a run with this text of params.yaml, or return the reason why that is not possible; sends nothing."""
    with tempfile.TemporaryDirectory() as folder:
        params = Path(folder) / PARAMS_FILE
        params.write_text(text, encoding="utf-8")
        try:
            return estimate_costs(params)
        except StageError as exc:
            return f"no estimate: {exc}"


def _leading_to(name: str, stages: Sequence[DeclaredStage]) -> list[DeclaredStage]:
    """Return a stage and all stages that it needs, in their order."""
    needed = {name}
    for stage in reversed(stages):
        if stage.name in needed:
            needed.update(sources_of(stage, stages))
    return [stage for stage in stages if stage.name in needed]


def _stale(names: Collection[str]) -> list[str]:
    """Return the stages whose code, params or inputs changed; missing and edited data do not count.

    An experiment runs in a temporary folder, from the commit: DVC takes data from its cache or remote.
    """
    changes = ("never_run", "command", "param", "dependency", "rewritten")
    return sorted(
        rerun.name
        for rerun in plan_reruns()
        if rerun.name in names and any(reason.kind in changes for reason in rerun.reasons)
    )


def _affected(stages: Sequence[DeclaredStage], changed: Collection[str], stale: Collection[str]) -> list[str]:
    found: list[str] = []
    for stage in stages:
        own = stage.name in stale or _touches(stage.params, changed)
        if own or any(name in found for name in sources_of(stage, stages)):
            found.append(stage.name)
    return found


def _touches(params: Collection[str], changed: Collection[str]) -> bool:
    return any(f"{key}.".startswith(f"{p}.") or f"{p}.".startswith(f"{key}.") for p in params for key in changed)

"""What experiments will run again, and what they may cost, before anything runs.

In: dvc.yaml's graph, params.yaml, the answer store. Out: the stages that each experiment affects. They are an upper
bound: one whose inputs turn out unchanged is skipped, and one that ever ran on the same comes out of DVC's run cache.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, read_yaml
from wizardcoder.core.params_file import leaves
from wizardcoder.estimates.estimate import CostEstimate, estimate_costs
from wizardcoder.estimates.table import print_estimate
from wizardcoder.experiments.runs import SCORES, Experiment

EVOLVE = "evolve_"
JUDGES = {
    "screen": ("screen", "safety", "judge"),
    "analyze": ("analyze", "difficulty"),
    "decontaminate": ("decontaminate", "judge"),
}
"""The stages beside the rounds that may ask a teacher, and the setting by which each does."""
WITHOUT_TEACHER = ("rule", "off")  # any other value of these settings asks one


@dataclass(frozen=True, slots=True)
class Planned:
    """An experiment, its params.yaml, and the stages that its values affect, in the pipeline's order."""

    experiment: Experiment
    text: str
    stages: list[str]

    @property
    def evolves(self) -> bool:
        """Say whether a round may be evolved anew."""
        return any(stage.startswith(EVOLVE) for stage in self.stages)

    @property
    def asks_teacher(self) -> bool:
        """Say whether answers may be asked for that are not in the store."""
        params = dict(leaves(self._params))
        return self.evolves or any(
            params[path] not in WITHOUT_TEACHER for stage, path in JUDGES.items() if stage in self.stages
        )

    @property
    def may_cost(self) -> bool:
        """Say whether such answers have a price."""
        return self.asks_teacher and any(self._params["runtime"]["teacher"]["price"].values())

    @property
    def _params(self) -> dict[str, Any]:
        return dict(YAML(typ="safe", pure=True).load(self.text))


def plan(experiments: Sequence[Experiment]) -> list[Planned]:
    """Find the stages that each experiment affects, those that are not up to date at this commit among them."""
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo
    from dvc.repo.reproduce import plan_repro

    committed = {".".join(path): value for path, value in leaves(read_yaml(PARAMS_FILE))}
    with Repo() as repo:
        graph = repo.index.graph
        scored = next(stage for stage in graph if stage.addressing == SCORES)
        needed = plan_repro(graph, [scored])
        stale = _stale(repo.status(targets=[SCORES], with_deps=True))
    if stale:
        console.say(
            f"not up to date at this commit: {', '.join(stale)}; `dvc repro` and a commit first spare all of them"
        )
    planned = []
    for experiment in experiments:
        changed = {key for key, value in experiment.values.items() if committed.get(key) != value}
        first = [
            stage
            for stage in needed
            if stage.addressing in stale
            or any(isinstance(d, ParamsDependency) and _touches(d.params, changed) for d in stage.deps)
        ]
        affected = plan_repro(graph, first, downstream=True) if first else []
        names = [stage.addressing for stage in needed if stage in affected]
        planned.append(Planned(experiment, experiment.params(experiment.name), names))
    return planned


def tell(planned: Sequence[Planned], *, cumulative: bool = False) -> None:
    """Print commands, stages and, where a teacher may be asked, what that asks and costs.

    `cumulative` says that each experiment needs the answers of those before it, so that the last one's are all.
    """
    asking = [one for one in planned if one.asks_teacher]
    for one in planned:
        console.say(shlex.join(one.experiment.command()))
        console.say(f"  affects: {', '.join(one.stages) or 'nothing'}")
    printed: list[CostEstimate | str] = []
    for text in dict.fromkeys(one.text for one in (asking[-1:] if cumulative else asking)):
        found = _estimate(text)
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
        else "none of them asks a teacher: no answer is paid for"
    )


def refuse_cost(planned: Sequence[Planned]) -> None:
    """Refuse to spend what nobody asked to spend.

    Raises:
        StageError: an experiment may ask for answers that have a price.
    """
    paid = [one.experiment.name for one in planned if one.may_cost]
    if paid:
        raise StageError(f"{paid[0]}: may ask the teacher, and runtime.teacher.price is not 0; `--pay` runs it")


def _estimate(text: str) -> CostEstimate | str:
    """Estimate a run with this text of params.yaml, or return the reason why that is not possible; sends nothing."""
    with tempfile.TemporaryDirectory() as folder:
        params = Path(folder) / PARAMS_FILE
        params.write_text(text, encoding="utf-8")
        try:
            return estimate_costs(params)
        except StageError as exc:
            return f"no estimate: {exc}"


def _stale(status: Mapping[str, Sequence[Any]]) -> list[str]:
    """Give the stages whose command or dependencies changed; data that only lack here are in DVC's cache or remote."""
    return sorted(
        stage
        for stage, changes in status.items()
        for change in changes
        if change == "changed command"
        or (isinstance(change, dict) and any(how != "deleted" for how in change.get("changed deps", {}).values()))
    )


def _touches(params: Collection[str], changed: Collection[str]) -> bool:
    return any(f"{key}.".startswith(f"{p}.") or f"{p}.".startswith(f"{key}.") for p in params for key in changed)

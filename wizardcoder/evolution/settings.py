"""The `evolve` section of params.yaml, and the sections that together decide an evolution."""

from __future__ import annotations

from typing import Protocol

from pydantic.dataclasses import dataclass

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, RunParams, Text
from wizardcoder.evolution.elimination import EliminationParams
from wizardcoder.teacher.chats import Shot
from wizardcoder.teacher.settings import TeacherParams


@dataclass(frozen=True, slots=True, config=STRICT)
class EvolveParams:
    """The `evolve` section: which rounds run, what is asked, what is eliminated."""

    enabled: dict[str, bool]
    prompt: Text
    heuristics: dict[str, Text]
    few_shot: list[Shot]
    elimination: EliminationParams


class EvolutionSettings(Protocol):
    """The sections of params.yaml that decide an evolution."""

    @property
    def run(self) -> RunParams:
        """The run's seed."""

    @property
    def teacher(self) -> TeacherParams:
        """Models and sampling."""

    @property
    def evolve(self) -> EvolveParams:
        """Prompts and rules."""


def check_evolve_params(settings: EvolutionSettings) -> None:
    """Refuse params that contradict each other.

    Raises:
        StageError: a round's switch is missing or unknown, or there is no heuristic.
    """
    wanted = [f"r{n}" for n in paths.EVOLVED_ROUNDS]
    if sorted(settings.evolve.enabled) != wanted:
        found = ", ".join(sorted(settings.evolve.enabled)) or "nothing"
        raise StageError(f"params.yaml: evolve.enabled: found {found}, accepted: {', '.join(wanted)}")
    if not settings.evolve.heuristics:
        raise StageError("params.yaml: evolve.heuristics: empty, accepted: at least one heuristic")

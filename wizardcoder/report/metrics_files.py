"""The stages that write metrics/STAGE.json, in the order of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizardcoder.core import paths

EVOLVE_STAGES = tuple(f"evolve_r{number}" for number in paths.EVOLVED_ROUNDS)
STAGES = ("seed", *EVOLVE_STAGES, "screen", "merge", "decontaminate", "analyze", "train", "evaluate")
Metrics = Mapping[str, Any]

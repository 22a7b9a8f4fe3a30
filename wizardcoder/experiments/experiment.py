"""Experiments: a name with values of params.yaml, and the commits of those that are finished.

In: names with values, git's refs/exps. Out: DVC's command line for an experiment, the commits of finished ones. Does
not run experiments: wizardcoder/experiments/runs.py does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.git import changed_files, read_committed, run_git
from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.core.params_file import applied, nested, overrides

LAST_STAGE = "summary"
"""Experiments run up to this stage, so that `dvc exp show` lists their headline numbers."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A name that git accepts, and the values that differ from params.yaml, by dotted key."""

    name: str
    values: Mapping[str, Any]

    def arguments(self) -> list[str]:
        """Return the values as `key=value` in the grammar of `dvc exp run -S`."""
        return overrides(nested(self.values))

    def command(self) -> list[str]:
        """Return the command line that runs the experiment in a temporary folder."""
        pairs = [part for argument in self.arguments() for part in ("-S", argument)]
        # without --allow-missing DVC would run stages whose data is missing, and pay the teacher again
        return ["dvc", "exp", "run", "--temp", "--allow-missing", "-n", self.name, *pairs, LAST_STAGE]

    def params(self, source: str) -> str:
        """Return the text of params.yaml with these values; `source` is named in the error about an unknown key."""
        return applied(PARAMS_FILE.read_text(encoding="utf-8"), nested(self.values), source)


def require_clean_commit() -> str:
    """Return the commit that is checked out, from which experiments start.

    Raises:
        StageError: a tracked file differs from it: experiments would contain an edit that no commit records.
    """
    changed = changed_files(".", f":!{paths.EXPERIMENT_SUMMARIES}")
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise StageError(
            f"uncommitted changes: {', '.join(changed[:3])}{more}; experiments start from a commit: "
            "`git commit -a` or `git stash` first"
        )
    return current_commit()


def current_commit() -> str:
    """Return the hash of the commit that is checked out."""
    return run_git("rev-parse", "HEAD")


def finished_experiments(start: str) -> dict[str, str]:
    """Return the commits of the finished experiments that start from a commit, by name."""
    prefix = f"refs/exps/{start[:2]}/{start[2:]}/"
    lines = run_git("for-each-ref", "--format=%(objectname) %(refname)", prefix).splitlines()
    return {ref.removeprefix(prefix): commit for commit, ref in (line.split(" ", 1) for line in lines)}


def refuse_other_settings(experiment: Experiment, commit: str, source: str) -> None:
    """Refuse an experiment whose name was used for other values.

    Raises:
        StageError: params.yaml of the finished experiment's commit differs.
    """
    safe = YAML(typ="safe", pure=True)
    recorded = safe.load(read_committed(commit, PARAMS_FILE) or "")
    if recorded != safe.load(experiment.params(source)):
        raise StageError(
            f"{experiment.name}: an experiment of this name ran with other values; "
            f"`dvc exp remove {experiment.name}`, or choose another name"
        )

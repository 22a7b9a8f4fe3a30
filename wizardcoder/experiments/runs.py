"""DVC's experiments: made one after another from a clean commit, and found again by name.

In: names with values of params.yaml. Out: a commit for each, kept by DVC under refs/exps. Each is run by
`dvc exp run --temp`, in a folder that holds the commit and nothing else: the workspace stays as it is, what failed
leaves nothing behind, and Ctrl-C reaches the stage, where a queue worker would go on in the background. What was made
at the same commit isn't made again, and a stage that ever ran on the same inputs comes out of DVC's run cache. Reading
results is wizardcoder/experiments/results.py.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from wizardcoder.core import console, paths
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.git import changed_files, read_committed, run_git
from wizardcoder.core.locks import hold_lock
from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.core.params_file import applied, nested, overrides

SCORES = "evaluate"  # the stage to which an experiment runs; what only looks at its results isn't run
LOCK = "experiments.lock"
PR_SET_PDEATHSIG = 1
_STARTED = re.compile(r"Running stage '(\w+)'")
_CACHED = re.compile(r"Stage '(\w+)' is cached")
_NOISE = re.compile(
    r"\s*$|> |\t|Updating lock|Stage '\w+' didn't|Reproducing exp|Ran exp|To apply|run:|Use `dvc push"
    r"|WARNING: .* is empty\."
)
_NOT_IN_CACHE = re.compile(r"No such file or directory: '.*/exps/|Checkout failed|missing-files")


@dataclass(frozen=True, slots=True)
class Experiment:
    """A name that git accepts, and the values by which params.yaml differs, each under its dotted key."""

    name: str
    values: Mapping[str, Any]

    def arguments(self) -> list[str]:
        """Give the values as `key=value` in the grammar of `dvc exp run -S`."""
        return overrides(nested(self.values))

    def command(self) -> list[str]:
        """Give DVC's command line that makes it."""
        pairs = [part for argument in self.arguments() for part in ("-S", argument)]
        # without --allow-missing an empty cache would ask, and pay, the teacher again instead of failing
        return ["dvc", "exp", "run", "--temp", "--allow-missing", "-n", self.name, *pairs, SCORES]

    def params(self, source: str) -> str:
        """Give the text of params.yaml with its values; a key that isn't there is refused in the name of `source`."""
        return applied(PARAMS_FILE.read_text(encoding="utf-8"), nested(self.values), source)


def clean_head() -> str:
    """Give the commit from which experiments start.

    Raises:
        StageError: a file that git tracks differs from it, so that experiments would carry an edit that no name tells.
    """
    changed = changed_files(".", f":!{paths.EXPERIMENT_SUMMARIES}")
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise StageError(
            f"uncommitted changes: {', '.join(changed[:3])}{more}; experiments start from a commit: "
            "`git commit -a` or `git stash` first"
        )
    return head()


def head() -> str:
    """Give the commit that is checked out."""
    return run_git("rev-parse", "HEAD")


def made(start: str) -> dict[str, str]:
    """Give the commits of the experiments that start from a commit, by name."""
    prefix = f"refs/exps/{start[:2]}/{start[2:]}/"
    lines = run_git("for-each-ref", "--format=%(objectname) %(refname)", prefix).splitlines()
    return {ref.removeprefix(prefix): commit for commit, ref in (line.split(" ", 1) for line in lines)}


def refuse_other_settings(experiment: Experiment, commit: str, source: str) -> None:
    """Refuse an experiment's name that stands for other values.

    Raises:
        StageError: params.yaml of that commit holds another value.
    """
    safe = YAML(typ="safe", pure=True)
    there = safe.load(read_committed(commit, PARAMS_FILE) or "")
    if there != safe.load(experiment.params(source)):
        raise StageError(
            f"{experiment.name}: an experiment of this name was made with other values; "
            f"`dvc exp remove {experiment.name}`, or take another name"
        )


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the right to run experiments, which share the machine's cores or its GPU.

    Raises:
        StageError: another process holds it, or DVC's queue is not empty.
    """
    path = cache_dir() / LOCK
    with hold_lock(path, "held by another run of experiments, accepted: one at a time"):
        _refuse_queue()
        yield


def ensure(experiment: Experiment, start: str, label: str) -> str:
    """Give the experiment's commit; runs it unless it was made before.

    Raises:
        StageError: it failed; with the stage's own reason.
    """
    commit = made(start).get(experiment.name)
    if commit is not None:
        console.say(f"{label}: made before")
        return commit
    began = time.monotonic()
    console.say(f"{label}: {', '.join(experiment.arguments()) or 'as committed'}")
    _run(experiment, label)
    console.say(f"{label}: done in {time.monotonic() - began:.0f} s")
    return made(start)[experiment.name]


def queue(experiment: Experiment) -> None:
    """Put an experiment in DVC's own queue, which `dvc queue start` works off."""
    command = [word if word != "--temp" else "--queue" for word in experiment.command()]
    done = subprocess.run(_dvc(command), env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StageError(f"{experiment.name}: not queued: {_last_line(done.stderr)}")


def _run(experiment: Experiment, label: str) -> None:
    """Run DVC in a process group of its own, so that a signal to this process can be passed on to all of it."""
    libc = ctypes.CDLL(None)

    def end_with_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    process = subprocess.Popen(
        _dvc(experiment.command()),
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, which takes no lock
    )
    assert process.stdout is not None
    try:
        reason = _follow(process.stdout, label)
        code = process.wait()
    except BaseException:
        console.say(f"{label}: stopping")
        _end(process)
        raise
    if code != 0:
        raise StageError(f"{experiment.name}: {reason or f'dvc ended with {code}'}")


def _follow(lines: Iterator[str], label: str) -> str:
    """Print what DVC and its stages say until they end; gives the reason of a failure, if one was told."""
    began = time.monotonic()
    stage = reason = ""
    for line in lines:
        for pattern, how in ((_STARTED, "runs"), (_CACHED, "comes out of the cache")):
            if found := pattern.match(line):
                stage = found[1]
                console.say(f"{label}: {stage} {how}, {time.monotonic() - began:.0f} s")
                break
        else:
            if not _NOISE.match(line):
                console.say(f"{label}: | {line.rstrip()}")
            if line.startswith("error: "):
                reason = f"{stage}: {line.removeprefix('error: ').rstrip()}"
            elif _NOT_IN_CACHE.search(line):
                reason = "data of a stage that did not change are not in DVC's cache; `dvc pull` brings them"
            elif line.startswith("ERROR: ") and not reason:
                reason = line.removeprefix("ERROR: ").rstrip()
    return reason


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt DVC and its stage as Ctrl-C in a terminal would, and wait; a second Ctrl-C ends them at once."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()
    except ProcessLookupError:
        process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _refuse_queue() -> None:
    from dvc.repo import Repo

    with Repo() as repo:
        tasks = repo.experiments.celery_queue
        waiting = [*tasks.iter_queued(), *tasks.iter_active()]
    if waiting:
        raise StageError(
            f"DVC's queue holds {len(waiting)} experiments, accepted: one at a time; wait for `dvc queue status`, "
            "or `dvc queue remove --queued`"
        )


def _dvc(command: list[str]) -> list[str]:
    return [sys.executable, "-m", *command]


def _environment() -> dict[str, str]:
    """Give the environment with this Python first in PATH: stages say `python`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", "DVC_NO_ANALYTICS": "1"}


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]

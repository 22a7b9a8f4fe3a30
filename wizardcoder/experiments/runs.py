"""Run DVC experiments one after another from a clean commit.

In: experiments. Out: a commit for each, kept by DVC under refs/exps. Each runs by `dvc exp run --temp` in a temporary
folder that holds only the commit: the workspace stays unchanged, a failure leaves nothing behind, and Ctrl-C reaches
the stage, whereas a queue worker would continue in the background. An experiment that is finished at the same commit is
not run again, and DVC restores a stage that ran before on the same inputs. Does not read results:
wizardcoder/experiments/results.py does.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.child_process import end_with_parent
from wizardcoder.core.console import StageError
from wizardcoder.core.locks import hold_lock
from wizardcoder.experiments.experiment import Experiment, finished_experiments
from wizardcoder.lineage.dvc_internals import open_project

LOCK_NAME = "experiments.lock"
_STARTED = re.compile(r"Running stage '(\w+)'")
_CACHED = re.compile(r"Stage '(\w+)' is cached")
_NOISE = re.compile(
    r"\s*$|> |\t|Updating lock|Stage '\w+' didn't|Reproducing exp|Ran exp|To apply|run:|Use `dvc push"
    r"|WARNING: .* is empty\."
)
_NOT_IN_CACHE = re.compile(r"No such file or directory: '.*/exps/|Checkout failed|missing-files")


@contextmanager
def exclusive_run() -> Iterator[None]:
    """Hold the lock for running experiments: two at a time would share the machine's cores or GPU.

    Raises:
        StageError: another process holds it, or DVC's queue is not empty.
    """
    path = cache_dir() / LOCK_NAME
    with hold_lock(path, "held by another run of experiments, accepted: one at a time"):
        _refuse_queue()
        yield


def run_if_missing(experiment: Experiment, start: str, label: str) -> str:
    """Return the experiment's commit; run it unless it is finished.

    Raises:
        StageError: it failed; with the stage's own message.
    """
    commit = finished_experiments(start).get(experiment.name)
    if commit is not None:
        console.say(f"{label}: finished before")
        return commit
    began = time.monotonic()
    console.say(f"{label}: {', '.join(experiment.arguments()) or 'as committed'}")
    _run(experiment, label)
    console.say(f"{label}: done in {time.monotonic() - began:.0f} s")
    commit = finished_experiments(start).get(experiment.name)
    if commit is None:
        raise StageError(
            f"{experiment.name}: DVC ended without an error but kept no experiment of this name; `dvc exp show` lists "
            "those that it kept"
        )
    return commit


def queue_experiment(experiment: Experiment) -> None:
    """Add an experiment to DVC's own queue, which `dvc queue start` runs."""
    command = [word if word != "--temp" else "--queue" for word in experiment.command()]
    done = subprocess.run(_dvc(command), env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StageError(f"{experiment.name}: not queued: {_last_line(done.stderr)}")


def _run(experiment: Experiment, label: str) -> None:
    """Run DVC in its own process group, so that a signal to this process can be sent to the whole group."""
    process = subprocess.Popen(
        _dvc(experiment.command()),
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=lambda: end_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one system call, which takes no lock
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
        raise StageError(f"{experiment.name}: {reason or f'dvc exited with code {code}'}")


def _follow(lines: Iterator[str], label: str) -> str:
    """Print the output of DVC and its stages until they end; return the reason of a failure, or an empty text."""
    began = time.monotonic()
    stage = reason = ""
    for line in lines:
        for pattern, how in ((_STARTED, "runs"), (_CACHED, "is restored from the cache")):
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
                reason = "data of an unchanged stage is not in DVC's cache; `dvc pull` gets it"
            elif line.startswith("ERROR: ") and not reason:
                reason = line.removeprefix("ERROR: ").rstrip()
    return reason


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt DVC and its stage as Ctrl-C in a terminal does, and wait; a second Ctrl-C kills them."""
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
    with open_project() as project:
        waiting = project.queued_experiments()
    if waiting:
        raise StageError(
            f"DVC's queue holds {waiting} experiments, accepted: one at a time; wait for `dvc queue status`, "
            "or `dvc queue remove --queued`"
        )


def _dvc(command: list[str]) -> list[str]:
    return [sys.executable, "-m", *command]


def _environment() -> dict[str, str]:
    """Return the environment with this Python first in PATH, because dvc.yaml calls `python`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", "DVC_NO_ANALYTICS": "1"}


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]

"""Several processes for one training: torchrun's agent on one machine, DeepSpeed's launcher on several.

In: `train.processes`, `runtime.train.hostfile`, the command that each process runs. Out: nothing; the processes write
their results to files. A process ends with the one that started it.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from wizardcoder.core.console import StageError
from wizardcoder.training.devices import Hardware
from wizardcoder.training.settings import TrainParams

SHUTDOWN_S = 600  # told to stop, the processes end their step and write a checkpoint
ERROR = "error.txt"  # in the job's folder: why a process ended, in one line
_PR_SET_PDEATHSIG = 1


def launch(params: TrainParams, command: list[str], folder: Path, machine: Hardware) -> None:
    """Run `python -m COMMAND` in all processes and wait for their end.

    Raises:
        StageError: one of them failed; its own line where it left one in `folder`.
        SystemExit: told to stop by a signal, which the processes were told too.
    """
    environment = {"PYTHONWARNINGS": "ignore::FutureWarning"}  # libraries' words to each other, from each process
    if not machine.gpu:
        environment["OMP_NUM_THREADS"] = str(max(1, machine.devices // params.processes))
        environment["DS_ACCELERATOR"] = "cpu"
    if params.runtime.hostfile is not None:
        code = _deepspeed(params, Path(params.runtime.hostfile), command, environment)
    else:
        code = _torchrun(params, command, environment)
    if code:
        told = folder / ERROR
        if told.is_file():
            raise StageError(told.read_text(encoding="utf-8").strip())
        raise StageError(f"train: a process ended with exit code {code}; what it printed stands above")


def end_with_parent() -> None:
    """Have the kernel end this process when the one that started it is gone, even by kill -9."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_at_once() -> NoReturn:
    """End this process, its work done, without the interpreter's finalization.

    There a thread of torch's or DeepSpeed's that asks for the interpreter once more aborts the whole process now and
    then ("terminate called without an active exception"), and the launcher takes that for a failed training.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # nobody reads it any more
            stream.flush()
    os._exit(0)


def tell_error(folder: Path, error: StageError) -> None:
    """Leave the reason for this process's end to the one that started it."""
    (folder / ERROR).write_text(f"{error}\n", encoding="utf-8")


def slots_of(hostfile: Path) -> dict[str, int]:
    """Read a hostfile: lines of `HOST slots=N`, as DeepSpeed and MPI have them.

    Raises:
        StageError: it is missing, or a line has another form.
    """
    try:
        lines = hostfile.read_text(encoding="utf-8").splitlines()
    except OSError as exc:
        raise StageError(f"params.yaml: runtime.train.hostfile: {hostfile}: {exc.strerror}") from exc
    found: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not (text := line.split("#", 1)[0].strip()):
            continue
        match = re.fullmatch(r"(\S+)\s+slots=(\d+)", text)
        if match is None or match[1] in found:
            raise StageError(f"{hostfile}:{number}: found {text!r}, accepted: HOST slots=N, each host once")
        found[match[1]] = int(match[2])
    return found


def check_hostfile(params: TrainParams) -> None:
    """Refuse a hostfile whose slots are not the processes that params.yaml asks for."""
    if params.runtime.hostfile is None:
        return
    slots = sum(slots_of(Path(params.runtime.hostfile)).values())
    if slots != params.processes:
        raise StageError(
            f"params.yaml: train.processes: found {params.processes}, accepted: {slots}, "
            f"the slots in {params.runtime.hostfile}"
        )


def check_launcher(params: TrainParams) -> None:
    """Refuse a hostfile where the programs are missing by which DeepSpeed's launcher reaches its hosts."""
    if params.runtime.hostfile is None:
        return
    needed = ("ssh", "pdsh") if len(slots_of(Path(params.runtime.hostfile))) > 1 else ("ssh",)
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        raise StageError(
            f"params.yaml: runtime.train.hostfile: {' and '.join(missing)} not found on this machine; DeepSpeed's "
            "launcher reaches the others by it (Debian: apt-get install openssh-client pdsh)"
        )


def processes_together(params: TrainParams) -> int:
    """Give how many processes share a machine, the fullest where a hostfile names several."""
    return (
        params.processes if params.runtime.hostfile is None else max(slots_of(Path(params.runtime.hostfile)).values())
    )


def _torchrun(params: TrainParams, command: list[str], environment: dict[str, str]) -> int:
    """Run torchrun's agent in this process: its processes share this terminal."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # what failed is said in one line
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=params.processes,
        run_id="train",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        shutdown_timeout=SHUTDOWN_S,
    )
    before = {key: os.environ.get(key) for key in environment}
    os.environ.update(environment)
    try:
        elastic_launch(config, sys.executable)("-m", *command)
    except ChildFailedError as exc:
        return int(exc.get_first_failure()[1].exitcode) or 1
    except SignalException as exc:
        raise SystemExit(128 + exc.sigval) from exc
    finally:
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.__setitem__(key, value)
    return 0


def _deepspeed(params: TrainParams, hostfile: Path, command: list[str], environment: dict[str, str]) -> int:
    """Run DeepSpeed's launcher, which reaches the hosts by pdsh; the project's folder must be the same on all.

    pdsh it is since DeepSpeed's other launchers need MPI or Slurm; it has none that takes ssh alone.
    """
    launcher = [str(Path(sys.executable).with_name("deepspeed")), "--hostfile", str(hostfile)]
    how = ["--launcher", "pdsh", "--no_local_rank", "--module"]
    done = subprocess.run([*launcher, *how, *command], env=os.environ | environment, check=False)
    return done.returncode

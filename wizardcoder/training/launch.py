"""Start the processes of a training: torchrun's agent on one machine, DeepSpeed's launcher on several.

Does not pass results: the processes leave them as files. A process ends with its parent.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from wizardcoder.core.console import StageError
from wizardcoder.training.devices import Hardware
from wizardcoder.training.settings import TrainParams

SHUTDOWN_S = 600  # after a signal, the processes finish their step and write a checkpoint
ERROR = "error.txt"  # in the job's folder: the error of a process, in one line


def launch(params: TrainParams, command: list[str], folder: Path, machine: Hardware) -> None:
    """Run `python -m COMMAND` in all processes and wait until they end.

    Raises:
        StageError: a process failed; with the line that it left in `folder`, if any.
        SystemExit: stopped by a signal, which the processes received too.
    """
    environment = {"PYTHONWARNINGS": "ignore::FutureWarning"}  # each process would repeat the libraries' warnings
    if not machine.gpu:
        environment["OMP_NUM_THREADS"] = str(max(1, machine.devices // params.processes))
        environment["DS_ACCELERATOR"] = "cpu"
    if params.runtime.hostfile is not None:
        code = _run_deepspeed(Path(params.runtime.hostfile), command, environment)
    else:
        code = _run_torchrun(params, command, environment)
    if code:
        error = folder / ERROR
        if error.is_file():
            raise StageError(error.read_text(encoding="utf-8").strip())
        raise StageError(f"train: a training process exited with code {code}; see its output above")


def exit_immediately() -> NoReturn:
    """End this process, whose work is done, without the interpreter's finalization.

    During finalization, a thread of torch or DeepSpeed that needs the interpreter sometimes aborts the whole process
    ("terminate called without an active exception"), which the launcher takes for a failed training.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # the reader may be gone
            stream.flush()
    os._exit(0)


def write_error(folder: Path, error: StageError) -> None:
    """Write why this process ends, for the process that started it."""
    (folder / ERROR).write_text(f"{error}\n", encoding="utf-8")


def _run_torchrun(params: TrainParams, command: list[str], environment: dict[str, str]) -> int:
    """Run torchrun's agent in this process, so that its processes share this terminal."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the error is reported in one line
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
    handlers = {
        signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    }
    os.environ.update(environment)
    try:
        elastic_launch(config, sys.executable)("-m", *command)
    except ChildFailedError as exc:
        return int(exc.get_first_failure()[1].exitcode) or 1
    except SignalException as exc:
        raise SystemExit(128 + exc.sigval) from exc
    finally:
        for signum, handler in handlers.items():  # torchrun's agent leaves its own behind
            signal.signal(signum, handler)
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.__setitem__(key, value)
    return 0


def _run_deepspeed(hostfile: Path, command: list[str], environment: dict[str, str]) -> int:
    """Run DeepSpeed's launcher, which reaches the hosts with pdsh; all must share the project's folder.

    Its other launchers need MPI or Slurm; none works with ssh alone.
    """
    launcher = [str(Path(sys.executable).with_name("deepspeed")), "--hostfile", str(hostfile)]
    options = ["--launcher", "pdsh", "--no_local_rank", "--module"]
    done = subprocess.run([*launcher, *options, *command], env=os.environ | environment, check=False)
    return done.returncode

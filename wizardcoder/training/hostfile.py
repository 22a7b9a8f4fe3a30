"""The hostfile of a training on several machines.

Checks that it matches `train.processes`, and that the programs that reach its hosts are installed.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from wizardcoder.core.console import StageError
from wizardcoder.training.settings import TrainParams


def read_slots(hostfile: Path) -> dict[str, int]:
    """Read a hostfile: lines of `HOST slots=N`, as for DeepSpeed and MPI.

    Raises:
        StageError: the file is missing, or a line has another form.
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
    """Refuse a hostfile whose slots are not `train.processes`."""
    hostfile = params.runtime.hostfile
    if hostfile is None:
        return
    slots = sum(read_slots(Path(hostfile)).values())
    if slots != params.processes:
        raise StageError(
            f"params.yaml: train.processes: found {params.processes}, accepted: {slots}, the slots in {hostfile}"
        )


def check_launcher(params: TrainParams) -> None:
    """Refuse a hostfile if the programs with which DeepSpeed's launcher reaches its hosts are missing."""
    if params.runtime.hostfile is None:
        return
    needed = ("ssh", "pdsh") if len(read_slots(Path(params.runtime.hostfile))) > 1 else ("ssh",)
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        raise StageError(
            f"params.yaml: runtime.train.hostfile: {' and '.join(missing)} not found on this machine; DeepSpeed's "
            "launcher needs it to reach the other machines (Debian: apt-get install openssh-client pdsh)"
        )


def processes_per_machine(params: TrainParams) -> int:
    """Return how many processes share a machine; for a hostfile, the largest number of slots."""
    return (
        params.processes if params.runtime.hostfile is None else max(read_slots(Path(params.runtime.hostfile)).values())
    )

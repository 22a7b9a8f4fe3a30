"""Repair of what a killed DVC process leaves behind, so that the next `dvc repro` starts.

In: a DVC project's root folder and the processes of this machine. Out: repaired files under .dvc/tmp, a readable
dvc.lock, one line for each repair. DVC writes .dvc/tmp/rwlock and dvc.lock in place, so `kill -9` can leave them empty
or cut short. Stages that outlive their DVC process end themselves (`console.entry`); they are awaited.

Does not touch anything while a DVC process of the project lives. Does not see processes on other machines.
"""

from __future__ import annotations

import fcntl
import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizardcoder.core.console import StageError

if TYPE_CHECKING:
    import psutil

ORPHAN_WAIT_S = 300.0  # an optimizer step of a large model; then its SIGTERM is handled
POLL_S = 0.2
DVC_TMP = Path(".dvc/tmp")
DVC_LOCK = Path("dvc.lock")


def repair(root: Path, say: Callable[[str], None], *, wait_s: float = ORPHAN_WAIT_S) -> list[str]:
    """Wait for orphaned stages, repair DVC's files, and return a line for each repair.

    Args:
        root: the folder that holds .dvc.
        say: prints a line while orphaned stages are awaited.
        wait_s: how long they are awaited.

    Raises:
        StageError: an orphaned stage still runs after `wait_s` seconds.
    """
    if not (root / ".dvc").is_dir() or running_dvc(root):
        return []
    wait_for_orphans(root, say, wait_s)
    done = [_repair_rwlock(root), *(_remove_hardlink_lock(root, name) for name in ("lock", "rwlock.lock"))]
    done.append(_restore_dvc_lock(root))
    return [line for line in done if line is not None]


def running_dvc(root: Path) -> list[int]:
    """Return the ids of the living DVC processes that work in a project."""
    return [process.pid for process in _processes() if _is_dvc(process) and _works_in(process, root)]


def orphaned_stages(root: Path) -> list[int]:
    """Return the ids of the processes that a DVC process of the project started and that outlived it."""
    import psutil

    own = {psutil.Process().pid, *(parent.pid for parent in psutil.Process().parents())}
    return [p.pid for p in _processes() if p.pid not in own and _is_stage_of(p, root) and not _below_dvc(p)]


def wait_for_orphans(root: Path, say: Callable[[str], None], wait_s: float = ORPHAN_WAIT_S) -> None:
    """Wait until the stages have ended that a killed DVC process of the project left behind.

    Raises:
        StageError: one still runs after `wait_s` seconds.
    """
    import psutil

    deadline = time.monotonic() + wait_s
    announced: set[int] = set()
    while orphans := orphaned_stages(root):
        for pid in set(orphans) - announced:
            say(f"waiting for process {pid} to exit; a killed DVC run left it behind: {_command(pid)}")
        announced.update(orphans)
        if time.monotonic() >= deadline:
            pids = " ".join(map(str, orphans))
            raise StageError(f"a killed DVC run left processes that do not exit; end them with `kill {pids}`")
        psutil.wait_procs([psutil.Process(pid) for pid in orphans if psutil.pid_exists(pid)], timeout=POLL_S)


def _repair_rwlock(root: Path) -> str | None:
    """Remove DVC's table of locked paths where it is unreadable or all processes in it are gone."""
    path = root / DVC_TMP / "rwlock"
    with _guard(root) as owned:
        if not owned or not path.is_file():
            return None
        holders = _holders(path)
        if holders is None:
            path.unlink()
            return f"removed {path.relative_to(root)}: empty or cut short by a killed DVC process"
        if not holders or any(_holds(pid) for pid in holders):
            return None
        path.unlink()
        return f"removed {path.relative_to(root)}: locks of ended processes ({', '.join(map(str, sorted(holders)))})"


@contextmanager
def _guard(root: Path) -> Iterator[bool]:
    """Hold the lock under which DVC edits `rwlock`; yields False where another process holds it."""
    path = root / DVC_TMP / "rwlock.lock"
    if not path.parent.is_dir():
        yield False
        return
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _holders(path: Path) -> set[int] | None:
    """Return the process ids in DVC's table of locked paths; None where it is unreadable."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        readers = [entry for entries in table.get("read", {}).values() for entry in entries]
        return {int(entry["pid"]) for entry in (*readers, *table.get("write", {}).values())}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _holds(pid: int) -> bool:
    """Return whether a process lives and is DVC: the number of an ended process is given to new ones."""
    import psutil

    try:
        return _is_dvc(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def _remove_hardlink_lock(root: Path, name: str) -> str | None:
    """Remove a lock made under DVC's setting `core.hardlink_lock`: unlike flock's, it outlives its process.

    Such a file contains the path of its claim file, a second link to it.
    """
    path = root / DVC_TMP / name
    try:
        claim = Path(path.read_text(encoding="utf-8").strip())
        if claim.suffix != ".lock" or not (root / claim).samefile(path) or (root / claim) == path:
            return None
    except (OSError, UnicodeDecodeError, ValueError):
        return None
    (root / claim).unlink()
    path.unlink()
    return f"removed {path.relative_to(root)}: lock of an ended process"


def _restore_dvc_lock(root: Path) -> str | None:
    """Restore a cut dvc.lock from git; DVC finds later results in its run cache."""
    path = root / DVC_LOCK
    if not path.is_file() or _is_whole(path.read_text(encoding="utf-8", errors="replace")):
        return None
    committed = subprocess.run(["git", "show", f"HEAD:./{DVC_LOCK}"], cwd=root, capture_output=True, check=False)
    path.replace(root / DVC_TMP / "dvc.lock.damaged")
    if committed.returncode == 0:
        path.write_bytes(committed.stdout)
        return f"restored {DVC_LOCK} from git: a killed DVC process had cut it short"
    return f"removed {DVC_LOCK}: a killed DVC process had cut it short; DVC finds the results in its run cache"


def _is_whole(text: str) -> bool:
    """Return whether dvc.lock is complete: it ends with a line feed and every stage has what DVC's schema demands."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        lock = YAML(typ="safe").load(text) if text.endswith("\n") else None
    except YAMLError:
        return False
    stages = lock.get("stages") if isinstance(lock, dict) else None
    return isinstance(stages, dict) and all(_is_entry(entry) for entry in stages.values())


def _is_entry(entry: Any) -> bool:  # noqa: ANN401 - parsed YAML
    if not isinstance(entry, dict) or not isinstance(entry.get("cmd"), str | list):
        return False
    files = [file for name in ("deps", "outs") for file in entry.get(name, [{"path": ""}]) or [None]]
    params = entry.get("params", {})
    return isinstance(params, dict) and all(isinstance(file, dict) and "path" in file for file in files)


def _processes() -> Iterator[psutil.Process]:
    import psutil

    yield from psutil.process_iter()


def _is_dvc(process: psutil.Process) -> bool:
    """Return whether a process is `dvc` or `python -m dvc`; its short-lived daemons hold no lock."""
    import psutil

    try:
        command = process.cmdline()[:5]
    except psutil.Error:
        return False
    names = [part.rsplit("/", 1)[-1] for part in command]
    return ("dvc" in names[:2] or names[1:3] == ["-m", "dvc"]) and "daemon" not in names


def _works_in(process: psutil.Process, root: Path) -> bool:
    import psutil

    try:
        return Path(process.cwd()).is_relative_to(root.resolve())
    except (psutil.Error, OSError):
        return False


def _is_stage_of(process: psutil.Process, root: Path) -> bool:
    """Return whether DVC started a process as a stage: it sets these variables, which child processes inherit."""
    import psutil

    try:
        environment = process.environ()
        return "DVC_STAGE" in environment and Path(environment.get("DVC_ROOT", "/")).resolve() == root.resolve()
    except (psutil.Error, OSError):
        return False


def _below_dvc(process: psutil.Process) -> bool:
    import psutil

    try:
        return any(_is_dvc(parent) for parent in process.parents())
    except psutil.Error:
        return False


def _command(pid: int) -> str:
    import psutil

    try:
        return shlex.join(psutil.Process(pid).cmdline())[:120]
    except psutil.Error:
        return "(exited)"

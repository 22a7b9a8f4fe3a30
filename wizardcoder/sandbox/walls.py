"""The walls around a sample: namespaces, Landlock, seccomp, limits; runs inside the sandbox. Standard library only.

In: a plan. Out: a process that can reach nothing, and the names of the active layers. `build` confines the helper
process once; `confine` confines each sample, right after its fork. The numbers are in limits.py.

Without namespaces a sample is one process of the same user (of a user of its own, if the helper is root): it sees the
package folders next to the interpreter, and its files are limited one by one only.
"""

from __future__ import annotations

import contextlib
import os
import resource
import struct
import sys
from typing import Any, NamedTuple

from wizardcoder.sandbox.kernel import (
    MNT_DETACH,
    MS_NOATIME,
    MS_NODEV,
    MS_NOSUID,
    MS_RDONLY,
    NEWNS,
    PR_SET_KEEPCAPS,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    SYS_CAPSET,
    SYS_LANDLOCK_RESTRICT,
    SYS_PRCTL,
    SYS_PRLIMIT,
    SystemCall,
    call,
    install_seccomp_filter,
    make_calls,
    mount,
    prepared_call,
)
from wizardcoder.sandbox.landlock import create_ruleset, landlock_version
from wizardcoder.sandbox.limits import Limits
from wizardcoder.sandbox.namespaces import DEVICES, FIRST_SAMPLE_UID, SCRATCH, enter_namespaces, is_root

_CAP_DAC_READ_SEARCH = 1 << 2


class Wall(NamedTuple):
    """What `confine` needs: made once by the helper process."""

    layers: tuple[str, ...]
    own_pid_namespace: int | None  # a descriptor; None without namespaces
    readable: tuple[str, ...] | None  # the paths below which samples may read; None without Landlock
    seccomp: bytes | None  # a compiled filter that each sample installs; None if the helper has done so
    root: bool  # whether the helper is still root, which each sample has to give up
    helper_pid: int

    @property
    def namespaces(self) -> bool:
        """Whether samples have namespaces of their own."""
        return self.own_pid_namespace is not None


def build(plan: dict[str, Any]) -> Wall:
    """Confine this process, the helper, as far as the kernel allows.

    Args:
        plan: what `Sandbox` sends: visible, hidden, shown, root, seccomp, without.
    """
    layers: list[str] = []
    namespace = None
    if "namespaces" not in plan["without"] and _can_enter(plan):
        namespace = enter_namespaces(plan["root"], plan["visible"], plan["hidden"], plan["shown"])
        layers += ["user", "pid", "mount", "net", "ipc", "uts"]
    walled = namespace is not None
    readable = ("/",) if walled else (*plan["visible"], *plan["shown"], *DEVICES)
    version = 0 if "landlock" in plan["without"] else landlock_version()
    layers += [f"landlock{version}"] if version else []
    seccomp = plan["seccomp"].get("namespaces" if walled else "process")
    if seccomp is not None:
        layers.append("seccomp")
        if walled:  # once for all samples: the helper's remaining work needs rights that samples lack
            install_seccomp_filter(bytes.fromhex(seccomp))
    return Wall(
        tuple(layers),
        namespace,
        readable if version else None,
        bytes.fromhex(seccomp) if seccomp is not None and not walled else None,
        not walled and is_root(),
        os.getpid(),
    )


class Scratch:
    """The folder that samples may write in; no sample finds what another left there."""

    def __init__(self, wall: Wall, folder: str) -> None:
        self._wall = wall
        self._mounted: tuple[int, int] | None = None  # size in MB, time of the last change
        self._limits: Limits | None = None
        self._ruleset: int | None = None
        self.path = SCRATCH if wall.namespaces else f"{folder}/sample"
        self.confining_calls: list[SystemCall] = []

    def prepare(self, limits: Limits) -> None:
        """Make the folder empty and unchanged, with a Landlock ruleset for it and the calls that confine a sample."""
        if not self._wall.namespaces:
            os.mkdir(self.path)
            self._prepare_calls(limits)
        elif self._mounted != (limits.scratch_mb, os.stat(SCRATCH).st_ctime_ns):
            # any change of the folder, also of its attributes, moves this time, and nobody can set it
            if self._mounted is not None:
                call("umount2", SCRATCH.encode(), MNT_DETACH)
            _mount_scratch(limits.scratch_mb)
            self._mounted = (limits.scratch_mb, os.stat(SCRATCH).st_ctime_ns)
            self._prepare_calls(limits)
        elif self._limits != limits:
            self._prepare_calls(limits)

    def clear(self) -> None:
        """Remove what a sample left, if it is on disk."""
        if not self._wall.namespaces:
            os.spawnvp(os.P_WAIT, "rm", ["rm", "-rf", self.path])  # however deep a sample nested its folders

    def _prepare_calls(self, limits: Limits) -> None:
        if self._ruleset is not None:
            os.close(self._ruleset)
        if self._wall.readable is not None:  # its rules apply to the folder, or file system, that is there now
            self._ruleset = create_ruleset(self._wall.readable, self.path)
        self.confining_calls = _confining_calls(self._wall, limits, self._ruleset)
        self._limits = limits


def confine(wall: Wall, limits: Limits, scratch: Scratch, own_mounts: bool) -> None:
    """Confine this process, a sample before its first line. There is no way back.

    Args:
        wall: the helper's.
        limits: of this sample.
        scratch: prepared for it.
        own_mounts: give it a mount namespace with a scratch folder and a /proc of its own.
    """
    calls = scratch.confining_calls
    if own_mounts and wall.namespaces:
        call("unshare", NEWNS)
        _mount_scratch(limits.scratch_mb)
        with contextlib.suppress(OSError):  # forbidden in some containers; most programs do without
            mount("proc", "/proc", "proc", MS_RDONLY | MS_NOSUID | MS_NODEV)
        ruleset = None if wall.readable is None else create_ruleset(wall.readable, SCRATCH)
        calls = _confining_calls(wall, limits, ruleset)
    os.chdir(scratch.path)
    if wall.root:
        _become_nobody(scratch.path)
    make_calls(calls)
    if not wall.namespaces:  # after the change of user, which undoes it
        call("prctl", PR_SET_PDEATHSIG, 9, 0, 0, 0)
        if os.getppid() != wall.helper_pid:  # the helper ended before it could take this process with it
            os._exit(1)
    if wall.seccomp is not None:
        install_seccomp_filter(wall.seccomp)


def _can_enter(plan: dict[str, Any]) -> bool:
    """Return whether this machine allows the namespaces; tried in a fork, because there is no way back."""
    pid = os.fork()
    if pid == 0:
        try:
            enter_namespaces(plan["root"], plan["visible"], plan["hidden"], plan["shown"])
        except OSError as exc:
            print(f"no namespaces: {exc}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def _confining_calls(wall: Wall, limits: Limits, ruleset: int | None) -> list[SystemCall]:
    """Return the calls that limit a sample and take its rights."""
    assert limits.cpu_s is not None, "Limits.for_kernel sets it"
    bounds = {
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_FSIZE: limits.file_mb * 2**20,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }
    if limits.address_space_mb is not None:
        bounds[resource.RLIMIT_AS] = limits.address_space_mb * 2**20
    calls = []
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        least = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        calls.append(prepared_call(SYS_PRLIMIT, 0, kind, struct.pack("QQ", least, least), None))
    # the interpreter may be in root's home folder; Landlock still limits what is readable
    kept = _CAP_DAC_READ_SEARCH if wall.root else 0
    header, sets = struct.pack("II", 0x20080522, 0), struct.pack("IIIIII", kept, kept, 0, 0, 0, 0)
    calls.append(prepared_call(SYS_CAPSET, header, sets))
    calls.append(prepared_call(SYS_PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if ruleset is not None:
        calls.append(prepared_call(SYS_LANDLOCK_RESTRICT, ruleset, 0))
    return calls


def _become_nobody(folder: str) -> None:
    """Give up root, to whom limits on processes do not apply, for a user that no other sample is."""
    uid = FIRST_SAMPLE_UID + os.getpid() % 4000
    os.chown(folder, uid, uid)
    call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _mount_scratch(size_mb: int) -> None:
    flags = MS_NOSUID | MS_NODEV | MS_NOATIME
    mount("tmpfs", SCRATCH, "tmpfs", flags, f"size={size_mb}m,nr_inodes=10k,mode=700")

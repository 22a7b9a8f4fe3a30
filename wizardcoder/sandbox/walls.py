"""The walls of the sandbox: namespaces, a root of its own, Landlock, seccomp, limits; runs inside the sandbox.

In: a plan. Out: a process that can reach nothing, and the names of the layers that hold. Needs neither root nor a
daemon. `enter` walls in the zygote once; `confine` walls in each sample, right after its fork. Linux on x86-64 and
ARM64. Only the standard library is imported.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import struct
from typing import Any, NamedTuple

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000,
    0x02000000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
SCRATCH = "/scratch"
UID = 1000  # inside the user namespace
NOBODY = 65534
_FIRST_NOBODY = 61000
_CAP_DAC_READ_SEARCH = 1 << 2
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOATIME, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 1024, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 8, 22, 38
_SYS_PIVOT_ROOT, _SYS_CAPSET, _SYS_PRCTL, _SYS_PRLIMIT, _SYS_UNSHARE, _SYS_SETNS = {
    "x86_64": (155, 126, 157, 302, 272, 308),
    "aarch64": (41, 91, 167, 261, 97, 268),
}.get(os.uname().machine, (-1,) * 6)
_SYS_MOUNT_SETATTR, _SYS_LANDLOCK_CREATE, _SYS_LANDLOCK_ADD_RULE, _SYS_LANDLOCK_RESTRICT = 442, 444, 445, 446
_LANDLOCK_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many, by ABI version
_LANDLOCK_READ = 0b1101  # execute, read file, read folder
_LANDLOCK_OF_A_FILE = 1 << 15 | 1 << 14 | 0b111  # ioctl, truncate, read, write, execute
DEVICES = ("/dev/null", "/dev/urandom", "/dev/random")
_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
SystemCall = tuple[Any, ...]  # its number and arguments, as ctypes takes them


def _system_call(number: int, *arguments: int | bytes | None) -> SystemCall:
    return tuple(ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments))


_NEW_PID_NAMESPACE = [_system_call(_SYS_UNSHARE, NEWPID)]


class Limits(NamedTuple):  # not a dataclass: that module and its imports would double what a fork copies
    """What one sample may use."""

    cpu_s: int  # per process
    memory_mb: int | None  # address space per process; None for runtimes that reserve far more than they use
    processes: int
    file_mb: int  # per file
    scratch_mb: int
    open_files: int = 64


class Wall(NamedTuple):
    """What `confine` needs: made once by the zygote."""

    layers: tuple[str, ...]
    own_pid_namespace: int | None  # a descriptor; None where there are no namespaces
    readable: tuple[str, ...] | None  # what samples may read below, None where there is no Landlock
    seccomp: bytes | None  # a compiled filter that each sample puts on; None where the zygote has done so
    root: bool  # whether the zygote is still root, which each sample has to give up
    zygote: int  # its process id

    @property
    def namespaces(self) -> bool:
        """Whether samples have namespaces of their own."""
        return self.own_pid_namespace is not None


def enter(root: str, visible: tuple[str, ...], hidden: tuple[str, ...], shown: tuple[str, ...]) -> int | None:
    """Move this process into new namespaces with a root that shows only `visible`, read-only.

    The caller goes on as process 1 of the pid namespace; the process that called stays outside and waits for it.

    Args:
        root: an empty folder to build the new root on.
        visible: paths that are shown where they are.
        hidden: folders within them that are shown empty.
        shown: paths that are shown all the same.

    Returns:
        A descriptor of the pid namespace, for `newborn`.

    Raises:
        OSError: the kernel or a container's policy forbids it; nothing has changed for other processes, but this one
            may be half way in: try in a fork first.
    """
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    everything = NEWUSER | NEWPID | NEWNET | NEWIPC | NEWUTS | NEWNS
    if is_root():
        # The root is built with real rights, so that files under a folder closed to others can be shown; then real
        # root is given up for good, since limits on processes do not bind it.
        _call("unshare", NEWNS)
        _new_root(root, visible, hidden, shown)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        _call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)
        _user_namespace(proc, everything)
    else:
        _user_namespace(proc, everything)
        _new_root(root, visible, hidden, shown)
    pid = os.fork()
    if pid:
        _call("prctl", _PR_SET_PDEATHSIG, 9, 0, 0, 0)
        _wait_and_exit(pid)
    _call("prctl", _PR_SET_PDEATHSIG, 9, 0, 0, 0)
    _mount("tmpfs", "/proc", "tmpfs", _MS_RDONLY | _MS_NOSUID | _MS_NODEV, "size=4k,mode=755")
    namespace = os.open("self/ns/pid", os.O_RDONLY, dir_fd=proc)
    os.close(proc)
    return namespace


def is_root() -> bool:
    """Tell whether this process may become any user: root, but not the only user of a namespace, who is called so."""
    if os.getuid() != 0:
        return False
    with open("/proc/self/uid_map") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    return any(first <= _FIRST_NOBODY and first + count > NOBODY for first, _, count in ranges)


def _wait_and_exit(pid: int) -> None:
    os.closerange(3, 256)
    _, status = os.waitpid(pid, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _user_namespace(proc: int, flags: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", flags)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{UID} {uid} 1"), ("gid_map", f"{UID} {gid} 1")):
        descriptor = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def _new_root(root: str, visible: tuple[str, ...], hidden: tuple[str, ...], shown: tuple[str, ...]) -> None:
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID, "size=1m,mode=755")
    for folder in ("/dev", "/proc", "/etc", SCRATCH):
        os.mkdir(root + folder)
    with open(f"{root}/etc/passwd", "w") as file:
        file.write(f"user:x:{UID}:{UID}::{SCRATCH}:/bin/sh\n")
    os.symlink(SCRATCH, f"{root}/dev/shm")
    for path in sorted({*visible, *DEVICES}):
        _show(root, path)
    # a proc must be in sight for a sample to be allowed one of its own; `enter` hides it
    _mount("/proc", f"{root}/proc", None, _MS_BIND | _MS_REC)
    for path in hidden:
        if os.path.isdir(root + path):
            _mount("tmpfs", root + path, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
    for path in sorted(shown):
        _show(root, path)
    if not os.path.lexists(f"{root}/tmp"):  # it is there where something below /tmp is shown
        os.symlink(SCRATCH, f"{root}/tmp")
    _read_only(root)
    os.chdir(root)
    _call("syscall", _SYS_PIVOT_ROOT, b".", b".")
    _call("umount2", b".", _MNT_DETACH)
    os.chdir("/")


def _show(root: str, path: str) -> None:
    place = root + path
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.islink(path):  # /lib -> usr/lib
        if not os.path.lexists(place):
            os.symlink(os.readlink(path), place)
    elif os.path.isdir(path):
        os.makedirs(place, exist_ok=True)
        _mount(path, place, None, _MS_BIND | _MS_REC)
    elif os.path.exists(path):
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
        _mount(path, place, None, _MS_BIND)


def _read_only(root: str) -> None:
    attributes = struct.pack("QQQQ", 1 | _MS_NOSUID, 0, 0, 0)  # MOUNT_ATTR_RDONLY
    _call("syscall", _SYS_MOUNT_SETATTR, -100, root.encode(), 0x8000, attributes, len(attributes))


def landlock_version() -> int:
    """Give the version of the kernel's Landlock, 0 where it has none.

    Landlock is used by its bare system calls: a package would bring platform, tempfile and subprocess into every
    sample's process.
    """
    try:
        return _call("syscall", _SYS_LANDLOCK_CREATE, None, 0, 1)
    except OSError:
        return 0


def _landlock_ruleset(readable: tuple[str, ...], writable: str) -> int:
    """Make a ruleset: reading and running below `readable`, everything below `writable`, no TCP, no signals out."""
    version = landlock_version()
    handled = (1 << _LANDLOCK_FILE_RIGHTS[min(version, max(_LANDLOCK_FILE_RIGHTS))]) - 1
    tcp = 0b11 if version >= 4 else 0  # bind and connect
    scopes = 0b11 if version >= 6 else 0  # abstract sockets and signals stay among the confined
    attributes = struct.pack("QQQ", handled, tcp, scopes)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = _call("syscall", _SYS_LANDLOCK_CREATE, attributes, len(attributes), 0)
    for paths, rights in ((readable, _LANDLOCK_READ), ((writable, "/dev/null"), handled)):
        for path in paths:
            _allow_beneath(ruleset, path, rights & handled)
    return ruleset


def _allow_beneath(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= _LANDLOCK_OF_A_FILE
    _call("syscall", _SYS_LANDLOCK_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, descriptor), 0)
    os.close(descriptor)


def newborn(wall: Wall) -> int:
    """Fork a sample: process 1 of a pid namespace of its own, where the wall has namespaces. Returns as fork does."""
    if wall.own_pid_namespace is None:
        return os.fork()
    make_calls(_NEW_PID_NAMESPACE)
    pid = os.fork()
    if pid:
        make_calls([_system_call(_SYS_SETNS, wall.own_pid_namespace, NEWPID)])
    return pid


class Scratch:
    """The folder that samples may write in; what one of them leaves there no other finds."""

    def __init__(self, wall: Wall, folder: str) -> None:
        self._wall = wall
        self._mounted: tuple[int, int] | None = None  # size in MB, time of the last change
        self._limits: Limits | None = None
        self._ruleset: int | None = None
        self.path = SCRATCH if wall.namespaces else f"{folder}/sample"
        self.last_calls: list[SystemCall] = []

    def prepare(self, limits: Limits) -> None:
        """Make the folder empty and unchanged; a Landlock ruleset goes with it, and the calls that wall in a sample."""
        if not self._wall.namespaces:
            os.mkdir(self.path)
            self._make_calls_ready(limits)
        elif self._mounted != (limits.scratch_mb, os.stat(SCRATCH).st_ctime_ns):
            # any change of the folder, also of its attributes, moves this time, and nobody can set it
            if self._mounted is not None:
                _call("umount2", SCRATCH.encode(), _MNT_DETACH)
            _mount_scratch(limits.scratch_mb)
            self._mounted = (limits.scratch_mb, os.stat(SCRATCH).st_ctime_ns)
            self._make_calls_ready(limits)
        elif self._limits != limits:
            self._make_calls_ready(limits)

    def _make_calls_ready(self, limits: Limits) -> None:
        if self._ruleset is not None:
            os.close(self._ruleset)
        if self._wall.readable is not None:  # its rules hold for the folder, or file system, that is there now
            self._ruleset = _landlock_ruleset(self._wall.readable, self.path)
        self.last_calls = _last_calls(self._wall, limits, self._ruleset)
        self._limits = limits

    def clear(self) -> None:
        """Remove what a sample left, where it lies on disk."""
        if not self._wall.namespaces:
            os.spawnvp(os.P_WAIT, "rm", ["rm", "-rf", self.path])  # however deep a sample nested its folders


def confine(wall: Wall, limits: Limits, scratch: Scratch, own_mounts: bool) -> None:
    """Wall in this process, a sample before its first line. There is no way back.

    Args:
        wall: the zygote's.
        limits: of this sample.
        scratch: prepared for it.
        own_mounts: give it a mount namespace with a scratch folder and a /proc of its own.
    """
    last_calls = scratch.last_calls
    if own_mounts and wall.namespaces:
        _call("unshare", NEWNS)
        _mount_scratch(limits.scratch_mb)
        with contextlib.suppress(OSError):  # forbidden in some containers; most programs do without
            _mount("proc", "/proc", "proc", _MS_RDONLY | _MS_NOSUID | _MS_NODEV)
        ruleset = None if wall.readable is None else _landlock_ruleset(wall.readable, SCRATCH)
        last_calls = _last_calls(wall, limits, ruleset)
    os.chdir(scratch.path)
    if wall.root:
        _become_nobody(scratch.path)
    make_calls(last_calls)
    if not wall.namespaces:  # after the change of user, which undoes it
        _call("prctl", _PR_SET_PDEATHSIG, 9, 0, 0, 0)
        if os.getppid() != wall.zygote:  # it ended before it could take this process with it
            os._exit(1)
    if wall.seccomp is not None:
        filter_calls(wall.seccomp)


def _last_calls(wall: Wall, limits: Limits, ruleset: int | None) -> list[SystemCall]:
    """Give the calls that limit a sample and take its rights."""
    bounds = {
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_FSIZE: limits.file_mb * 2**20,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }
    if limits.memory_mb is not None:
        bounds[resource.RLIMIT_AS] = limits.memory_mb * 2**20
    calls = []
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        least = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        calls.append(_system_call(_SYS_PRLIMIT, 0, kind, struct.pack("QQ", least, least), None))
    # the interpreter may lie in root's home; Landlock still says what is readable
    kept = _CAP_DAC_READ_SEARCH if wall.root else 0
    header, sets = struct.pack("II", 0x20080522, 0), struct.pack("IIIIII", kept, kept, 0, 0, 0, 0)
    calls.append(_system_call(_SYS_CAPSET, header, sets))
    calls.append(_system_call(_SYS_PRCTL, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if ruleset is not None:
        calls.append(_system_call(_SYS_LANDLOCK_RESTRICT, ruleset, 0))
    return calls


def make_calls(calls: list[SystemCall]) -> None:
    """Make system calls whose arguments were made ready before the fork.

    Of all that a sample's process does before its program this costs the least: each Python object that is touched
    first in the child is a page that the kernel copies.
    """
    for arguments in calls:
        if _syscall(*arguments) < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"system call {arguments[0].value}: {os.strerror(number)}")


def _become_nobody(folder: str) -> None:
    """Give up root, whom limits on processes do not bind, for a user that no other sample is."""
    uid = _FIRST_NOBODY + os.getpid() % 4000
    os.chown(folder, uid, uid)
    _call("prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _mount_scratch(size_mb: int) -> None:
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOATIME
    _mount("tmpfs", SCRATCH, "tmpfs", flags, f"size={size_mb}m,nr_inodes=10k,mode=700")


def filter_calls(seccomp: bytes) -> None:
    """Put a compiled seccomp filter on this process and all that it forks."""
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    program = ctypes.create_string_buffer(seccomp, len(seccomp))
    filter_program = struct.pack("HxxxxxxQ", len(seccomp) // 8, ctypes.addressof(program))
    _call("prctl", _PR_SET_SECCOMP, 2, filter_program, 0, 0)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    _call("mount", *texts, flags, None if data is None else data.encode())


def _call(name: str, *arguments: object) -> int:
    result = getattr(_libc, name)(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return int(result)

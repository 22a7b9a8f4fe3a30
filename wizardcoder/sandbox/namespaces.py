"""Namespaces of the helper and its samples: a root of its own, no network, no other processes. Standard library only.

In: which paths are visible. Out: a process in new namespaces, and samples forked in pid namespaces of their own. Needs
neither root nor a daemon. Does not cover: machines whose kernel or container forbids user namespaces; there Landlock
and seccomp are the walls (walls.py).
"""

from __future__ import annotations

import os
import struct

from wizardcoder.sandbox.kernel import (
    MNT_DETACH,
    MS_BIND,
    MS_NODEV,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    NEWIPC,
    NEWNET,
    NEWNS,
    NEWPID,
    NEWUSER,
    NEWUTS,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    SYS_MOUNT_SETATTR,
    SYS_PIVOT_ROOT,
    SYS_SETNS,
    SYS_UNSHARE,
    call,
    make_calls,
    mount,
    prepared_call,
)

SCRATCH = "/scratch"
DEVICES = ("/dev/null", "/dev/urandom", "/dev/random")
UID = 1000  # inside the user namespace
NOBODY = 65534
FIRST_SAMPLE_UID = 61000  # without namespaces, for samples of a helper that is root
_NEW_PID_NAMESPACE = [prepared_call(SYS_UNSHARE, NEWPID)]


def enter_namespaces(root: str, visible: tuple[str, ...], hidden: tuple[str, ...], shown: tuple[str, ...]) -> int:
    """Move this process into new namespaces with a root that shows only `visible`, read-only.

    The caller continues as process 1 of the pid namespace; the process that called stays outside and waits for it.

    Args:
        root: an empty folder to build the new root on.
        visible: paths that are shown at their own place.
        hidden: folders in them that are shown empty.
        shown: paths that are shown even if they are in a hidden folder.

    Returns:
        A descriptor of the pid namespace, for `fork_sample`.

    Raises:
        OSError: the kernel or a container's policy forbids it. Nothing has changed for other processes, but this one
            may be half way in: try in a fork first.
    """
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    everything = NEWUSER | NEWPID | NEWNET | NEWIPC | NEWUTS | NEWNS
    if is_root():
        # The root is built with real rights, so that files under a folder closed to others can be shown; then real
        # root is given up for good, because limits on processes do not apply to it.
        call("unshare", NEWNS)
        _build_root(root, visible, hidden, shown)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)
        _enter_user_namespace(proc, everything)
    else:
        _enter_user_namespace(proc, everything)
        _build_root(root, visible, hidden, shown)
    pid = os.fork()
    if pid:
        call("prctl", PR_SET_PDEATHSIG, 9, 0, 0, 0)
        _wait_and_exit(pid)
    call("prctl", PR_SET_PDEATHSIG, 9, 0, 0, 0)
    mount("tmpfs", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,mode=755")
    namespace = os.open("self/ns/pid", os.O_RDONLY, dir_fd=proc)
    os.close(proc)
    return namespace


def fork_sample(own_pid_namespace: int | None) -> int:
    """Fork; the child is process 1 of a pid namespace of its own, if the helper has one. Returns as fork does."""
    if own_pid_namespace is None:
        return os.fork()
    make_calls(_NEW_PID_NAMESPACE)
    pid = os.fork()
    if pid:
        make_calls([prepared_call(SYS_SETNS, own_pid_namespace, NEWPID)])
    return pid


def is_root() -> bool:
    """Return whether this process may become any user; the only user of a namespace may be called root but may not."""
    if os.getuid() != 0:
        return False
    with open("/proc/self/uid_map") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    return any(first <= FIRST_SAMPLE_UID and first + count > NOBODY for first, _, count in ranges)


def _wait_and_exit(pid: int) -> None:
    os.closerange(3, 256)
    _, status = os.waitpid(pid, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _enter_user_namespace(proc: int, flags: int) -> None:
    uid, gid = os.getuid(), os.getgid()
    call("unshare", flags)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{UID} {uid} 1"), ("gid_map", f"{UID} {gid} 1")):
        descriptor = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def _build_root(root: str, visible: tuple[str, ...], hidden: tuple[str, ...], shown: tuple[str, ...]) -> None:
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID, "size=1m,mode=755")
    for folder in ("/dev", "/proc", "/etc", SCRATCH):
        os.mkdir(root + folder)
    with open(f"{root}/etc/passwd", "w") as file:
        file.write(f"user:x:{UID}:{UID}::{SCRATCH}:/bin/sh\n")
    os.symlink(SCRATCH, f"{root}/dev/shm")
    for path in sorted({*visible, *DEVICES}):
        _show(root, path)
    # the kernel lets a sample mount a /proc of its own only if one is visible; `enter_namespaces` covers it later
    mount("/proc", f"{root}/proc", None, MS_BIND | MS_REC)
    for path in hidden:
        if os.path.isdir(root + path):
            mount("tmpfs", root + path, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    for path in sorted(shown):
        _show(root, path)
    if not os.path.lexists(f"{root}/tmp"):  # it exists if something below /tmp is shown
        os.symlink(SCRATCH, f"{root}/tmp")
    _make_read_only(root)
    os.chdir(root)
    call("syscall", SYS_PIVOT_ROOT, b".", b".")
    call("umount2", b".", MNT_DETACH)
    os.chdir("/")


def _show(root: str, path: str) -> None:
    place = root + path
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.islink(path):  # /lib -> usr/lib
        if not os.path.lexists(place):
            os.symlink(os.readlink(path), place)
    elif os.path.isdir(path):
        os.makedirs(place, exist_ok=True)
        mount(path, place, None, MS_BIND | MS_REC)
    elif os.path.exists(path):
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
        mount(path, place, None, MS_BIND)


def _make_read_only(root: str) -> None:
    attributes = struct.pack("QQQQ", 1 | MS_NOSUID, 0, 0, 0)  # MOUNT_ATTR_RDONLY
    call("syscall", SYS_MOUNT_SETATTR, -100, root.encode(), 0x8000, attributes, len(attributes))

"""The system calls that code in the sandbox may not make, as a compiled seccomp filter.

In: nothing. Out: filters in the kernel's form, by pyseccomp (libseccomp). Calls that are not named are allowed: the
filter denies what reaches out of a process or weakens the other walls, and leaves what ordinary programs do. Does not
cover: sending datagrams to a socket in the file system from a sample without namespaces.
"""

from __future__ import annotations

import errno
import tempfile
from functools import cache

from wizardcoder.sandbox.kernel import NEWCGROUP, NEWIPC, NEWNET, NEWNS, NEWPID, NEWUSER, NEWUTS

_CLONE_THREAD = 0x00010000
_AF_UNIX = 1
_DENIED = (
    # other processes
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_open", "pidfd_getfd"),
    *("pidfd_send_signal", "perf_event_open", "migrate_pages", "move_pages"),
    # namespaces, mounts, roots
    *("pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig"),
    *("fsmount", "fspick", "mount_setattr", "open_by_handle_at", "name_to_handle_at"),
    # the kernel and the machine
    *("bpf", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "init_module", "finit_module"),
    *("delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl", "iopl"),
    *("ioperm", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname", "setdomainname", "syslog"),
    *("vhangup", "personality", "modify_ldt", "fanotify_init", "nfsservctl", "lookup_dcookie", "uselib"),
    "io_setup",  # taken from a quota of the whole machine
    # each worker has its own core: a sample that leaves it takes another's time
    *("sched_setaffinity", "sched_setattr"),
    # memory that outlives a process, or that no limit counts
    *("shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop", "semctl", "semtimedop"),
    *("mq_open", "mq_unlink", "add_key", "request_key", "keyctl", "memfd_create", "memfd_secret"),
    "vmsplice",
)
# without namespaces a sample must be one process that signals nobody, so that killing it leaves nothing; and files
# outside its folder belong to its own user
_DENIED_WITHOUT_NAMESPACES = (
    # a helper with namespaces needs these; its samples lack the rights for them
    *("unshare", "setns", "mount", "umount2"),
    *("fork", "vfork", "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "setsid", "setpgid"),
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr"),
    *("fremovexattr", "connect", "bind", "setpriority", "ioprio_set", "sched_setscheduler", "sched_setparam"),
)
_MAP_SHARED_ANONYMOUS = 0x21
_SOL_SOCKET, _SOCKET_BUFFERS = 1, (7, 8, 32, 33)  # SO_SNDBUF, SO_RCVBUF and their forced forms
_PR_SET_PDEATHSIG = 1
_F_SETOWN, _F_SETOWN_EX, _F_SETPIPE_SZ = 8, 15, 1031


@cache
def filters() -> dict[str, str | None]:
    """Return the filters as hexadecimal text, for samples with namespaces of their own and for those without.

    Both are None if libseccomp or the kernel's support is missing.
    """
    try:
        return {"namespaces": _compiled(alone=False), "process": _compiled(alone=True)}
    except (ImportError, OSError, RuntimeError, AttributeError):
        return {"namespaces": None, "process": None}


def _compiled(alone: bool) -> str:
    import pyseccomp as library

    denied = library.ERRNO(errno.EPERM)
    rules = library.SyscallFilter(library.ALLOW)
    for name in (*_DENIED, *(_DENIED_WITHOUT_NAMESPACES if alone else ())):
        try:
            rules.add_rule(denied, name)
        except OSError:
            continue  # a call that this architecture or libseccomp does not know
    # only local sockets
    rules.add_rule(denied, "socket", library.Arg(0, library.NE, _AF_UNIX))
    rules.add_rule(denied, "unshare", library.Arg(0, library.MASKED_EQ, NEWUSER, NEWUSER))  # it would grant rights
    for flag in (NEWUSER, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWPID, NEWNET):
        rules.add_rule(denied, "clone", library.Arg(0, library.MASKED_EQ, flag, flag))
    # memory that no limit counts
    shared = library.Arg(3, library.MASKED_EQ, _MAP_SHARED_ANONYMOUS, _MAP_SHARED_ANONYMOUS)
    rules.add_rule(denied, "mmap", shared)
    for option in _SOCKET_BUFFERS:
        arguments = library.Arg(1, library.EQ, _SOL_SOCKET), library.Arg(2, library.EQ, option)
        rules.add_rule(denied, "setsockopt", *arguments)
    # taken from a user's quota, which other samples need too
    rules.add_rule(denied, "fcntl", library.Arg(1, library.EQ, _F_SETPIPE_SZ))
    if alone:
        rules.add_rule(denied, "clone", library.Arg(0, library.MASKED_EQ, _CLONE_THREAD, 0))
        rules.add_rule(denied, "prlimit64", library.Arg(0, library.NE, 0))
        rules.add_rule(denied, "prctl", library.Arg(0, library.EQ, _PR_SET_PDEATHSIG))
        for command in (_F_SETOWN, _F_SETOWN_EX):
            rules.add_rule(denied, "fcntl", library.Arg(1, library.EQ, command))
    # its flags are in memory, which a filter cannot read; callers then fall back to clone
    rules.add_rule(library.ERRNO(errno.ENOSYS), "clone3")
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read().hex()

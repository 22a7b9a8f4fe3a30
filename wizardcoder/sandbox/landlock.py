"""Landlock rules for samples: what they may read and write, where the kernel knows Landlock. Standard library only.

In: readable paths, a writable folder. Out: a ruleset's descriptor. Does not cover: reading a folder but not one inside
it (Landlock grants rights per folder), and sockets in the file system.
"""

from __future__ import annotations

import os
import struct

from wizardcoder.sandbox.kernel import SYS_LANDLOCK_ADD_RULE, SYS_LANDLOCK_CREATE, call

_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many, by ABI version
_READ = 0b1101  # execute, read file, read folder
_RIGHTS_OF_A_FILE = 1 << 15 | 1 << 14 | 0b111  # ioctl, truncate, read, write, execute


def landlock_version() -> int:
    """Return the version of the kernel's Landlock, 0 if it has none."""
    try:
        return call("syscall", SYS_LANDLOCK_CREATE, None, 0, 1)
    except OSError:
        return 0


def create_ruleset(readable: tuple[str, ...], writable: str) -> int:
    """Create a ruleset: read and run below `readable`, everything below `writable`, no TCP, no signals outside."""
    version = landlock_version()
    handled = (1 << _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]) - 1
    tcp = 0b11 if version >= 4 else 0  # bind and connect
    scopes = 0b11 if version >= 6 else 0  # abstract sockets and signals stay among the confined
    attributes = struct.pack("QQQ", handled, tcp, scopes)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = call("syscall", SYS_LANDLOCK_CREATE, attributes, len(attributes), 0)
    for paths, rights in ((readable, _READ), ((writable, "/dev/null"), handled)):
        for path in paths:
            _allow_beneath(ruleset, path, rights & handled)
    return ruleset


def _allow_beneath(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= _RIGHTS_OF_A_FILE
    call("syscall", SYS_LANDLOCK_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, descriptor), 0)
    os.close(descriptor)

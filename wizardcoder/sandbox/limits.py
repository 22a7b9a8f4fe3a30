"""What one sample may use: its time, memory, processes and files. The guest loads this file, so it imports little."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):  # not a dataclass: that module and its imports would double what each fork copies
    """What one sample may use. The host enforces the first two, the kernel the others.

    Attributes:
        timeout_s: wall time.
        memory_mb: resident memory of all its processes together.
        address_space_mb: address space of each process; None for runtimes that reserve far more than they use.
        processes: processes and threads at one time.
        file_mb: size of each file.
        scratch_mb: size of all files in the scratch folder together.
        open_files: open files of each process.
        cpu_s: CPU time of each process; None: `timeout_s`, rounded up.
    """

    timeout_s: float
    memory_mb: int
    address_space_mb: int | None
    processes: int = 32
    file_mb: int = 64
    scratch_mb: int = 64
    open_files: int = 64
    cpu_s: int | None = None

    def for_kernel(self) -> Limits:
        """Return the limits that the guest needs; samples that differ in the host's part alone share them."""
        cpu_s = int(self.timeout_s) + 1 if self.cpu_s is None else self.cpu_s
        return self._replace(timeout_s=0, memory_mb=0, cpu_s=cpu_s)

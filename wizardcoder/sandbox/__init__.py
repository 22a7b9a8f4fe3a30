r"""Run untrusted code behind kernel walls, without root and without a daemon.

    >>> from wizardcoder.sandbox import Limits, Sandbox
    >>> limits = Limits(timeout_s=10, memory_mb=512, address_space_mb=512)
    >>> with Sandbox() as sandbox, sandbox.sample("calls", limits) as sample:
    ...     sample.load("def double(n):\n    return 2 * n")
    ...     sample.ready()
    ...     sample.call("double", [21])
    42

A sample raises `Raised`, `Died` or `TimedOut`; `SandboxError` means that the sandbox itself failed. Results are plain
values, never code. `run_jobs` runs many jobs, each worker with a sandbox of its own.

Covered with user namespaces: files other than the interpreter's own, the network, other processes, the environment's
secrets, what a sample leaves behind, and its time, memory, processes and disk space.

Covered with Landlock and seccomp alone (as in Docker): the same, with these exceptions. A sample is a single process.
It can read the package folders beside the interpreter and send datagrams to sockets in the file system. Its files are
limited one by one. If the caller is root, a sample can read files below the readable folders whatever their mode.

Not covered: bugs of the kernel, side channels, and what the caller does with the results. With `allow_unsafe` nothing
above is promised. Linux on x86-64 and ARM64 only.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.sandbox.environments import Environment as Environment
    from wizardcoder.sandbox.environments import numpy_environment as numpy_environment
    from wizardcoder.sandbox.errors import Died as Died
    from wizardcoder.sandbox.errors import Raised as Raised
    from wizardcoder.sandbox.errors import SandboxError as SandboxError
    from wizardcoder.sandbox.errors import TimedOut as TimedOut
    from wizardcoder.sandbox.host import Sandbox as Sandbox
    from wizardcoder.sandbox.limits import Limits as Limits
    from wizardcoder.sandbox.pool import run_jobs as run_jobs
    from wizardcoder.sandbox.pool import stream_jobs as stream_jobs
    from wizardcoder.sandbox.running_sample import RunningSample as RunningSample

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Died": "errors",
        "Environment": "environments",
        "Limits": "limits",
        "Raised": "errors",
        "RunningSample": "running_sample",
        "Sandbox": "host",
        "SandboxError": "errors",
        "TimedOut": "errors",
        "numpy_environment": "environments",
        "run_jobs": "pool",
        "stream_jobs": "pool",
    },
)

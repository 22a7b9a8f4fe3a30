"""Verifies many answers on all cores, and keeps what was found.

In: codes. Out: a verification for each. One SQLite file in the cache folder keeps a verdict by the code, the limits,
the verifier's own source and the toolchain's version, so that a second run runs only what is new, and an interrupted
one goes on where it stopped. Equal codes are run once. `timed_out` on a busy machine is kept like any other verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wizardcoder.core.cache import cache_dir
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.sandbox.pool import run_jobs
from wizardcoder.screening.verdicts import TOOL_FAILED, Verification
from wizardcoder.screening.verification import Rules, Verifier, identity
from wizardcoder.source_code.extraction import Code

FILE_NAME = "verdicts.sqlite"


def verify_all(
    codes: Sequence[Code], rules: Rules, workers: int, advance: Callable[[int], None] = lambda _: None
) -> list[Verification]:
    """Verify codes.

    Args:
        codes: in any order.
        rules: how.
        workers: sandboxes side by side; as many as cores.
        advance: called with the number of codes that are done.

    Returns:
        The verifications in the codes' order.

    Raises:
        SandboxError: the sandbox cannot be had on this machine, or failed.
    """
    found: dict[Code, Verification] = {}
    times = _counted(codes)
    with AnswerStore(cache_dir() / FILE_NAME) as store:
        keys = {code: Key.of(told) for code in times if (told := identity(code, rules)) is not None}
        for code, key in keys.items():
            if (kept := store.get(key)) is not None:
                found[code] = Verification(**kept)
                advance(times[code])
        missing = [code for code in times if code not in found]
        with run_jobs(
            missing, lambda: Verifier(rules), lambda verifier, code: verifier.verify(code), workers
        ) as results:
            for code, verification in results:
                found[code] = verification
                if code in keys and verification.reason != TOOL_FAILED:  # that says nothing about the code
                    store.put(keys[code], {name: getattr(verification, name) for name in verification.__slots__})
                advance(times[code])
    return [found[code] for code in codes]


def _counted(codes: Sequence[Code]) -> dict[Code, int]:
    times: dict[Code, int] = {}
    for code in codes:
        times[code] = times.get(code, 0) + 1
    return times

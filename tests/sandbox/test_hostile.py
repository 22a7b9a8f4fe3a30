"""The evaluator under attack: no sample passes, reaches out, outlives its verdict or harms the machine.

The programs are in hostile_samples.py. All of them end within two minutes on two cores.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import hostile_samples as samples
import psutil
import pytest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.sandbox.errors import Died, Raised, SandboxError, TimedOut
from wizardcoder.sandbox.host import Sandbox
from wizardcoder.sandbox.limits import Limits
from wizardcoder.scoring.judge import Judge
from wizardcoder.scoring.settings import JudgeSettings

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
PATIENT_S = 30.0  # of programs that end by themselves, so that a busy machine fails no test
SHORT_S = 1.0  # of programs that never end
MEMORY_MB = 400
TEST = """
def check(candidate):
    assert candidate([1, 2, 3]) == 14
    assert candidate([]) == 0
    assert abs(candidate([0.5]) - 0.25) < 1e-9
    assert 3 < candidate([2]) < 5
"""
SOLUTION = "def total(numbers):\n    return sum(n * n for n in numbers)\n"
PROBLEM = Problem("Hostile/0", "Sum the squares.", SOLUTION, "total", TEST)
WITHOUT = [(), ("namespaces",), ("landlock",), ("seccomp",)]
MARK = f"rt{os.getpid()}"
LIMITS = Limits(
    timeout_s=PATIENT_S, memory_mb=1024, address_space_mb=MEMORY_MB, processes=24, file_mb=64, scratch_mb=64, cpu_s=60
)


class HangsError(Exception):
    """Nothing came back in time."""


@pytest.fixture(autouse=True)
def no_hang():
    """End a test that hangs: the sandbox must keep its own time."""

    def hang(*_):
        raise HangsError

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, 40)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WC_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        with Judge(JudgeSettings("strict", PATIENT_S, MEMORY_MB)) as found:
            for program in (SOLUTION, "import numpy\n" + SOLUTION):  # from here on its sandboxes are there
                assert found.verdict(PROBLEM, program).passed
            yield found


@pytest.fixture(scope="module", params=WITHOUT, ids=lambda w: f"without {w[0]}" if w else "all layers")
def sandbox(request):
    try:
        with Sandbox(without=request.param) as found:
            yield found
    except SandboxError as exc:
        if not request.param or "reaches only" not in str(exc):
            raise
        pytest.skip("the floor refuses this combination")


@pytest.fixture(scope="module", autouse=True)
def unharmed(tmp_path_factory):
    """Compare the machine after the module with the machine before it."""
    places = [Path(tempfile.gettempdir()), Path.home(), tmp_path_factory.mktemp("canary")]
    canaries = [place / f"canary.{MARK}" for place in places]
    for canary in canaries:
        canary.write_text("alive")
        canary.chmod(0o640)
    free = psutil.disk_usage(tempfile.gettempdir()).free
    mounts = Path("/proc/self/mountinfo").read_text()
    hours = os.times()
    yield
    try:
        assert [canary.read_text() for canary in canaries] == ["alive"] * 3
        assert [canary.stat().st_mode & 0o777 for canary in canaries] == [0o640] * 3
        assert psutil.disk_usage(tempfile.gettempdir()).free > free - (2 << 30)
        assert Path("/proc/self/mountinfo").read_text() == mounts
        assert not Path("/tmp/pickled").exists()
        assert os.times().elapsed > hours.elapsed
        assert left_over() == []
        assert below() == set()
    finally:
        for canary in canaries:
            canary.unlink()


def below() -> set[int]:
    """Return the processes that this one has started."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


def left_over() -> list[str]:
    """Return all processes of the machine whose name or command line contains the mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            text = (process / "comm").read_text() + (process / "cmdline").read_text()
            if MARK in text or f"100000.{MARK[2:]}" in text:
                found.append(f"{process.name}: {text}")
    return found


def result(judge: Judge, program: str, timeout_s: float = PATIENT_S) -> str:
    """Judge a program and see that nothing of it stays."""
    judge.settings = JudgeSettings("strict", timeout_s, MEMORY_MB)
    before = below()
    verdict = judge.verdict(PROBLEM, program)
    assert below() == before
    assert verdict.outside
    assert verdict.passed == (verdict.result == "passed")
    assert len(verdict.result) < 1000
    verdict.result.encode()
    return verdict.result


def attacked(sandbox: Sandbox, program: str, *arguments: object, timeout_s: float = PATIENT_S) -> object:
    """Call a program's `attack`."""
    with sandbox.sample("calls", LIMITS._replace(timeout_s=timeout_s)) as sample:
        sample.load(program)
        sample.ready()
        return sample.call("attack", arguments)


@pytest.mark.parametrize("name", samples.HONEST)
def test_odd_and_honest_passes_in_strict_mode(judge, name):
    assert result(judge, samples.HONEST[name]) == "passed"


@pytest.mark.parametrize("name", samples.HONEST)
def test_odd_and_honest_passes_in_official_mode(judge, name):
    judge.settings = JudgeSettings("official", PATIENT_S, MEMORY_MB)
    assert judge.verdict(PROBLEM, samples.HONEST[name]).result == "passed"


@pytest.mark.parametrize("name", samples.CHEATS)
def test_cheat_fails(judge, name):
    assert result(judge, samples.CHEATS[name]) != "passed"


@pytest.mark.parametrize("name", samples.FORGED)
def test_forged_answer_fails(judge, name):
    assert result(judge, samples.FORGED[name], timeout_s=2.0) != "passed"


@pytest.mark.parametrize("name", samples.ENDLESS)
def test_endless_sample_ends(judge, name):
    start = time.monotonic()
    assert result(judge, samples.ENDLESS[name], SHORT_S) != "passed"
    assert time.monotonic() < start + 30


@pytest.mark.parametrize("name", samples.GREEDY)
def test_greedy_sample_gets_no_more_than_its_share(judge, name):
    with peak() as found:
        assert result(judge, samples.GREEDY[name], 2.5 if "memory" in name else SHORT_S) != "passed"
    assert found["mb"] < 3 * MEMORY_MB
    assert found["processes"] < 60
    assert found["threads"] < 120
    assert result(judge, SOLUTION) == "passed"


def test_memory_counts_also_where_a_process_s_first_thread_has_ended(judge):
    hidden = samples.GREEDY["memory of a process whose first thread has ended"]
    assert result(judge, hidden, timeout_s=20.0).startswith("failed: its processes used ")


@contextlib.contextmanager
def peak():
    """Tell the most that all the processes below this one held together, memory without an owner included."""
    found = {"mb": 0.0, "processes": 0, "threads": 0}
    shared = psutil.virtual_memory().shared
    stop = threading.Event()

    def watch():
        while not stop.wait(0.05):
            held, count, threads = psutil.virtual_memory().shared - shared, 0, 0
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    held += process.memory_info().rss
                    count += 1
                    threads += process.num_threads()
            for key, now in (("mb", held / 2**20), ("processes", count), ("threads", threads)):
                found[key] = max(found[key], now)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def bombed(tmp_path_factory):
    """Score all bombs and an honest sample in one run of `score`; return the results by name."""
    script = """if True:
        import json, resource, sys, time
        sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
        import hostile_samples as samples
        from wizardcoder.scoring.settings import JudgeSettings
        from wizardcoder.scoring.score_samples import Sample, score
        from tests.sandbox.test_hostile import BOMBED
        named = samples.BOMBS | {"honest": samples.HONEST["plain"]}
        settings = JudgeSettings("strict", 2.0, 400)
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))  # for this machine, should the bombs go off
        found = score({BOMBED.task_id: BOMBED}, [Sample(BOMBED.task_id, text) for text in named.values()], settings, 2)
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        results = {name: verdict.result for name, verdict in zip(named, found.verdicts, strict=True)}
        print(json.dumps({"results": results, "peak_mb": peak_mb}))
    """
    env = {"PATH": os.environ["PATH"], "WC_CACHE_DIR": str(tmp_path_factory.mktemp("bombs"))}
    command = [sys.executable, "-c", script, str(ROOT)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=ROOT
    ) as process:
        try:
            out, err = process.communicate(timeout=100)
        except (subprocess.TimeoutExpired, HangsError):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            pytest.fail("a bomb holds up the judge")
    assert process.returncode == 0, err[-2000:]
    return json.loads(out)


# a benchmark's tests that do all that tests do with what they get
BOMB_TEST = """
import contextlib
def check(candidate):
    found = candidate([1, 2])
    for use in (len, sorted, set, list, sum, max, int, round, float, str, repr, hash, abs, lambda v: v == 5):
        with contextlib.suppress(TypeError, ValueError, ArithmeticError, AssertionError):
            use(found)
    assert found == 5
    assert candidate([3]) == 9
"""
BOMBED = Problem("Hostile/1", "Sum the squares.", SOLUTION, "total", BOMB_TEST)


@pytest.mark.parametrize("name", samples.BOMBS)
def test_answer_that_costs_the_judge_fails(bombed, name):
    result = bombed["results"][name]
    assert result != "passed"
    assert len(result) < 1000


def test_bombs_harm_neither_the_judge_nor_the_next_sample(bombed):
    assert bombed["results"]["honest"] == "passed"
    assert bombed["peak_mb"] < 2048


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    """Yield what a sample must not reach: a secret, a folder of ours, a port, processes of ours."""
    secret = f"secret{MARK}"
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret").write_text(secret)
    (folder / "secret").chmod(0o600)
    victim = subprocess.Popen(["sleep", "100000"])
    os.environ["RED_TEAM_SECRET"] = f"{secret}-only-outside"
    with contextlib.ExitStack() as stack:
        tcp, udp, path, abstract = (
            stack.enter_context(socket.socket(family, kind))
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_INET, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            )
        )
        tcp.bind(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        path.bind(str(folder / "socket"))
        abstract.bind(f"\0{secret}")
        for listener in (tcp, path, abstract):
            listener.listen()
        yield secret, folder, port, victim
    victim.kill()
    victim.wait()
    del os.environ["RED_TEAM_SECRET"]


@pytest.mark.parametrize("name", samples.REACH)
def test_attack_reaches_nothing(sandbox, surroundings, name):
    if name in ("calls that seccomp denies", "another system call table") and "seccomp" not in sandbox.layers:
        pytest.skip("seccomp is the layer that is left out")
    secret, folder, port, victim = surroundings
    before = (folder / "secret").stat()
    others = [pid for pid in (victim.pid, os.getpid(), os.getppid()) if pid != 1]  # there the sample itself is 1
    found = attacked(sandbox, samples.REACH[name], secret, str(folder), port, others)
    assert found == []
    after = (folder / "secret").stat()
    assert (folder / "secret").read_text() == secret
    assert (after.st_mode, after.st_uid, after.st_mtime, after.st_ctime) == (
        before.st_mode,
        before.st_uid,
        before.st_mtime,
        before.st_ctime,
    )
    assert {path.name for path in folder.iterdir()} == {"secret", "socket"}
    assert victim.poll() is None
    assert psutil.Process(victim.pid).nice() == psutil.Process().nice()


@pytest.mark.parametrize("name", samples.LEGACIES)
def test_sample_leaves_nothing_to_the_next(sandbox, name):
    leave, find = samples.LEGACIES[name]
    with contextlib.suppress(Died, Raised, TimedOut):
        attacked(sandbox, leave)
    assert attacked(sandbox, find) == []


@pytest.mark.parametrize("name", samples.SURVIVORS)
def test_no_process_outlives_its_sample(sandbox, name):
    before = below()
    with sandbox.sample("run", LIMITS._replace(timeout_s=3.0)) as sample:
        sample.load(samples.SURVIVORS[name].replace("@MARK@", MARK))
        with contextlib.suppress(Died, Raised, TimedOut):
            sample.done()
    assert left_over() == []
    assert below() == before


@pytest.mark.parametrize("name", ["a folder without bottom", "a folder that nobody may enter", "thread storm", "files"])
def test_next_sample_runs_whatever_the_one_before_left(sandbox, name):
    program = samples.GREEDY[name].replace("def total(numbers)", "def attack(*_)")
    with peak() as found, contextlib.suppress(Died, Raised, TimedOut):
        attacked(sandbox, program, timeout_s=SHORT_S)
    assert found["threads"] < 120
    assert attacked(sandbox, "import os\ndef attack():\n    return os.listdir()") == []


def test_all_files_of_a_sample_together_are_limited(sandbox):
    if "mount" not in sandbox.layers:
        pytest.skip("without namespaces of its own a sample's files are limited one by one")
    program = """
def attack():
    count = 0
    try:
        while count < 500:
            with open(f"file{count // 50}", "ab") as file:
                count += file.write(bytes(1 << 20)) >> 20
    except OSError:
        pass
    return count
"""
    try:
        written = attacked(sandbox, program)
    except Died:  # stopped from outside
        return
    assert written <= 2 * LIMITS.scratch_mb


def test_socket_buffers_hold_no_hidden_memory(sandbox):
    program = """
import socket
def attack():
    held, keep = 0, []
    try:
        while True:
            keep.append(socket.socketpair())
            for end in keep[-1]:
                try:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
                except OSError:
                    pass
                end.setblocking(False)
                try:
                    while True:
                        held += end.send(bytes(1 << 16))
                except BlockingIOError:
                    pass
    except OSError:
        return held >> 20
"""
    assert attacked(sandbox, program) <= 64


def test_deleting_everything_deletes_nothing(judge):
    program = "import os, shutil\ndef total(numbers):\n    os.system('rm -rf --no-preserve-root / 2>/dev/null')\n"
    assert result(judge, program + "    shutil.rmtree('/tmp', ignore_errors=True)\n", 3.0) != "passed"
    assert (ROOT / "pyproject.toml").is_file()


def test_pool_of_processes(judge):
    """multiprocessing works where the sandbox has namespaces of its own; without them a sample is one process."""
    expected = "passed" if "pid" in judge.layers() else "failed"
    assert result(judge, samples.POOL).startswith(expected)

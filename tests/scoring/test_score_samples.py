"""Many samples on several workers: each is judged once, none is lost, and every failure of a worker is reported."""

from __future__ import annotations

import json
import os
import queue

import psutil
import pytest

from wizardcoder.benchmarks.problem import Problem, Sample
from wizardcoder.core.console import StageError
from wizardcoder.sandbox.errors import SandboxError
from wizardcoder.scoring import judge_client, score_samples
from wizardcoder.scoring.judge_client import JudgeClient
from wizardcoder.scoring.score_samples import default_workers, score
from wizardcoder.scoring.settings import JudgeJob, JudgeSettings

pytestmark = pytest.mark.heavy

SETTINGS = JudgeSettings("strict", timeout_s=20.0, memory_mb=1024)
RIGHT, WRONG = "    return n\n", "    return n + 1\n"
IS_SAME = "def check(f):\n    assert f(7) == 7\n"
# tests of a benchmark are trusted and run in the worker: these end what the worker has started, and wait for its end
KILL_PROCESSES = """
import os, pathlib, signal
def below(pid):
    try:
        listed = [task.read_text() for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [pid for child in " ".join(listed).split() for pid in (*below(int(child)), int(child))]
def runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
def check(f):
    if f(1) == 2:
        started = below(os.getpid())
        os.kill(os.getpid() if WORKER else started[-1], signal.SIGKILL)
        while any(map(runs, started)):
            pass
    assert f(1) == 1
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))


def problem(test=IS_SAME, task_id="T/0"):
    return Problem(task_id, "def f(n):\n", RIGHT, "f", test, prefix="def f(n):\n")


def judge(test, completions, workers=1, advance=lambda _: None):
    """Return the verdicts on completions of one problem."""
    return score({"T/0": problem(test)}, [Sample("T/0", c) for c in completions], SETTINGS, workers, advance).verdicts


def test_samples_are_judged_in_their_order_by_any_number_of_workers():
    problems = {f"T/{n}": problem(f"def check(f):\n    assert f(7) == {n}\n", f"T/{n}") for n in range(3)}
    samples = [Sample(f"T/{n % 3}", f"    return {n % 7}\n") for n in range(100)]
    counted = []
    found = score(problems, samples, SETTINGS, 3, counted.append)
    assert [verdict.passed for verdict in found.verdicts] == [n % 3 == n % 7 for n in range(100)]
    assert sum(counted) == 100
    assert "seccomp" in found.layers or "mount" in found.layers


def test_more_completions_of_a_problem_than_a_worker_takes_at_once_are_all_judged():
    verdicts = judge(IS_SAME, [f"    return {n}\n" for n in range(60)], workers=2)
    assert [n for n, verdict in enumerate(verdicts) if verdict.passed] == [7]


def test_identical_completions_of_a_problem_run_once(tmp_path):
    log, counted = tmp_path / "runs", []
    test = f"{IS_SAME}    open({str(log)!r}, 'a').write('passed ')\n"
    verdicts = judge(test, [RIGHT, WRONG, RIGHT, RIGHT], advance=counted.append)
    assert log.read_text() == "passed passed "  # the reference, and the right sample
    assert verdicts[0] is verdicts[2] is verdicts[3]
    assert [verdict.passed for verdict in verdicts] == [True, False, True, True]
    assert sorted(counted) == [1, 3]


def test_the_same_completion_of_two_problems_is_judged_for_each():
    problems = {"T/0": problem(), "T/1": problem("def check(f):\n    assert f(7) == 8\n", "T/1")}
    found = score(problems, [Sample("T/0", RIGHT), Sample("T/1", RIGHT)], SETTINGS, 1)
    assert [verdict.passed for verdict in found.verdicts] == [True, False]


def test_a_judge_sees_no_secret_of_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a-secret")
    test = "import os\ndef check(f):\n    assert f(7) == 7, 'a-secret' in os.environ.values()\n"
    (verdict,) = judge(test, [WRONG])
    assert verdict.result == "failed: AssertionError: False"
    assert verdict.outside  # so the tests ran in the worker, not in the sandbox


@pytest.mark.parametrize("worker", [True, False], ids=["a judge's process", "its sandbox helper"])
def test_a_process_that_ends_before_its_verdict_is_reported_on_one_line_that_names_it(capfd, worker):
    with pytest.raises(SandboxError) as error:
        judge(KILL_PROCESSES.replace("WORKER", repr(worker)), [WRONG])
    line = str(error.value)
    assert "\n" not in line
    assert ("judge" if worker else "sandbox helper") in line
    assert not line.endswith(": ")  # the reason follows
    assert capfd.readouterr().err == ""


def test_a_judges_own_error_arrives_as_it_is(capfd):
    broken = Problem("T/0", "", "    return 1 / n\n", "f", checker="inputs", prefix="def f(n):\n", base_inputs=([0],))
    with pytest.raises(StageError) as error:
        score({"T/0": broken}, [Sample("T/0", RIGHT)], SETTINGS, 1)
    assert str(error.value) == ("T/0: its own reference solution fails here: ZeroDivisionError: division by zero")
    assert capfd.readouterr().err == ""


def test_tests_that_hang_on_what_a_sample_returned_fail_it_and_no_other(monkeypatch):
    """A hang within a chunk, one at its end, and a problem that the same worker judges after it."""
    monkeypatch.setattr(judge_client, "HANG_S", 5)  # the product waits longer
    settings = JudgeSettings("strict", timeout_s=1.0, memory_mb=1024)
    hangs = problem("def check(f):\n    n = f(7)\n    while n > 7:\n        pass\n    assert n == 7\n")
    completions = [RIGHT, WRONG, "    return 7\n", "    return 6\n", "    return n + 2\n"]
    samples = [*(Sample("T/0", c) for c in completions), Sample("T/1", RIGHT)]
    found = score({"T/0": hangs, "T/1": problem(task_id="T/1")}, samples, settings, 1)
    assert [(verdict.passed, verdict.result) for verdict in found.verdicts] == [
        (True, "passed"),
        (False, "failed: the tests hang on what it returned"),
        (True, "passed"),
        (False, "failed: AssertionError"),
        (False, "failed: the tests hang on what it returned"),
        (True, "passed"),
    ]


def test_a_sample_of_an_unknown_problem_is_refused_before_anything_runs():
    with pytest.raises(StageError) as error:
        score({"T/0": problem()}, [Sample("T/0", RIGHT), Sample("T/7", RIGHT)], SETTINGS, 1)
    assert str(error.value) == "sample 1: task_id: found 'T/7', accepted: one of the 1 problems'"


def test_an_unexpected_exception_in_a_worker_is_raised_and_leaves_no_process(monkeypatch):
    """Such as queue.Empty, or an error of our own: `score` must not wait for a worker that is gone."""

    def fail(self, problem, completions):
        raise queue.Empty

    monkeypatch.setattr(JudgeClient, "judge", fail)
    before = psutil.Process().children(recursive=True)
    with pytest.raises(queue.Empty):
        judge(IS_SAME, [f"    return {n}\n" for n in range(60)], workers=2)
    assert [child for child in psutil.Process().children(recursive=True) if child not in before] == []


def test_a_judge_process_receives_a_problem_once(tmp_path, monkeypatch):
    monkeypatch.setattr(score_samples, "CHUNK", 1)
    sent = []
    real = JudgeClient._send
    monkeypatch.setattr(JudgeClient, "_send", lambda self, message: sent.append(message) or real(self, message))
    verdicts = judge(IS_SAME, [f"    return {n}\n" for n in range(6, 9)])
    assert [verdict.passed for verdict in verdicts] == [False, True, False]
    jobs = [message for message in sent if isinstance(message, JudgeJob)]
    assert [job.problem is not None for job in jobs] == [True, False, False]


def test_workers_stay_on_a_core_of_their_own_where_they_are_as_many_as_cores(tmp_path):
    """One worker alone may use all cores; with several, none shares a core that another lacks."""
    cores = os.sched_getaffinity(0)
    for workers, wanted in ((1, len(cores)), (len(cores), 1)):
        log = tmp_path / f"cores.{workers}"
        noted = f"    open({str(log)!r}, 'a').write(f'{{sorted(os.sched_getaffinity(0))}}\\n')\n"
        judge(f"import os\n{IS_SAME}{noted}", [f"    return 7 + {n} - {n}\n" for n in range(100)], workers)
        assert {len(json.loads(line)) for line in log.read_text().splitlines()} == {wanted}


def test_as_many_workers_as_cores_that_this_process_may_use():
    assert default_workers() == len(os.sched_getaffinity(0))

"""Verdicts: what passes and what fails, where it is judged, and how scoring ends when a judge is killed."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from wizardcoder.benchmarks.problem import Problem, Sample
from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore
from wizardcoder.sandbox.errors import SandboxError
from wizardcoder.sandbox.host import Sandbox
from wizardcoder.sandbox.running_sample import RunningSample
from wizardcoder.scoring.judge import Judge
from wizardcoder.scoring.score_samples import score
from wizardcoder.scoring.settings import JudgeSettings, Verdict

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
STRICT = JudgeSettings("strict", 30.0, 400)  # generous, so that a busy machine fails no test
OFFICIAL = JudgeSettings("official", 30.0, 400)
CHECK = Problem(
    task_id="Made/0",
    prompt='def double(n):\n    """Double a number."""\n',
    prefix='def double(n):\n    """Double a number."""\n',
    canonical_solution="    return 2 * n\n",
    entry_point="double",
    test="def check(candidate):\n    assert candidate(1) == 2\n    assert candidate('a') == 'aa', 'text'\n",
)
ASSERTS = Problem(
    task_id="MBPP/0",
    prompt="Write a function to double a number.",
    canonical_solution="def double(n):\n    return 2 * n\n",
    entry_point="double",
    test="assert double(1) == 2\nassert math.isclose(double(0.5), 1)\n",
    checker="asserts",
    setup="import math",
)
INPUTS = Problem(
    task_id="Made/1",
    prompt="def halves(numbers):\n",
    prefix="def halves(numbers):\n",
    canonical_solution="    return [n / 2 for n in numbers]\n",
    entry_point="halves",
    checker="inputs",
    base_inputs=([[1, 2]], [[]]),
    plus_inputs=([[0.2]],),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("WC_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def judge(cache):
    with Judge(STRICT) as found:
        yield found


def verdict(judge: Judge, problem: Problem, completion: str, settings: JudgeSettings = STRICT) -> Verdict:
    judge.settings = settings
    return judge.verdict(problem, completion)


# --- verdicts ---


@pytest.mark.parametrize("settings", [STRICT, OFFICIAL], ids=lambda settings: settings.mode)
@pytest.mark.parametrize(
    ("problem", "completion", "result"),
    [
        (CHECK, "    return n + n\n", "passed"),
        (CHECK, "    return n * 3\n", "AssertionError"),
        (CHECK, "    return 2 * n if n == 1 else n\n", "AssertionError: text"),
        (CHECK, "    return n.double\n", "AttributeError: 'int' object has no attribute 'double'"),
        (CHECK, "    raise ValueError('no')\n", "ValueError: no"),
        (CHECK, "    return (\n", "SyntaxError: '(' was never closed (program.py, line 3)"),
        (ASSERTS, "def double(n):\n    return n + n\n", "passed"),
        (ASSERTS, "def double(n):\n    return 2\n", "AssertionError"),
        (ASSERTS, "def double(n, m):\n    return 2\n", "missing 1 required positional argument: 'm'"),
        (ASSERTS, "def double(n: Number):\n    return n + n\n", "NameError: name 'Number' is not defined"),
        (INPUTS, "    return [0.5 * n for n in numbers]\n", "passed"),
        (INPUTS, "    return [0.5 * n + 1e-9 for n in numbers]\n", "passed"),
        (INPUTS, "    return [n // 2 for n in numbers]\n", "AssertionError: wrong output for [[1, 2]]"),
        (INPUTS, "    return tuple(n / 2 for n in numbers)\n", "AssertionError: wrong output for [[1, 2]]"),
        (INPUTS, "    return [n / 2 for n in numbers] or None\n", "AssertionError: wrong output for [[]]"),
    ],
)
def test_verdict(judge, settings, problem, completion, result):
    found = verdict(judge, problem, completion, settings)
    assert found.passed == (result == "passed")
    assert found.result.endswith(result)
    assert found.result == "passed" or found.result.startswith("failed: ")
    assert found.outside == (settings.mode == "strict" or problem is INPUTS)
    assert found.seconds >= 0


@pytest.mark.parametrize("settings", [STRICT, OFFICIAL], ids=lambda settings: settings.mode)
@pytest.mark.parametrize("problem", [CHECK, ASSERTS, INPUTS], ids=lambda problem: problem.checker)
def test_function_that_is_missing_is_named(judge, settings, problem):
    completion = "    pass\ndel double\n" if problem is CHECK else "    pass\ndel halves\n"
    found = verdict(judge, problem, "def other(n):\n    pass\n" if problem is ASSERTS else completion, settings)
    assert not found.passed
    assert problem.entry_point in found.result


@pytest.mark.parametrize("settings", [STRICT, OFFICIAL], ids=lambda settings: settings.mode)
@pytest.mark.parametrize("problem", [CHECK, ASSERTS, INPUTS], ids=lambda problem: problem.checker)
def test_reference_passes(judge, settings, problem):
    assert verdict(judge, problem, problem.canonical_solution, settings).result == "passed"


@pytest.mark.parametrize("mode", ["strict", "official"])
def test_endless_completion_is_timed_out(judge, mode):
    verdict(judge, CHECK, CHECK.canonical_solution)  # its reference has had its time
    found = verdict(judge, CHECK, "    while True:\n        pass\n", JudgeSettings(mode, 1.0, 400))
    assert (found.passed, found.result) == (False, "timed out")


@pytest.mark.parametrize("mode", ["strict", "official"])
def test_completion_that_exits_has_failed(judge, mode):
    for completion in ("    import os; os._exit(0)\n", "    pass\nimport os; os._exit(0)\n"):
        found = verdict(judge, CHECK, completion, JudgeSettings(mode, 30.0, 400))
        assert (found.passed, found.result) == (False, "failed: ended before its last line")


def test_completion_with_too_much_memory_has_failed(judge):
    found = verdict(judge, CHECK, "    return len(bytearray(10**10))\n")
    assert not found.passed
    assert "MemoryError" in found.result


def test_exception_that_tests_expect_is_seen_by_them(judge):
    test = """
def check(candidate):
    assert candidate(1) == 2
    try:
        candidate(None)
    except TypeError as exc:
        assert "NoneType" in str(exc)
    else:
        assert False
"""
    problem = Problem("Made/2", "", "def f(n):\n    return n + n\n", "f", test)
    assert verdict(judge, problem, "def f(n):\n    return n + n\n").passed
    assert not verdict(judge, problem, "def f(n):\n    return 2\n").passed
    assert not verdict(judge, problem, "def f(n):\n    if n: return 2\n    raise ValueError('NoneType')\n").passed


def test_helpers_of_the_prompt_are_the_benchmark_s_own(judge):
    prefix = "def helper(n):\n    return n + 1\n\ndef f(n):\n"
    test = "def check(candidate):\n    assert candidate(1) == helper(1)\n"
    problem = Problem("Made/3", prefix, "    return helper(n)\n", "f", test, prefix=prefix)
    assert verdict(judge, problem, "    return n + 1\n").passed
    cheat = "    return 7\ndef helper(n):\n    return 7\n"
    assert not verdict(judge, problem, cheat).passed
    assert verdict(judge, problem, cheat, OFFICIAL).passed  # as in the published harness


def test_tests_that_need_the_sample_s_own_objects_run_inside(judge):
    solution = "class Pair:\n    def __init__(self, a):\n        self.a = a\ndef first(pair):\n    return pair.a\n"
    problem = Problem("MBPP/1", "", solution, "first", "assert first(Pair(3)) == 3\n", "asserts")
    found = verdict(judge, problem, solution)
    assert (found.passed, found.outside) == (True, False)
    assert not verdict(judge, problem, solution.replace("pair.a", "4")).passed


def test_tests_with_random_inputs_are_judged_outside(judge):
    test = """
def check(candidate):
    import random
    for _ in range(20):
        n = random.random()
        assert candidate(n) == 2 * n
"""
    problem = Problem("Made/4", "", "def f(n):\n    return 2 * n\n", "f", test)
    found = verdict(judge, problem, "def f(n):\n    return n + n\n")
    assert (found.passed, found.outside) == (True, True)
    assert not verdict(judge, problem, "def f(n):\n    return n\n").passed


@pytest.mark.parametrize(
    "value",
    [
        *("float('nan')", "float('-inf')", "{1, (2, 3)}", "b'\\xff'", "10**5000", "1 + 2j", "range(3)", "None", "''"),
        *("__import__('collections').Counter('aab')", "__import__('datetime').date(2024, 2, 29)", "{1: [2], 'a': ()}"),
        *("__import__('decimal').Decimal('1.10')", "__import__('fractions').Fraction(1, 3)", "frozenset({1})"),
        *("__import__('collections').deque([1])", "__import__('collections').OrderedDict(a=1)", "bytearray(b'x')"),
    ],
)
def test_value_of_any_plain_type_is_judged_outside(judge, value):
    test = f"def check(candidate):\n    found = candidate()\n    assert found == {value} or found != found\n"
    test += f"    assert type(found) == type({value}) or isinstance({value}, dict)\n"
    problem = Problem("Made/5", "", f"def f():\n    return {value}\n", "f", test)
    found = verdict(judge, problem, f"def f():\n    return {value}\n")
    assert (found.passed, found.outside) == (True, True)
    assert not verdict(judge, problem, "def f():\n    return 'another'\n").passed


def test_generator_is_turned_into_a_list_by_the_tests(judge):
    test = "def check(candidate):\n    assert list(candidate(3)) == [0, 1, 2]\n"
    problem = Problem("Made/6", "", "def f(n):\n    return list(range(n))\n", "f", test)
    assert verdict(judge, problem, "def f(n):\n    yield from range(n)\n").passed
    assert not verdict(judge, problem, "def f(n):\n    yield n\n").passed


# --- a sample that knows how it is judged ---


def test_function_that_tests_call_by_its_name_is_the_sample_s(judge):
    problem = Problem(
        "Made/7", "", "def f(n):\n    return 2 * n\n", "f", "def check(candidate):\n    assert f(1) == 2\n"
    )
    assert verdict(judge, problem, "def f(n):\n    return n + n\n").passed
    assert not verdict(judge, problem, "def f(n):\n    return 0\n").passed


@pytest.mark.parametrize(
    "test",
    [
        "for n, wanted in zip(map(candidate, [1, 2]), [2, 4]):\n        assert n == wanted\n",
        "assert all(map(lambda n: candidate(n) == 2 * n, [1, 2]))\n",
        "assert all(candidate(n) == 2 * n for n in [1, 2])\n",
        "assert not [n for n in filter(lambda n: candidate(n) != 2 * n, [1, 2])]\n",
    ],
)
@pytest.mark.parametrize("name", ["StopIteration", "StopAsyncIteration", "GeneratorExit", "IndexError"])
def test_exception_does_not_end_the_tests_early(judge, test, name):
    problem = Problem("Made/8", "", "def f(n):\n    return 2 * n\n", "f", f"def check(candidate):\n    {test}")
    assert verdict(judge, problem, "def f(n):\n    return n + n\n").passed
    assert not verdict(judge, problem, f"def f(n):\n    raise {name}\n").passed


@pytest.mark.parametrize("answer", ["[[]]", "[()]", "[{}]", "[[[]]]", "[[0.5, 0.5]]"])
def test_empty_shape_is_close_to_nothing(judge, answer):
    solution = "def f(n):\n    return [n / 2]\n"
    problem = Problem("Made/9", "", solution, "f", checker="inputs", base_inputs=([1],), atol=1e-6)
    assert verdict(judge, problem, solution).passed
    assert not verdict(judge, problem, f"def f(n):\n    return {answer}\n").passed


def test_sample_does_not_see_what_it_will_be_asked_with_its_answer(judge):
    test = "def check(candidate):\n    first = candidate([3, 1, 2])\n    assert first == [1, 2, 3]\n"
    test += "    assert candidate(first) == first\n"
    problem = Problem("Made/10", "", "def f(n):\n    return sorted(n)\n", "f", test)
    cheat = """
import gc
from wizardcoder.sandbox import wire as values
def f(numbers):
    import sys
    frame, found = sys._getframe(), [numbers]
    while frame:
        for thing in list(frame.f_locals.values()):
            if isinstance(thing, (bytes, bytearray)) and b'"f"' in thing:
                try:
                    found.append(values.loads(bytes(thing))[-1][1][0])
                except (ValueError, TypeError, IndexError, KeyError):
                    pass
            if isinstance(thing, list) and thing and isinstance(thing[-1], list) and "f" in thing[-1]:
                found.append(thing[-1][1][0])
        frame = frame.f_back
    return found[-1]
"""
    assert verdict(judge, problem, "def f(n):\n    return sorted(n)\n").passed
    assert not verdict(judge, problem, cheat).passed


def test_reason_is_short_and_of_plain_characters(judge):
    for text in ("'x' * 10**6", "'\\ud800'", "'\\x1b[2J\\r\\n'"):
        result = verdict(judge, CHECK, f"    raise ValueError({text})\n").result
        assert len(result) < 1000
        result.encode()
        assert "\x1b" not in result
    problem = Problem("Made/11", "", "def f():\n    return 1\n", "f", "def check(c):\n    assert c() == 1, c()\n")
    assert len(verdict(judge, problem, "def f():\n    return 'x' * 10**6\n").result) < 1000


# --- what is kept of references ---


def test_reference_runs_once_for_all_judges(cache, monkeypatch):
    with Judge(STRICT) as first:
        for problem in (CHECK, ASSERTS, INPUTS):
            assert first.verdict(problem, problem.canonical_solution).passed

    def never(*_):
        raise AssertionError("the reference runs again")

    monkeypatch.setattr(AnswerStore, "put", never)
    with Judge(STRICT) as second:
        for problem in (CHECK, ASSERTS, INPUTS):
            found = second.verdict(problem, problem.canonical_solution)
            assert (found.passed, found.outside) == (True, True)


def test_store_is_asked_once_for_a_problem(cache, monkeypatch):
    asked = []
    get = AnswerStore.get
    monkeypatch.setattr(AnswerStore, "get", lambda self, key: asked.append(key) or get(self, key))
    with Judge(STRICT) as found:
        for problem in (CHECK, INPUTS):
            asked.clear()
            for _ in range(5):
                found.verdict(problem, problem.canonical_solution)
            assert len(asked) == 1


def test_changed_problem_has_a_reference_of_its_own(judge):
    verdict(judge, INPUTS, INPUTS.canonical_solution)
    changed = Problem(
        "Made/1",
        INPUTS.prompt,
        "    return list(numbers)\n",
        "halves",
        checker="inputs",
        prefix=INPUTS.prefix,
        base_inputs=INPUTS.base_inputs,
    )
    assert not verdict(judge, changed, INPUTS.canonical_solution).passed
    assert verdict(judge, changed, changed.canonical_solution).passed


def test_reference_that_was_too_slow_once_is_asked_again(cache):
    solution = "import time\ntime.sleep(2)\ndef f():\n    return 1\n"
    problem = Problem("Made/12", "", solution, "f", "def check(candidate):\n    assert candidate() == 1\n")
    with Judge(JudgeSettings("strict", 0.5, 400)) as hurried:
        hurried.verdict(problem, "def f():\n    return 1\n")
    with Judge(STRICT) as patient:
        found = patient.verdict(problem, "def f():\n    return 1\n")
    assert (found.passed, found.outside) == (True, True)


def test_reference_that_fails_is_named(judge):
    problem = Problem("Made/13", "", "def f(n):\n    return 1 / 0\n", "f", checker="inputs", base_inputs=([1],))
    with pytest.raises(StageError, match=r"Made/13.*reference.*ZeroDivisionError"):
        verdict(judge, problem, "def f(n):\n    return 1\n")


# --- many samples ---

RIGHT, WRONG = "    return n + n\n", "    return n\n"
SLEEPS = "    import time\n    time.sleep(1000)\n"


def test_verdicts_have_the_order_of_the_samples(cache):
    problems = {problem.task_id: problem for problem in (CHECK, INPUTS)}
    samples = [
        Sample(CHECK.task_id, RIGHT),
        Sample(INPUTS.task_id, "    return [n / 2 for n in numbers]\n"),
        Sample(CHECK.task_id, WRONG),
        Sample(CHECK.task_id, RIGHT),
        Sample(INPUTS.task_id, "    return []\n"),
    ]
    advanced = []
    found = score(problems, samples, STRICT, 2, advanced.append)
    assert [verdict.passed for verdict in found.verdicts] == [True, True, False, True, False]
    assert sum(advanced) == 5
    assert "seccomp" in found.layers or "mount" in found.layers


def test_same_completion_runs_once(cache):
    found = score({CHECK.task_id: CHECK}, [Sample(CHECK.task_id, RIGHT)] * 3, STRICT, 2)
    assert len(found.verdicts) == 3
    assert found.verdicts[0] == found.verdicts[1] == found.verdicts[2]


def test_no_samples_need_no_judge(cache):
    assert score({CHECK.task_id: CHECK}, [], STRICT, 2).verdicts == []


def workers() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any("judge_process" in argument for argument in process.cmdline()):
                found.append(process)
    return found


@pytest.fixture
def needs_namespaces():
    """Below a judge process are then a waiting process, the sandbox helper and the sample."""
    with Sandbox(allow_unsafe=True) as found:
        if "pid" not in found.layers:
            pytest.skip("this machine allows no user namespaces")


def when_a_sample_runs(act):
    """Act on the worker as soon as a sample sleeps below it."""

    def watch():
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            for worker in workers():
                with contextlib.suppress(psutil.Error):
                    family = worker.children(recursive=True)
                    if len(family) >= 3:
                        time.sleep(0.5)
                        act(worker, family)
                        return
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_judge_that_is_killed_ends_the_run_with_one_error_and_all_that_was_its_own(cache, needs_namespaces):
    seen = []

    def kill(worker, family):
        seen.extend(family)
        worker.kill()

    watching = when_a_sample_runs(kill)
    start = time.monotonic()
    with pytest.raises(SandboxError, match="judge"):
        score({CHECK.task_id: CHECK}, [Sample(CHECK.task_id, SLEEPS)], JudgeSettings("strict", 20.0, 400), 1)
    assert time.monotonic() < start + 15
    watching.join()
    assert seen
    _, alive = psutil.wait_procs(seen, timeout=20)
    assert alive == []


def test_sandbox_helper_that_is_killed_ends_the_run_with_one_error(cache, needs_namespaces):
    def kill(_worker, family):
        family[1].kill()

    watching = when_a_sample_runs(kill)
    start = time.monotonic()
    with pytest.raises(SandboxError, match=r"sandbox helper|judge"):
        score({CHECK.task_id: CHECK}, [Sample(CHECK.task_id, SLEEPS)], JudgeSettings("strict", 20.0, 400), 1)
    assert time.monotonic() < start + 15
    watching.join()
    assert workers() == []


def test_interrupt_leaves_no_process_and_no_folder(cache, tmp_path):
    script = """if True:
        import sys
        sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
        from tests.scoring.test_judge import CHECK, SLEEPS
        from wizardcoder.scoring.settings import JudgeSettings
        from wizardcoder.scoring.score_samples import Sample, score
        samples = [Sample(CHECK.task_id, f"{SLEEPS}# {n}") for n in range(60)]
        score({CHECK.task_id: CHECK}, samples, JudgeSettings("strict", 8.0, 400), 2)
    """
    env = {"PATH": os.environ["PATH"], "WC_CACHE_DIR": str(cache), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", script, str(ROOT)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=env, cwd=ROOT, start_new_session=True) as process:
        me, limit = psutil.Process(process.pid), time.monotonic() + 30
        while len(family := me.children(recursive=True)) < 6 and time.monotonic() < limit:
            time.sleep(0.05)
        time.sleep(0.5)
        folders = {Path(file.path).parent for child in family for file in files_of(child)}
        folders = {folder for folder in folders if folder.name.startswith("sandbox.")}
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert err.decode().count("Traceback") <= 1
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert [folder for folder in folders if folder.exists()] == []
    assert list(tmp_path.glob("sandbox.*")) == []


def files_of(process: psutil.Process) -> list[object]:
    try:
        return process.open_files()
    except psutil.Error:
        return []


def test_worker_sees_no_secret_of_the_stage(cache, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a secret of the stage")
    test = "def check(candidate):\n    import os\n    assert 'OPENAI_API_KEY' not in os.environ\n"
    test += "    assert candidate() == 1\n"
    problem = Problem("Made/14", "", "def f():\n    return 1\n", "f", test)
    found = score({problem.task_id: problem}, [Sample(problem.task_id, "def f():\n    return 1\n")], STRICT, 1)
    assert found.verdicts[0].result == "passed"


def test_verdict_can_be_written_as_a_line_of_json(judge):
    found = verdict(judge, CHECK, "    raise ValueError('\\ud800')\n")
    json.dumps(found.result, ensure_ascii=False).encode()


SHOWS_RESULT = replace(CHECK, test="def check(candidate):\n    got = candidate(1)\n    assert got == 2, got\n")


@pytest.mark.parametrize(
    ("problem", "result"),
    [
        (SHOWS_RESULT, "failed: AssertionError: what can't be written: ValueError"),
        (
            replace(SHOWS_RESULT, test="def check(candidate):\n    {2: 0}[candidate(1)]\n"),
            "failed: AssertionError: KeyError: what can't be written: ValueError",
        ),
    ],
)
def test_a_number_too_long_to_be_written_fails_its_sample_alone(judge, problem, result):
    assert judge.verdict(problem, "    return 1 << 20000\n").result.startswith(result)
    assert judge.verdict(SHOWS_RESULT, "    return 2 * n\n").passed


def test_what_can_t_be_compared_fails_its_sample_alone(judge, monkeypatch):
    def refuse(*_):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("wizardcoder.scoring.judge.run_tests", refuse)
        verdict = judge.verdict(CHECK, "    return n + n\n")
    assert verdict.result == "failed: what it returned can't be judged: MemoryError"
    assert judge.verdict(CHECK, "    return 2 * n\n").passed


def test_tests_that_run_out_of_memory_say_nothing_about_the_tests(judge):
    problem = replace(
        CHECK, task_id="Made/memory", test="def check(candidate):\n    candidate(1)\n    raise MemoryError\n"
    )
    assert judge.prepare(problem) == 0.0
    verdict = judge.verdict(problem, "    return 2 * n\n")
    assert (verdict.result, verdict.outside) == ("failed: the tests ran out of memory on what it returned", True)


def test_a_judged_sample_leaves_nothing_to_collect(judge):
    judge.verdict(CHECK, "    return 2 * n\n")
    gc.collect()
    gc.disable()
    try:
        judge.verdict(CHECK, "    return n + n\n")
        judge.verdict(CHECK, "    return None\n")
        assert not [found for found in gc.get_objects() if type(found) is RunningSample]
    finally:
        gc.enable()

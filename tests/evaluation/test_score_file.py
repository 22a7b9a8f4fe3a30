"""A file of samples is scored line by line, or refused before anything runs."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from wizardcoder.core.console import StageError
from wizardcoder.evaluation import score_file as module
from wizardcoder.evaluation.score_file import ScoreRequest, score_file
from wizardcoder.sandbox import toolchains
from wizardcoder.scoring.ds1000 import runner as ds1000

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
RIGHT, WRONG = "    return n\n", "    return n + 1\n"
RAISES, ENDS, LOOPS = "    raise ValueError('no')\n", "    raise SystemExit(0)\n", "    while True:\n        pass\n"
TEST = "def check(f):\n    assert f(7) == 7\n    assert f(8) == 8\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Stand in a folder with a benchmark of three problems, `b.jsonl`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    write_benchmark()
    return tmp_path


@pytest.fixture
def no_run(monkeypatch):
    """Make scoring itself fail: what is bad must be refused before."""
    monkeypatch.setattr(module, "score", lambda *_: pytest.fail("samples were run"))


def write_benchmark(test=TEST, count=3):
    fields = {"prompt": 'def f(n):\n    """Give n."""\n', "entry_point": "f", "canonical_solution": RIGHT, "test": test}
    write("b.jsonl", [{"task_id": f"T/{number}", **fields} for number in range(count)])


def write(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_samples(*samples, name="s.jsonl"):
    """Write samples as (task_id, completion)."""
    write(name, [{"task_id": task_id, "completion": completion} for task_id, completion in samples])


def read(name):
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def request(**changes):
    return ScoreRequest(
        **{"benchmark": "mine", "source": "b.jsonl", "samples": Path("s.jsonl"), "out": Path("o.jsonl")} | changes
    )


def start(**changes):
    """Start a program that scores."""
    out = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "PYTHONUTF8": "1"}
    program = (
        "from pathlib import *\n"
        "from wizardcoder.core import console\n"
        "from wizardcoder.evaluation.score_file import ScoreRequest, score_file\n"
        f"console.entry(lambda: score_file({request(**changes)!r}))\n"
    )
    return subprocess.Popen([sys.executable, "-c", program], env=environment, **out)


def refusal(**changes):
    """Return the one line with which a request is refused."""
    with pytest.raises(StageError) as refused:
        score_file(request(**changes))
    assert not Path("o.jsonl").exists()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def cells(shown):
    """Return the rows of a printed table."""
    rows = (line.replace("┃", "│").split("│")[1:-1] for line in shown.splitlines())
    return [[cell.strip() for cell in row] for row in rows if row]


def test_a_file_is_scored_line_by_line_and_pass_at_k_is_shown_with_its_interval():
    of_one = [("T/1", RIGHT), ("T/1", WRONG), ("T/1", RAISES), ("T/1", ENDS)]
    of_two = [("T/0", WRONG), ("T/0", RIGHT), ("T/0", RIGHT + "\n# é\n"), ("T/0", "")]
    write_samples(*[sample for pair in zip(of_one, of_two, strict=True) for sample in pair])
    process = start(ks=(1, 4))
    out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    rows = read("o.jsonl")
    assert all(isinstance(row.pop("seconds"), float) for row in rows)
    assert [tuple(row) for row in rows] == [("task_id", "completion", "passed", "result")] * 8
    assert [tuple(row.values()) for row in rows] == [
        ("T/1", RIGHT, True, "passed"),
        ("T/0", WRONG, False, "failed: AssertionError"),
        ("T/1", WRONG, False, "failed: AssertionError"),
        ("T/0", RIGHT, True, "passed"),
        ("T/1", RAISES, False, "failed: AssertionError: ValueError: no"),
        ("T/0", RIGHT + "\n# é\n", True, "passed"),
        ("T/1", ENDS, False, "failed: SystemExit: 0"),
        ("T/0", "", False, "failed: AssertionError"),
    ]
    assert cells(err) == [
        ["benchmark", "problems", "samples", "k", "pass@k", "95 % interval"],
        ["mine", "2", "8", "1", "0.3750", "0.2500 to 0.5000"],
        ["mine", "2", "8", "4", "1.0000", "1.0000 to 1.0000"],
    ]
    said = err.splitlines()
    assert "mine: a subset: 2 of 3 problems have samples; this is not a score of the whole benchmark" in said
    assert said[-2].startswith("mine: mode strict, extract none, sandbox ")
    assert said[-2].endswith(", 8 judged outside the sandbox")
    assert said[-1].startswith("score: 8 samples, 3 passed in ")


def test_official_and_strict_agree_on_right_wrong_crashing_and_looping_samples(capsys):
    samples = [("T/0", c) for c in (RIGHT, WRONG, RAISES, ENDS, LOOPS, "    return nothing\n", "    return (\n")]
    write_samples(*samples)
    found = {}
    for mode in ("official", "strict"):
        score_file(request(mode=mode, timeout_s=2.0))
        found[mode] = [(row["passed"], row["result"].partition(":")[0]) for row in read("o.jsonl")]
        outside = 7 if mode == "strict" else 0
        assert f"mine: mode {mode}, extract none, " in (said := capsys.readouterr().err)
        assert f", {outside} judged outside the sandbox" in said
    failed = (False, "failed")
    assert found["strict"] == [(True, "passed"), failed, failed, failed, (False, "timed out"), failed, failed]
    assert found["official"] == found["strict"]


def test_code_is_taken_out_of_chat_answers_by_the_rule_that_is_asked_for(capsys):
    answer = f"Wrong:\n```python\ndef f(n):\n{WRONG}```\nRight:\n```python\ndef f(n):\n{RIGHT}```\nDone."
    write_samples(("T/0", answer))
    found = {}
    for rule in ("first_fence", "last_fence"):
        score_file(request(extract=rule))
        (found[rule],) = read("o.jsonl")
        assert f"mine: mode strict, extract {rule}, " in capsys.readouterr().err
    assert {rule: (row["completion"], row["passed"]) for rule, row in found.items()} == {
        "first_fence": (f"\ndef f(n):\n{WRONG}", False),
        "last_fence": (f"\ndef f(n):\n{RIGHT}", True),
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "s.jsonl",
            b'{"task_id": "T/0", "completion": "x"}\n{"task_id": "HumanEval/0", "completion": "x"}\n',
            "error: s.jsonl:2: task_id: found 'HumanEval/0', not in this benchmark; accepted: such as 'T/0'",
        ),
        (
            "s.jsonl",
            b"".join(b'{"task_id": "T/%d", "completion": "x"}\n' % number for number in (0, 1, 2, 1)),
            "error: s.jsonl:4: task_id: 'T/1' has 2 samples, most problems have 1; "
            "accepted: the same number for each problem (is a line duplicated or missing?)",
        ),
        (
            "s.jsonl.gz",
            gzip.compress(b'{"task_id": "T/0", "completion": "x"}\n')[:20],
            "error: s.jsonl.gz:1: not gzip, or cut short: "
            "Compressed file ended before the end-of-stream marker was reached",
        ),
    ],
    ids=["an unknown problem", "a line twice", "a cut file"],
)
def test_an_invalid_file_is_refused_in_one_line_and_nothing_is_written(folder, name, content, said):
    Path(name).write_bytes(content)
    before = sorted(folder.iterdir())
    process = start(samples=Path(name))
    out, err = process.communicate()
    assert (process.returncode, out, err) == (1, "", f"{said}\n")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "s.jsonl: holds no sample"),
        ("def f():\n", "s.jsonl:1: not JSON, or cut short: Expecting value (column 1)"),
        ('{"task_id": "T/0"}\n', "s.jsonl:1: completion: missing, found task_id; accepted: a text"),
        ('{"task_id": "T/0", "completion": 1}\n', "s.jsonl:1: completion: found 1; accepted: a text"),
        (None, "s.jsonl: No such file or directory"),
    ],
    ids=["no sample", "not JSON", "a field missing", "a wrong type", "no file"],
)
def test_a_bad_file_is_refused_before_anything_runs(no_run, content, said):
    if content is not None:
        Path("s.jsonl").write_text(content)
    assert refusal() == said


def test_a_k_above_the_samples_of_each_problem_is_refused(no_run):
    write_samples(*[(f"T/{n}", RIGHT) for n in (0, 1, 0, 1)])
    assert refusal(ks=(1, 3)) == "--k: found 3, accepted: at most 2, the number of samples per problem"


def test_a_benchmark_without_a_source_is_refused_with_the_key_to_set(no_run):
    write_samples(("T/0", RIGHT))
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    said = refusal(benchmark="mbpp_plus", source=None)
    assert said.startswith("mbpp_plus not run: benchmarks.mbpp_plus: not set in params.yaml, accepted: ")


def test_an_unknown_benchmark_without_a_source_is_refused_with_the_known_ones(no_run):
    write_samples(("T/0", RIGHT))
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    said = refusal(benchmark="nope", source=None)
    assert said.startswith("--benchmark: found 'nope', accepted: dev, humaneval, humaneval_plus, ")
    assert said.endswith("; or --source FILE in HumanEval's format")


def test_a_benchmark_without_its_toolchain_is_refused_with_what_to_install(monkeypatch, no_run):
    monkeypatch.setattr(toolchains, "missing_tools", lambda name: f"{name}: not found; install: it")
    said = refusal(benchmark="multiple_js")
    assert said == "multiple_js not run: js: not found; install: it"


def test_samples_of_problems_none_of_which_can_run_here_are_refused(monkeypatch, no_run):
    monkeypatch.setattr(ds1000, "missing_environment", lambda: None)
    metadata = {"problem_id": 665, "library": "Tensorflow"}
    write("b.jsonl", [{"prompt": "", "reference_code": "x", "code_context": "x", "metadata": metadata}])
    write_samples(("DS-1000/665", "x"))
    said = refusal(benchmark="ds1000")
    assert "the DS-1000 environment has no Tensorflow" in said


def test_an_interrupt_ends_every_process_and_leaves_nothing_behind(folder):
    log = folder / "runs"
    write_benchmark(f"def check(f):\n    f(7)\n    open({str(log)!r}, 'a').write('x')\n    assert f(8) == 8\n", 2)
    write_samples(*[(f"T/{number}", "    while n == 8:\n        pass\n    return n\n") for number in range(2)])
    process = start(workers=2, timeout_s=100.0)
    while not (log.exists() and len(log.read_text()) == 4):  # two references, two samples
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    workers = psutil.Process(process.pid).children()
    helpers = [helper for worker in workers for helper in worker.children()]
    below = psutil.Process(process.pid).children(recursive=True)
    assert (len(workers), len(helpers), len(below) > 4) == (2, 2, True)
    scratch = [Path(f"/proc/{helper.pid}/fd/2").readlink().parent for helper in helpers]
    assert all(path.name.startswith("sandbox.") and path.exists() for path in scratch)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    assert psutil.wait_procs(below, 10)[1] == []
    assert not Path("o.jsonl").exists()
    assert [path for path in scratch if path.exists()] == []

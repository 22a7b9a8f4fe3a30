"""Stage decontaminate: planted copies of test samples go, with the reason; the rest stays."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench.decontaminate import judgements_of, pairs_of, settings
from bench.mock_endpoint import MockEndpoint
from bench.planted import planted
from stages import decontaminate, seed
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.core.params import RunParams, load, read_yaml
from wizardcoder.core.records import Example, read_jsonl, write_jsonl
from wizardcoder.decontamination.ngram_overlap import code_runs
from wizardcoder.decontamination.pairs import Task, embedded_texts, statement, text_of_example, text_of_problem
from wizardcoder.text.embeddings import embed
from wizardcoder.text.tfidf import nearest

ROOT = Path(__file__).resolve().parents[2]
SEED = read_yaml(ROOT / "params.yaml")["run"]["seed"]
EXECUTION = read_yaml(ROOT / "params.yaml")["decontaminate"]["execution"]
KINDS = ("copied whole", "task alone", "renamed", "reworded, own solution", "translated zh, own solution")
UNRELATED = Example("unrelated", None, 0, None, "Write a haiku about the sea.", "Grey waves fold and fold.")


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
    assert record["judgement"] == "prompt overlap 1.00 >= 0.5"
    assert 0 <= record["similarity"] < 0.5  # the instruction does not tell the task
    assert record["response"] == planted.response
    assert record["test_text"] == text_of_problem(humaneval)


def test_metrics_count_samples_by_benchmark(done):
    folder, examples, *_ = done
    metrics = json.loads((folder / decontaminate.METRICS).read_text(encoding="utf-8"))
    of_each = [f"excluded.{n}{judge}" for n in ("dev", "humaneval") for judge in ("", ".rule", ".execution")]
    of_each += [f"execution.{what}" for what in ("programs", "ended", "unparsed", "untold")]
    top_1 = [f"top_1_similarity.{n}.{what}" for n in ("dev", "humaneval") for what in ("mean", "p95", "max")]
    assert sorted(metrics) == sorted(["kept", "excluded", "pairs_judged", "pairs_asked", "unclear", *of_each, *top_1])
    assert metrics["kept"] == len(examples) - 2
    assert (metrics["excluded"], metrics["excluded.dev"], metrics["excluded.humaneval.rule"]) == (2, 1, 1)
    assert (metrics["pairs_asked"], metrics["unclear"]) == (0, 0)
    retrieved = 204 * read_yaml(ROOT / "params.yaml")["decontaminate"]["top_k"]
    assert retrieved < metrics["pairs_judged"] <= retrieved + 2  # a copy is found also where it is not retrieved
    mean, p95, most = (metrics[f"top_1_similarity.humaneval.{what}"] for what in ("mean", "p95", "max"))
    assert 0 < mean < p95 <= most < 1


def test_an_empty_training_set_is_refused(tmp_path):
    with working_in(tmp_path):
        write_params(tmp_path)
        write_jsonl(decontaminate.SOURCE, [])
        with pytest.raises(StageError) as caught:
            decontaminate.main()
    assert str(caught.value) == "data/merged/examples.jsonl: holds no example"


def test_a_problem_without_text_is_refused_by_name(tmp_path):
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
        write_jsonl(decontaminate.SOURCE, [UNRELATED])
        with pytest.raises(StageError) as caught:
            decontaminate.main()
        assert not decontaminate.OUT.exists()
    assert str(caught.value) == (
        "benchmarks.own: own/3: prompt: found ' \\n', accepted: a text, which training samples can be held against"
    )


def test_an_unknown_embedder_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with working_in(tmp_path):
        write_params(tmp_path, decontaminate={"embedder": "nobody/no-such-model", "benchmarks": ["dev"]})
        write_jsonl(decontaminate.SOURCE, [UNRELATED])
        with pytest.raises(StageError) as caught:
            decontaminate.main()
        assert not decontaminate.OUT.exists()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(
        "decontaminate.embedder: found 'nobody/no-such-model': no such directory, and not on the hub: "
    )
    assert str(caught.value).endswith(
        "accepted: tfidf, embedded, a sentence-transformers directory, or a hub id (ID or ID@REVISION)"
    )


def test_benchmarks_whose_solutions_are_missing_are_held_against_by_their_prompts(tmp_path):
    prompt = (
        "/// Return the number of vowels of a word that follow a consonant, wherever they stand.\nfn count(w: &str) {\n"
    )
    row = {"name": "r_1", "language": "rs", "prompt": prompt, "tests": "}", "stop_tokens": []}
    leak = Example("leak", None, 0, None, "Consider this.\n" + prompt.replace("///", "#"), "Gladly.")
    with working_in(tmp_path):
        (tmp_path / "rs.jsonl").write_text(json.dumps(row), encoding="utf-8")
        write_params(tmp_path, decontaminate={"benchmarks": ["multiple_rs"]}, benchmarks={"multiple_rs": "rs.jsonl"})
        write_jsonl(decontaminate.SOURCE, [UNRELATED, leak])
        decontaminate.main()
        assert [(item["id"], item["task_id"]) for item in excluded_of(tmp_path)] == [("leak", "r_1")]


def test_a_record_that_matches_several_tests_is_written_with_each_and_counted_once(tmp_path):
    with working_in(tmp_path):
        first, second = load_benchmark("humaneval")[17], load_benchmark("humaneval")[40]
        both = replace(copy_of("both", first), instruction=copy_of("", second).response)
        write_params(tmp_path, decontaminate={"judge": "rule", "benchmarks": ["humaneval"]})
        write_jsonl(decontaminate.SOURCE, [UNRELATED, both])
        decontaminate.main()
        assert {item["task_id"] for item in excluded_of(tmp_path)} == {first.task_id, second.task_id}
        assert json.loads(decontaminate.METRICS.read_text())["excluded"] == 1


def test_a_benchmark_without_a_source_is_refused_before_anything_is_written(tmp_path):
    with working_in(tmp_path):
        write_params(tmp_path, decontaminate={"benchmarks": ["dev", "mbpp_plus"]})
        write_jsonl(decontaminate.SOURCE, [UNRELATED])
        with pytest.raises(StageError) as caught:
            decontaminate.main()
        assert str(caught.value).startswith("benchmarks.mbpp_plus: not set in params.yaml, accepted: a file ending in")
        assert not decontaminate.OUT.exists()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"call_s": 10.0},
            "call_s: found 10.0, accepted: less than timeout_s, 10.0, in which all of a sample's calls have to end",
        ),
        ({"min_agreement": 0.0}, "min_agreement: found 0, accepted: more than 0, up to 1"),
        ({"min_agreement_few": 0.0}, "min_agreement_few: found 0, accepted: more than 0, up to 1"),
    ],
)
def test_execution_by_which_nothing_or_everything_would_match_is_refused(tmp_path, change, line):
    with working_in(tmp_path):
        write_params(tmp_path, decontaminate={"execution": EXECUTION | change})
        with pytest.raises(StageError, match=re.escape(f"params.yaml: decontaminate.execution.{line}")):
            decontaminate.main()
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
    """Give a function that runs the stage on three samples; the teacher's judgements of `suspect` are these in turn."""
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    suspect = Example("suspect", None, 0, None, "Suspicious.", "return a + b")
    plain = Example("plain", None, 0, None, "Plain.", "Nothing here.")

    def run(*texts: str, top_k: int = 3, rest: str = "No.", **endpoint) -> tuple[list[dict], list[str], MockEndpoint]:
        def reply(body: dict) -> str:
            attempt = body["seed"] - SEED
            return texts[attempt % len(texts)] if "Suspicious." in body["messages"][0]["content"] else rest

        with working_in(tmp_path), MockEndpoint(reply=reply, **endpoint) as mock:
            write_params(
                tmp_path,
                teacher={"base_url": mock.url, "api_key_env": "OPENAI_API_KEY", "retries": 0},
                decontaminate={"judge": "teacher", "benchmarks": ["dev"], "top_k": top_k},
            )
            write_jsonl(decontaminate.SOURCE, [UNRELATED, suspect, plain])
            decontaminate.main()
        return excluded_of(tmp_path), [e.id for e in kept_of(tmp_path)], mock

    return run


def metrics_of(folder: Path) -> dict:
    return json.loads((folder / decontaminate.METRICS).read_text(encoding="utf-8"))


def test_what_the_teacher_affirms_is_excluded(judged_by):
    excluded, kept, mock = judged_by("Yes")
    assert {(item["id"], item["judge"], item["judgement"]) for item in excluded} == {("suspect", "teacher", "Yes")}
    assert kept == ["unrelated", "plain"]
    assert mock.counts["requests"] == 40 * 3


@pytest.mark.parametrize("judgement", ["maybe", "", "I think so"])
def test_a_judgement_that_stays_neither_yes_nor_no_counts_as_a_match(judged_by, tmp_path, judgement):
    excluded, kept, _ = judged_by(judgement)
    assert {(item["id"], item["judgement"]) for item in excluded} == {("suspect", judgement)}
    assert kept == ["unrelated", "plain"]
    assert metrics_of(tmp_path)["unclear"] == 40


@pytest.mark.parametrize(("judgement", "pairs", "unclear"), [("Hm", 40, 40), ("Yes", 40 * 3, 0)])
def test_only_a_clear_match_makes_the_search_look_further(judged_by, tmp_path, judgement, pairs, unclear):
    judged_by(judgement, top_k=1, rest=judgement)
    assert (metrics_of(tmp_path)["pairs_judged"], metrics_of(tmp_path)["unclear"]) == (pairs, unclear)


def test_an_unclear_judgement_is_asked_for_again(judged_by, tmp_path):
    excluded, kept, mock = judged_by("maybe", "I think so", "No.")
    assert (excluded, kept) == ([], ["unrelated", "suspect", "plain"])
    assert mock.counts["requests"] == 40 * (3 + 2)
    assert metrics_of(tmp_path)["unclear"] == 0


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


def test_both_asks_the_teacher_only_about_what_is_alike_and_no_copy(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    with working_in(tmp_path), MockEndpoint(reply=lambda body: "Yes") as mock:
        problem = load_benchmark("dev")[5]
        (tmp_path / "one.jsonl").write_text(json.dumps(row_of(problem)), encoding="utf-8")
        write_params(
            tmp_path,
            teacher={"base_url": mock.url, "api_key_env": "OPENAI_API_KEY", "retries": 0},
            decontaminate={"judge": "both", "benchmarks": ["one"], "top_k": 3},
            benchmarks={"one": "one.jsonl"},
        )
        like = replace(UNRELATED, id="like", instruction=f"Tell me more: {statement(problem.prompt)[:-9]}")
        write_jsonl(decontaminate.SOURCE, [UNRELATED, copy_of("copy", problem), like])
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
        # of two samples the one is retrieved that is told alike
        ({"judge": "rule", "top_k": 1, "execution": {"scope": "retrieved"}}, {}),
    ],
)
def test_a_sample_whose_code_solves_a_test_is_excluded_in_its_scope(tmp_path, monkeypatch, changes, judges):
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    with working_in(tmp_path), MockEndpoint(reply=lambda _: "No") as mock:
        add = next(p for p in load_benchmark("humaneval") if p.task_id == "HumanEval/53")
        Path("one.jsonl").write_text(json.dumps(row_of(add)), encoding="utf-8")
        execution = EXECUTION | changes.get("execution", {})
        write_params(
            tmp_path,
            teacher={"base_url": mock.url, "api_key_env": "OPENAI_API_KEY", "retries": 0},
            benchmarks={"one": "one.jsonl"},
            decontaminate={"benchmarks": ["one"]} | changes | {"execution": execution},
        )
        near = replace(UNRELATED, id="near", instruction="Which two numbers add up to ten?")
        write_jsonl(decontaminate.SOURCE, [near, ADDED])
        decontaminate.main()
        assert {item["id"]: item["judge"] for item in excluded_of(tmp_path)} == judges
        for item in excluded_of(tmp_path):
            assert item["judgement"] == (
                "total returns what the tests expect (5 calls) and agrees with the reference on 40 of 40 others"
            )


def row_of(problem: Problem) -> dict:
    return {name: getattr(problem, name) for name in ("task_id", "prompt", "entry_point", "canonical_solution", "test")}


@pytest.fixture(scope="module")
def planted_into_seeds():
    """Search the bundled seeds, with every labelled pair of HumanEval planted among them."""
    with contextlib.chdir(ROOT):
        problems = load_benchmark("humaneval")
        plants = planted({problem.task_id: problem for problem in problems})
        seeds, _ = seed.run(
            seed.Params(RunParams(1), seed.SeedParams("bundled/seeds.json", None)),
            seed.read_source(Path("bundled/seeds.json")),
        )
        params = load(decontaminate.Params, ROOT / "params.yaml")
        judged = decontaminate.run(
            params, [Task("humaneval", p) for p in problems], [*seeds, *(p.example for p in plants)]
        )
    return (
        plants,
        {(item.id, item.task_id): item.judge for item in judged.excluded()},
        {example.id for example in seeds},
    )


def test_every_planted_leak_is_found(planted_into_seeds):
    plants, found, _ = planted_into_seeds
    leaks = [(plant.example.id, plant.task_id) for plant in plants if plant.leak and "blind" not in plant.kind]
    assert len(leaks) > 230
    assert [key for key in leaks if key not in found] == []


def test_leaks_that_were_written_blind_are_found_where_calls_can_tell_them(planted_into_seeds):
    plants, found, _ = planted_into_seeds
    blind = [plant for plant in plants if "blind" in plant.kind]
    assert len(blind) == 90
    # one with more than one right output, and a check of dates that the reference takes for texts
    missed = [plant.task_id for plant in blind if (plant.example.id, plant.task_id) not in found]
    assert missed == ["HumanEval/32", "HumanEval/124"]


def test_the_rule_finds_copies_and_execution_what_is_told_and_solved_anew(planted_into_seeds):
    plants, found, _ = planted_into_seeds
    judges = {kind: Counter(found[p.example.id, p.task_id] for p in plants if p.kind == kind) for kind in KINDS}
    assert judges["copied whole"] == judges["task alone"] == judges["renamed"] == {"rule": 40}
    assert {kind: set(judges[kind]) for kind in ("reworded, own solution", "translated zh, own solution")} == {
        "reworded, own solution": {"execution"},
        "translated zh, own solution": {"execution"},
    }


def test_a_renamed_solution_that_is_too_short_for_the_rule_is_found_by_execution(planted_into_seeds):
    plants, found, _ = planted_into_seeds
    with contextlib.chdir(ROOT):
        solutions = {p.task_id: p.canonical_solution for p in load_benchmark("humaneval")}
    alone = [p for p in plants if p.kind == "renamed, solution alone"]
    by_execution = [p.task_id for p in alone if found[p.example.id, p.task_id] == "execution"]
    assert by_execution == [p.task_id for p in alone if len(code_runs(solutions[p.task_id], 10)) < 8]
    assert 0 < len(by_execution) < len(alone) / 3


def test_what_is_near_or_unrelated_stays(planted_into_seeds):
    plants, found, seeds = planted_into_seeds
    others = [(plant.example.id, plant.task_id) for plant in plants if not plant.leak]
    assert len(others) > 80
    assert [key for key in others if key in found] == []
    assert [key for key, _ in found if key in seeds] == []


@pytest.fixture
def labelled(tmp_path, monkeypatch):
    """Give a function that judges labelled pairs of 12 problems; the teacher affirms the reworded ones alone."""
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))

    def run(judge: str, denial: str = "No"):
        def reply(body: dict) -> str:
            return "Yes" if any(text in body["messages"][0]["content"] for text in reworded) else denial

        with working_in(tmp_path), MockEndpoint(reply=reply) as mock:
            write_params(tmp_path, teacher={"base_url": mock.url, "api_key_env": "OPENAI_API_KEY", "retries": 0})
            problems = {p.task_id: p for p in load_benchmark("humaneval")[:12]}
            plants = [p for p in planted(problems) if p.kind in ("copied whole", "reworded, own solution", "near")]
            reworded = [p.example.instruction for p in plants if p.kind.startswith("reworded")]
            params = settings("tfidf", judge, "off")
            found = pairs_of(plants, list(problems.values()), [UNRELATED], params)
            return plants, found, judgements_of(found, params), mock

    return run


def test_the_benchmark_asks_the_teacher_about_each_labelled_pair_that_is_retrieved_and_no_other(labelled):
    plants, found, told, mock = labelled("teacher")
    assert set(found) == {(p.example.id, p.task_id) for p in plants}
    assert mock.counts["requests"] == len(plants) == 12 + 4 + 3
    assert {example for (example, _), t in told.items() if t.match} == {
        f"planted/reworded, own solution/HumanEval/{n}" for n in (0, 4, 6, 8)
    }


def test_the_benchmark_judges_by_both_as_the_stage_does_with_min_doubt_of_the_embedder(labelled):
    plants, found, told, mock = labelled("both")
    assert sum(pair.similarity >= 0.2 for pair in found.values()) == mock.counts["requests"] == 1
    assert {key for key, t in told.items() if t.match} == {
        (p.example.id, p.task_id) for p in plants if p.kind == "copied whole"
    }


def test_the_benchmark_counts_what_stays_unclear_as_a_match(labelled):
    _, _, told, mock = labelled("teacher", denial="Hard to say")
    assert all(t.match for t in told.values())
    assert sum(not t.clear for t in told.values()) == 12 + 3
    assert mock.counts["requests"] == 4 + 3 * (12 + 3)


def test_thresholds_in_the_benchmark_are_those_of_the_embedder():
    with contextlib.chdir(ROOT):
        rules = [settings(embedder, "rule", "off").decontaminate.rule for embedder in ("tfidf", "embedded")]
    assert [(rule.min_similarity, rule.min_doubt) for rule in rules] == [(0.8, 0.2), (0.9, 0.5)]


def test_a_model_embeds_both_texts_whole_and_tfidf_the_task_and_the_instruction():
    problem = Problem("Dev/x", 'def f():\n    """Give back the number one."""\n', "    return 1\n")
    tests, examples = [Task("dev", problem)], [UNRELATED]
    assert embedded_texts("tfidf", tests, examples) == (["Give back the number one."], [UNRELATED.instruction])
    assert embedded_texts("embedded", tests, examples) == (
        ['def f():\n    """Give back the number one."""\n\n    return 1\n'],
        ["Write a haiku about the sea.\nGrey waves fold and fold."],
    )


@pytest.fixture(scope="module")
def minilm(tmp_path_factory):
    """Give what all-MiniLM ranks for leaks with other words and code among the bundled seeds, and the cache used."""
    cache = tmp_path_factory.mktemp("embeddings")
    with contextlib.chdir(ROOT):
        problems = {p.task_id: p for p in load_benchmark("humaneval")}
        plants = [p for p in planted(problems) if p.kind.endswith(", own solution")]
        seeds, _ = seed.run(
            seed.Params(RunParams(1), seed.SeedParams("bundled/seeds.json", None)),
            seed.read_source(Path("bundled/seeds.json")),
        )
        plants, seeds = plants[:12], seeds[:30]
        tests = [Task("humaneval", problems[p.task_id]) for p in plants]
        texts, corpus = embedded_texts("embedded", tests, [*seeds, *(p.example for p in plants)])
        vectors = embed("embedded", texts, corpus, cache)
    return plants, len(seeds), vectors, cache, texts, corpus


def test_minilm_retrieves_most_rewordings_and_translations(minilm):
    plants, first, (queries, corpus), *_ = minilm
    ranks = list(nearest(queries, corpus, 5))
    assert sum(first + n in [i for i, _ in ranks[n]] for n in range(len(plants))) >= 0.8 * len(plants)


def test_a_second_run_embeds_nothing_and_gives_the_same(minilm, monkeypatch):
    *_, vectors, cache, texts, corpus = minilm
    monkeypatch.setattr(
        "wizardcoder.text.embedding_models.EmbeddingModel.embed", lambda *_: pytest.fail("embedded again")
    )
    again = embed("embedded", texts, corpus, cache)
    assert all((one == other).all() for one, other in zip(vectors, again, strict=True))

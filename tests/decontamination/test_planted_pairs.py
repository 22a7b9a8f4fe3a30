"""Labelled pairs of bench/planted.py: which leaks are found, by which judge, and what is kept."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from pathlib import Path

import pytest

from bench.decontaminate import find_planted_pairs, judge_planted_pairs, read_params
from bench.mock_endpoint import MockEndpoint
from bench.planted import list_planted
from stages import decontaminate, seed
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.core.params import RunParams, load, read_yaml
from wizardcoder.core.records import Example
from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem
from wizardcoder.decontamination.compared_texts import select_embedded_texts
from wizardcoder.decontamination.ngram_overlap import extract_code_ngrams
from wizardcoder.text.embeddings import embed
from wizardcoder.text.tfidf import find_nearest_rows

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("copied whole", "task alone", "renamed", "reworded, own solution", "translated zh, own solution")
UNRELATED = Example("unrelated", None, 0, None, "Write a haiku about the sea.", "Grey waves fold and fold.")


@pytest.fixture(scope="module")
def planted_into_seeds():
    """Search the bundled seeds with every labelled pair of HumanEval planted among them."""
    with contextlib.chdir(ROOT):
        problems = load_benchmark("humaneval")
        plants = list_planted({problem.task_id: problem for problem in problems})
        seeds, _ = seed.run(
            seed.Params(RunParams(1), seed.SeedParams("bundled/seeds.json", None)),
            seed.read_source(Path("bundled/seeds.json")),
        )
        params = load(decontaminate.Params, ROOT / "params.yaml")
        judged = decontaminate.run(
            params, [BenchmarkProblem("humaneval", p) for p in problems], [*seeds, *(p.example for p in plants)]
        )
    return (
        plants,
        {(item.id, item.task_id): item.judge for item in judged.list_excluded()},
        {example.id for example in seeds},
    )


def test_every_planted_leak_is_found(planted_into_seeds):
    plants, found, _ = planted_into_seeds
    leaks = [(plant.example.id, plant.task_id) for plant in plants if plant.leak and "blind" not in plant.kind]
    assert len(leaks) > 230
    assert [key for key in leaks if key not in found] == []


def test_leaks_that_were_written_blind_are_found_if_calls_can_show_them(planted_into_seeds):
    plants, found, _ = planted_into_seeds
    blind = [plant for plant in plants if "blind" in plant.kind]
    assert len(blind) == 90
    # HumanEval/32 has several right outputs; the reference of HumanEval/124 contradicts its text
    missed = [plant.task_id for plant in blind if (plant.example.id, plant.task_id) not in found]
    assert missed == ["HumanEval/32", "HumanEval/124"]


def test_the_rule_finds_copies_and_execution_finds_reworded_tasks_with_own_solutions(planted_into_seeds):
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
    assert by_execution == [p.task_id for p in alone if len(extract_code_ngrams(solutions[p.task_id], 10)) < 8]
    assert 0 < len(by_execution) < len(alone) / 3


def test_similar_and_unrelated_samples_are_kept(planted_into_seeds):
    plants, found, seeds = planted_into_seeds
    others = [(plant.example.id, plant.task_id) for plant in plants if not plant.leak]
    assert len(others) > 80
    assert [key for key in others if key in found] == []
    assert [key for key, _ in found if key in seeds] == []


@pytest.fixture
def labelled(tmp_path, monkeypatch):
    """Return a function that judges labelled pairs of 12 problems; the teacher says yes only to the reworded ones."""
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))

    def run(judge: str, denial: str = "No"):
        def reply(body: dict) -> str:
            return "Yes" if any(text in body["messages"][0]["content"] for text in reworded) else denial

        (tmp_path / "bundled").symlink_to(ROOT / "bundled")
        with contextlib.chdir(tmp_path), MockEndpoint(reply=reply) as mock:
            raw = read_yaml(ROOT / "params.yaml")
            raw["teacher"]["base_url"] = mock.url
            raw["runtime"]["teacher"]["retries"] = 0
            Path("params.yaml").write_text(json.dumps(raw), encoding="utf-8")
            problems = {p.task_id: p for p in load_benchmark("humaneval")[:12]}
            plants = [p for p in list_planted(problems) if p.kind in ("copied whole", "reworded, own solution", "near")]
            reworded = [p.example.instruction for p in plants if p.kind.startswith("reworded")]
            params = read_params("tfidf", judge, "off")
            found = find_planted_pairs(plants, list(problems.values()), [UNRELATED], params)
            return plants, found, judge_planted_pairs(found, params), mock

    return run


def test_the_script_asks_the_teacher_only_about_labelled_pairs_that_are_retrieved(labelled):
    plants, found, judged, mock = labelled("teacher")
    assert set(found) == {(p.example.id, p.task_id) for p in plants}
    assert mock.counts["requests"] == len(plants) == 12 + 4 + 3
    assert {example for (example, _), t in judged.items() if t.match} == {
        f"planted/reworded, own solution/HumanEval/{n}" for n in (0, 4, 6, 8)
    }


def test_the_script_judges_by_both_as_the_stage_does(labelled):
    plants, found, judged, mock = labelled("both")
    assert sum(pair.similarity >= 0.2 for pair in found.values()) == mock.counts["requests"] == 1
    assert {key for key, t in judged.items() if t.match} == {
        (p.example.id, p.task_id) for p in plants if p.kind == "copied whole"
    }


def test_the_script_counts_an_unclear_judgement_as_a_match(labelled):
    _, _, judged, mock = labelled("teacher", denial="Hard to say")
    assert all(t.match for t in judged.values())
    assert sum(not t.clear for t in judged.values()) == 12 + 3
    assert mock.counts["requests"] == 4 + 3 * (12 + 3)


def test_the_script_s_thresholds_are_those_of_the_embedder():
    with contextlib.chdir(ROOT):
        rules = [read_params(embedder, "rule", "off").decontaminate.rule for embedder in ("tfidf", "embedded")]
    assert [(rule.min_similarity, rule.min_doubt) for rule in rules] == [(0.8, 0.2), (0.9, 0.5)]


@pytest.fixture(scope="module")
def minilm(tmp_path_factory):
    """Embed reworded and translated leaks among the bundled seeds with all-MiniLM; return the vectors and the cache."""
    cache = tmp_path_factory.mktemp("embeddings")
    with contextlib.chdir(ROOT):
        problems = {p.task_id: p for p in load_benchmark("humaneval")}
        plants = [p for p in list_planted(problems) if p.kind.endswith(", own solution")]
        seeds, _ = seed.run(
            seed.Params(RunParams(1), seed.SeedParams("bundled/seeds.json", None)),
            seed.read_source(Path("bundled/seeds.json")),
        )
        plants, seeds = plants[:12], seeds[:30]
        tests = [BenchmarkProblem("humaneval", problems[p.task_id]) for p in plants]
        texts, corpus = select_embedded_texts("embedded", tests, [*seeds, *(p.example for p in plants)])
        vectors = embed("embedded", texts, corpus, cache)
    return plants, len(seeds), vectors, cache, texts, corpus


def test_minilm_retrieves_most_rewordings_and_translations(minilm):
    plants, first, (queries, corpus), *_ = minilm
    ranks = list(find_nearest_rows(queries, corpus, 5))
    assert sum(first + n in [i for i, _ in ranks[n]] for n in range(len(plants))) >= 0.8 * len(plants)


def test_a_second_run_reads_all_vectors_from_the_cache(minilm, monkeypatch):
    *_, vectors, cache, texts, corpus = minilm
    monkeypatch.setattr(
        "wizardcoder.text.embedding_models.EmbeddingModel.embed", lambda *_: pytest.fail("embedded again")
    )
    again = embed("embedded", texts, corpus, cache)
    assert all((one == other).all() for one, other in zip(vectors, again, strict=True))

"""Evol Stop: when it stops, which round it chooses, and a whole run through real DVC on a quick pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.experiments.test_results import scores
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load, read_yaml
from wizardcoder.core.params_file import applied, nested
from wizardcoder.experiments import evol_stop
from wizardcoder.experiments.evol_stop import apply_best_round, best_round, decide, find_best_round, round_switches
from wizardcoder.experiments.results import ExperimentResult

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]


def decisions(curve, measure, rule):
    return [decide(curve[: n + 1], measure, rule).decision for n in range(len(curve))]


def test_any_drop_stops_at_the_first_drop():
    curve = [scores(n, 1.5) for n in (6, 8, 18, 17)]
    assert decisions(curve, "pass_at_1", "any_drop") == ["first", "best", "best", "stop"]


def test_interval_goes_on_over_a_drop_within_chance_and_stops_at_one_beyond_it():
    curve = [scores(n, 1.5) for n in (6, 8, 18, 17, 3)]
    assert decisions(curve, "pass_at_1", "interval") == ["first", "best", "best", "not better", "stop"]
    last = decide(curve, "pass_at_1", "interval")
    assert (last.best_before, last.gain) == (2, pytest.approx(-0.75))
    assert last.interval.high < 0


def test_interval_goes_on_over_a_drop_of_a_few_problems_that_may_be_chance():
    assert decisions([scores(10, 1.5), scores(6, 1.5)], "pass_at_1", "interval") == ["first", "not better"]  # p 0.125
    assert decisions([scores(10, 1.5), scores(5, 1.5)], "pass_at_1", "interval") == ["first", "not better"]  # p 0.0625
    assert decisions([scores(10, 1.5), scores(4, 1.5)], "pass_at_1", "interval") == ["first", "stop"]  # p 0.03125


def test_a_lower_nll_is_better():
    curve = [scores(6, nll) for nll in (1.5, 1.2, 1.4)]
    assert decisions(curve, "nll", "interval") == ["first", "best", "stop"]
    assert decide(curve, "nll", "interval").gain == pytest.approx(-0.2)
    assert best_round(curve, "nll") == 1


def test_a_tie_keeps_the_earlier_round():
    curve = [scores(6, 1.5), scores(6, 1.5)]
    assert decisions(curve, "pass_at_1", "any_drop") == ["first", "not better"]
    assert best_round(curve, "pass_at_1") == 0


def test_rounds_that_are_not_reached_are_off():
    assert round_switches(2) == {
        "evolve.enabled.r1": True,
        "evolve.enabled.r2": True,
        "evolve.enabled.r3": False,
        "evolve.enabled.r4": False,
    }


def test_a_run_stops_at_the_drop_and_writes_the_best_rounds(quick_project):
    quick_project.set(**{"evol_stop.measure": "pass_at_1", "evol_stop.rule": "any_drop"})
    quick_project.commit()
    before = (quick_project.path / "params.yaml").read_text()
    output = quick_project.evol_stop("--pay")
    assert quick_project.experiments() == ["evol-stop-0", "evol-stop-1", "evol-stop-2"]
    assert "evol_stop: round 2: dev pass_at_1 0.850 (0.640 to 0.948): stop" in output
    assert "evol_stop: stopped by round 2, best is 1: merge.rounds is [0, 1]" in output
    after = (quick_project.path / "params.yaml").read_text()
    assert changed(before, after) == [
        ("    r2: true", "    r2: false"),
        ("    r3: true", "    r3: false"),
        ("    r4: true", "    r4: false"),
        (
            "  rounds: [1, 2]              # paper, section 4.5: rounds 0 to 3 help, round 4 hurts",
            "  rounds: [0, 1]              # paper, section 4.5: rounds 0 to 3 help, round 4 hurts",
        ),
    ]


def test_a_round_that_is_not_reached_asks_nothing_and_the_other_benchmarks_are_not_scored(quick_project):
    head = quick_project.git("rev-parse", "HEAD")
    commit = f"refs/exps/{head[:2]}/{head[2:]}/evol-stop-1"
    assert json.loads(quick_project.git("show", f"{commit}:metrics/evolve_r2.json")) == {"enabled": 0, "requests": 0}
    scored = json.loads(quick_project.git("show", f"{commit}:metrics/evaluate.json"))
    assert {key.split(".")[0] for key in scored} == {"dev"}


def test_a_second_call_runs_nothing_and_finds_the_same(quick_project):
    quick_project.git("checkout", "--quiet", "params.yaml")
    output = quick_project.evol_stop("--pay")
    assert output.count("finished before") == 3
    assert " runs, " not in output
    assert read_yaml(quick_project.path / "params.yaml")["merge"]["rounds"] == [0, 1]
    curve = json.loads((quick_project.path / "experiments/evol-stop.json").read_text())
    assert [entry["metrics"]["dev.pass_at_1"] for entry in curve["entries"]] == [0.3, 0.9, 0.85]


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("evaluate.dev", "humaneval", "params.yaml: evaluate.dev: found humaneval, a test benchmark"),
        ("evaluate.problems.dev", 0, "params.yaml: evaluate.problems.dev: found 0, accepted: null or a number"),
        ("evol_stop.rule", "drop", "params.yaml: evol_stop.rule: found 'drop', accepted: 'interval' or 'any_drop'"),
        ("evol_stop.max_round", 5, "params.yaml: evol_stop.max_round: found 5, accepted: less than or equal to 4"),
    ],
)
def test_settings_by_which_no_round_can_be_chosen_are_refused(tmp_path, monkeypatch, key, value, line):
    text = applied((ROOT / "params.yaml").read_text(), nested({key: value}))
    (tmp_path / "params.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError) as caught:
        find_best_round()
    assert str(caught.value).startswith(line)


def test_where_no_round_solves_a_problem_nothing_is_chosen(quick_project, monkeypatch):
    monkeypatch.chdir(quick_project.path)
    before = Path("params.yaml").read_text()
    params = load(evol_stop.Params)
    results = [ExperimentResult(f"evol-stop-{n}", {"dev": scores(0, 1.5)}, {}) for n in range(3)]
    steps = [decide([r.scores["dev"] for r in results[: n + 1]], "pass_at_1", "interval") for n in range(3)]
    experiments = [evol_stop.experiment(n, params) for n in range(3)]
    with pytest.raises(StageError, match=r"^dev: no round solved a problem, .* accepted: evol_stop\.measure nll"):
        apply_best_round(steps, results, experiments, "0" * 40, params)
    assert Path("params.yaml").read_text() == before


def changed(before: str, after: str) -> list[tuple[str, str]]:
    """Return the lines that differ."""
    return [(old, new) for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]

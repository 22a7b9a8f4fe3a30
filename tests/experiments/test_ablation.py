"""Suites of experiments through real git and DVC, on a pipeline whose stages take moments.

The tests share one project and run in the order in which they stand, none alone.
"""

from __future__ import annotations

import json
import signal
import sys
import time

import psutil
import pytest

from wizardcoder.core.console import StageError
from wizardcoder.experiments.ablation import run_suite
from wizardcoder.experiments.experiment import Experiment
from wizardcoder.experiments.runs import exclusive_run, queue_experiment

pytestmark = pytest.mark.heavy

ROUNDS = {
    "description": "how many rounds help",
    "baseline": "0-1",
    "entries": {"0": {"merge.rounds": [0]}, "0-1": {"merge.rounds": [0, 1]}, "0-1-2": {"merge.rounds": [0, 1, 2]}},
}
EVOLVED = {"description": "asks", "baseline": "r2", "entries": {"r2": {"evolve.enabled.r2": False}}}


@pytest.fixture
def project(quick_project, monkeypatch):
    monkeypatch.chdir(quick_project.path)
    quick_project.suites(rounds=ROUNDS, evolved=EVOLVED)
    return quick_project


def refusal(suite: str) -> str:
    with pytest.raises(StageError) as caught:
        run_suite(suite)
    return str(caught.value)


def ran(output: str, name: str) -> list[str]:
    """Return the stages that ran for an experiment."""
    found = [line.split(f": {name}: ", 1)[1] for line in output.splitlines() if f": {name}: " in line]
    return [text.split()[0] for text in found if " runs, " in text]


def row(output: str, name: str) -> list[str]:
    """Return an experiment's cells in the first table."""
    line = next(line for line in output.splitlines() if line.startswith("│") and f" {name} " in line)
    return [cell.strip() for cell in line.strip("│").split("│")]


def interrupted(project, by: signal.Signals) -> int:
    """Start the suite, end it while the first stage trains, and give its exit code once all of it is gone."""
    slow, training = project.path / ".cache/slow", project.path / ".cache/training"
    slow.touch()
    training.unlink(missing_ok=True)
    process = project.start(sys.executable, "-m", "wizardcoder.cli.main", "ablate", "rounds")
    while not (training.is_file() and training.read_text()):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    stage = psutil.Process(int(training.read_text()))
    family = [stage, *stage.parents()]
    family = family[: [each.pid for each in family].index(process.pid) + 1]
    process.send_signal(by)
    process.communicate()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []
    slow.unlink()
    return process.returncode


def test_uncommitted_changes_are_refused_by_their_file(project):
    project.set(**{"run.seed": 1})
    assert refusal("rounds") == (
        "uncommitted changes: params.yaml; experiments start from a commit: `git commit -a` or `git stash` first"
    )
    project.git("checkout", "--quiet", "params.yaml")


def test_a_key_that_params_yaml_lacks_is_refused_before_anything_runs(project):
    project.suites(rounds={**ROUNDS, "common": {"train.step": 5}})
    assert refusal("rounds") == "ablations.yaml: rounds-0: train.step: params.yaml has no such key"


def test_an_unknown_suite_is_refused_with_the_known_ones(project):
    assert refusal("heads") == "ablations.yaml: found 'heads', accepted: rounds, evolved"


def test_what_may_cost_money_is_printed_and_refused_without_pay(project):
    output = project.ablate("evolved", code=1)
    assert "  affects: evolve_r2, merge, train, evaluate, summary" in output
    assert "1 of 1 may ask a teacher for answers that are not in the store" in output
    assert output.splitlines()[-1] == (
        "error: evolved-r2: may ask the teacher, and runtime.teacher.price is not 0; `--pay` runs it"
    )


def test_stages_that_are_not_up_to_date_are_named_and_counted(project, capsys):
    script = project.path / "dvc.yaml"
    before = script.read_text()
    script.write_text(before.replace("python stage.py evolve_r2", "python  stage.py evolve_r2"))
    run_suite("rounds", dry_run=True)
    script.write_text(before)
    output = capsys.readouterr().err
    assert "not up to date at this commit: evolve_r2; run `dvc repro` and commit first, so that the " in output
    assert "  affects: evolve_r2, merge, train, evaluate, summary" in output


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interruption_leaves_no_process_no_experiment_and_the_workspace_as_it_was(project, by, code):
    assert interrupted(project, by) == code
    assert project.experiments() == []
    assert project.git("status", "--porcelain", "--untracked-files=no") == ""


def test_a_failed_experiment_is_reported_and_the_others_are_compared(project):
    (project.path / ".cache/broken").touch()
    output = project.ablate("rounds", code=1)
    lines = output.splitlines()
    assert lines[0].startswith("ablate: rounds: 3 experiments, 0 finished at ")
    assert lines[1:3] == [
        "dvc exp run --temp --allow-missing -n rounds-0 -S 'merge.rounds=[0]' summary",
        "  affects: merge, train, evaluate, summary",
    ]
    assert "no experiment asks a teacher, so none costs money" in lines
    assert "ablate: 1 of 3: rounds-0: merge is restored from the cache" in output  # the interrupted run made it
    assert ran(output, "rounds-0-1") == ["merge", "train", "evaluate", "summary"]
    assert project.experiments() == ["rounds-0", "rounds-0-1"]
    assert row(output, "rounds-0")[3].startswith("-0.600 (")
    assert lines[-1] == (
        "error: 1 of 3 experiments failed: rounds-0-1-2: train: train: no memory left; the same command runs them again"
    )


def test_a_second_call_runs_what_failed_and_marks_what_is_significant(project):
    (project.path / ".cache/broken").unlink()
    output = project.ablate("rounds")
    assert output.count("finished before") == 2
    assert ran(output, "rounds-0") == ran(output, "rounds-0-1") == []
    assert ran(output, "rounds-0-1-2") == ["train", "evaluate"]  # the scores are those of HEAD, so is the summary
    assert row(output, "rounds-0-1")[1:] == ["10", "0.900 (0.699 to 0.972)", "baseline", "", ""]
    # eight comparisons: of two experiments, on two benchmarks, by two measures; McNemar's 2 / 2**12, third smallest
    assert row(output, "rounds-0")[4:] == ["0.0005", "0.0029 *"]
    assert row(output, "rounds-0-1-2")[3:] == ["-0.050 (-0.230 to +0.117)", "1.0000", "1.0000 n.s."]
    assert "p, Holm: corrected over all 8 comparisons of the suite; 3 significant at 0.05 (*), 5 not (n.s.)" in output


def test_the_comparison_is_written_for_git_and_a_third_call_makes_the_same(project):
    path = project.path / "experiments/rounds.json"
    first = path.read_text()
    found = json.loads(first)
    assert found["commit"] == project.git("rev-parse", "HEAD")
    assert [entry["name"] for entry in found["entries"]] == ["rounds-0", "rounds-0-1", "rounds-0-1-2"]
    assert found["entries"][0]["difference"]["significant"] is True
    project.git("add", "experiments")  # which does not make the tree dirty for experiments
    assert "3 finished at" in project.ablate("rounds")
    assert path.read_text() == first


def test_the_list_shows_what_was_made(project):
    output = project.ablate("rounds", "--list")
    assert row(output, "rounds-0-1")[2] == "merge.rounds=[0,1]"
    assert len(row(output, "rounds-0-1")[1]) == len("0123456")
    assert row(project.ablate("evolved", "--list"), "evolved-r2")[1] == "-"


def test_a_name_that_stands_for_other_values_is_refused(project):
    project.suites(rounds={**ROUNDS, "common": {"train.max_steps": 3}})
    assert refusal("rounds") == (
        "rounds-0: an experiment of this name ran with other values; `dvc exp remove rounds-0`, or choose another name"
    )


def test_only_one_run_of_experiments_is_under_way_at_a_time(project):
    with exclusive_run(), pytest.raises(StageError, match="held by another run of experiments, accepted: one at a ti"):
        with exclusive_run():
            pass


def test_nothing_runs_beside_what_waits_in_dvcs_own_queue(project):
    queue_experiment(Experiment("later", {"train.max_steps": 7}))
    with pytest.raises(StageError, match=r"^DVC's queue holds 1 experiments, accepted: one at a time"):
        with exclusive_run():
            pass

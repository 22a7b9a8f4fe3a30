"""One experiment, run by a stand-in for DVC that prints and exits as each test defines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.experiments.experiment import Experiment, current_commit
from wizardcoder.experiments.runs import queue_experiment, run_if_missing

pytestmark = pytest.mark.heavy

EXPERIMENT = Experiment("more", {"train.max_steps": 9})
KEEP = """
import subprocess
head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
subprocess.run(["git", "update-ref", f"refs/exps/{head[:2]}/{head[2:]}/more", head], check=True)
"""


@pytest.fixture
def dvc(tmp_path, monkeypatch):
    """Return a function that sets the code of the stand-in, in a repository with one commit."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    own = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    for command in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "-m", "a state"]):
        subprocess.run(["git", *own, *command], check=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))

    def write(code: str) -> None:
        package = Path("fake/dvc")
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "__main__.py").write_text(code)

    return write


def test_an_experiment_that_dvc_kept_is_returned_by_its_commit(dvc):
    dvc(KEEP)
    assert run_if_missing(EXPERIMENT, current_commit(), "label") == current_commit()


def test_a_finished_experiment_is_not_run_again(dvc, capsys):
    dvc(KEEP + "print('ran')")
    for _ in range(2):
        run_if_missing(EXPERIMENT, current_commit(), "label")
    assert capsys.readouterr().err.count("| ran") == 1


def test_a_run_that_keeps_no_experiment_is_an_error(dvc):
    dvc("")
    with pytest.raises(StageError, match=r"^more: DVC ended without an error but kept no experiment of this name; "):
        run_if_missing(EXPERIMENT, current_commit(), "label")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print(\"Running stage 'train':\\nerror: no memory left\")", "train: no memory left"),
        ("print('ERROR: failed to lock')", "failed to lock"),
        ("pass", "dvc exited with code 3"),
    ],
    ids=["stage", "dvc", "silent"],
)
def test_a_failure_has_the_reason_of_the_stage_or_of_dvc(dvc, code, reason):
    dvc(f"{code}\nraise SystemExit(3)")
    with pytest.raises(StageError) as caught:
        run_if_missing(EXPERIMENT, current_commit(), "label")
    assert str(caught.value) == f"more: {reason}"


def test_an_experiment_is_queued_by_the_same_command(dvc):
    dvc("import sys; from pathlib import Path; Path('args').write_text(' '.join(sys.argv[1:]))")
    queue_experiment(EXPERIMENT)
    assert Path("args").read_text().split() == [
        *("exp", "run", "--queue", "--allow-missing", "-n", "more", "-S", "train.max_steps=9", "summary")
    ]

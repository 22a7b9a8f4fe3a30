"""The stages that the present edits affect, on a small DVC project, with and without its data."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo

from wizardcoder.core.console import StageError
from wizardcoder.experiments.rerun_plan import StageRerun, plan_reruns

pytestmark = pytest.mark.heavy

PIPELINE = """
stages:
  seed:
    cmd: mkdir -p data && cp source.txt data/seed.txt
    deps: [source.txt]
    outs: [data/seed.txt]
  evolve:
    cmd: mkdir -p data/rounds && cat data/seed.txt > data/rounds/r1.txt
    deps: [data/seed.txt, library]
    params: [evolve.prompt, run.seed]
    outs: [data/rounds]
  base:
    cmd: echo weights > base.txt
    deps: [source.txt]
    outs: [base.txt]
  train:
    cmd: cat data/rounds/r1.txt base.txt > model.txt && mkdir -p metrics && echo '{"seconds":90.5}' > metrics/train.json
    deps: [data/rounds/r1.txt, base.txt]
    params: [train]
    outs: [model.txt]
    metrics: [metrics/train.json: {cache: false}]
"""
PARAMS = "run: {seed: 0}\nevolve: {prompt: harder}\ntrain: {lr: 0.1, steps: 5}\n"


def reproduce(folder: Path) -> None:
    with contextlib.chdir(folder), Repo() as repo:
        repo.reproduce()


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("plan") / "project"
    (folder / "library").mkdir(parents=True)
    (folder / "library/prompts.py").write_text("A = 1\n")
    (folder / "source.txt").write_text("a seed\n")
    (folder / "params.yaml").write_text(PARAMS)
    (folder / "dvc.yaml").write_text(PIPELINE)
    Repo.init(str(folder), no_scm=True).close()
    reproduce(folder)
    return folder


@pytest.fixture
def project(template, tmp_path) -> Path:
    return shutil.copytree(template, tmp_path / "project", symlinks=True)


@pytest.fixture
def clone(project) -> Path:
    """Return what git would hold: no data, no cache."""
    for path in ("data", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(project / path)
    (project / "model.txt").unlink()
    (project / "base.txt").unlink()
    return project


def edit(project: Path, name: str, old: str, new: str) -> None:
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))


def add_remote(project: Path) -> None:
    with Repo(str(project)) as repo, repo.config.edit("repo") as config:
        config["core"]["remote"] = "storage"
        config["remote"]["storage"] = {"url": "/remote"}


def plan(project: Path) -> dict[str, StageRerun]:
    return {rerun.name: rerun for rerun in plan_reruns(project)}


def reasons(rerun: StageRerun) -> list[str]:
    return [str(reason) for reason in rerun.reasons]


def test_without_an_edit_nothing_reruns(project):
    assert plan_reruns(project) == []


def test_an_edited_param_is_named_with_both_values_and_later_stages_run_if_their_input_changes(project):
    edit(project, "params.yaml", "harder", "much harder")
    found = plan(project)
    assert list(found) == ["evolve", "train"]
    assert reasons(found["evolve"]) == ['evolve.prompt changed from "harder" to "much harder"']
    assert (found["evolve"].after, found["evolve"].only_downstream) == ((), False)
    assert (found["train"].reasons, found["train"].after, found["train"].only_downstream) == ((), ("evolve",), True)
    assert not found["evolve"].cached


def test_an_edit_inside_a_section_names_the_keys(project):
    edit(project, "params.yaml", "steps: 5", "steps: 6")
    (train,) = plan_reruns(project)
    assert reasons(train) == ["train changed: steps"]


def test_an_edited_file_of_a_package_names_the_package(project):
    (project / "library/prompts.py").write_text("A = 2\n")
    found = plan(project)
    assert (list(found), reasons(found["evolve"])) == (["evolve", "train"], ["library changed"])


def test_the_last_duration_comes_from_the_metrics(project):
    edit(project, "params.yaml", "steps: 5", "steps: 6")
    edit(project, "source.txt", "seed", "pair")
    found = plan(project)
    assert (found["train"].last_seconds, found["seed"].last_seconds) == (90.5, None)
    assert found["train"].after == ("evolve", "base")


def test_a_changed_command_shows_the_new_one(project):
    edit(project, "dvc.yaml", "echo weights", "echo more")
    assert reasons(plan(project)["base"]) == ["the command changed to `echo more > base.txt`"]


def test_a_dependency_that_dvc_yaml_gained_is_a_reason(project):
    edit(project, "dvc.yaml", "deps: [data/rounds/r1.txt,", "deps: [library, data/rounds/r1.txt,")
    assert reasons(plan(project)["train"]) == ["library is a new dependency in dvc.yaml"]


def test_a_stage_that_dvc_yaml_gained_has_not_run(project):
    edit(
        project,
        "dvc.yaml",
        "stages:",
        "stages:\n  report:\n    cmd: cp model.txt page\n    deps: [model.txt]\n    outs: [page]",
    )
    assert [reasons(rerun) for rerun in plan_reruns(project)] == [["report has not run yet"]]


def test_a_deleted_out_is_restored_from_the_cache_and_affects_no_other_stage(project):
    (project / "base.txt").unlink()
    (base,) = plan_reruns(project)
    assert (base.name, reasons(base)) == ("base", ["base.txt is in DVC's cache, but not in the workspace"])
    assert base.cached
    assert base.pull_suffices


def test_an_edited_out_makes_its_stage_rerun(project):
    (project / "base.txt").unlink()
    (project / "base.txt").write_text("other weights\n")
    found = plan(project)
    assert reasons(found["base"]) == ["base.txt was edited since the stage wrote it"]
    assert not found["base"].pull_suffices


def test_values_that_ran_before_are_restored(project):
    edit(project, "params.yaml", "harder", "easier")
    reproduce(project)
    edit(project, "params.yaml", "easier", "harder")
    found = plan(project)
    assert (found["evolve"].cached, found["train"].cached) == (True, False)


def test_in_a_fresh_clone_without_a_remote_everything_runs(clone):
    found = plan(clone)
    assert list(found) == ["seed", "evolve", "base", "train"]
    assert not any(rerun.pull_suffices or rerun.cached for rerun in found.values())
    assert reasons(found["evolve"]) == ["data/rounds is not in DVC's cache"]


def test_in_a_fresh_clone_without_edits_a_pull_from_the_remote_suffices(clone):
    add_remote(clone)
    found = plan(clone)
    assert list(found) == ["seed", "evolve", "base", "train"]
    assert all(rerun.pull_suffices for rerun in found.values())
    assert reasons(found["evolve"]) == ["data/rounds is not in DVC's cache"]
    assert not any(rerun.cached for rerun in found.values())
    assert found["train"].last_seconds == 90.5


def test_in_a_fresh_clone_an_edit_is_distinguished_from_missing_data(clone):
    add_remote(clone)
    edit(clone, "params.yaml", "harder", "much harder")
    found = plan(clone)
    assert {name for name, rerun in found.items() if not rerun.pull_suffices} == {"evolve", "train"}
    assert 'evolve.prompt changed from "harder" to "much harder"' in reasons(found["evolve"])


def test_a_lock_whose_stages_ran_at_different_times_names_the_input_that_changed_since(clone):
    lock = (clone / "dvc.lock").read_text()
    train = lock.index("  train:")
    first = lock.index("md5: ", lock.index("path: base.txt", train)) + len("md5: ")
    (clone / "dvc.lock").write_text(lock[:first] + "a1" * 16 + lock[first + 32 :])
    found = plan(clone)
    assert "base.txt changed since, base writes it" in reasons(found["train"])


def test_a_project_that_never_ran_runs_everything(clone):
    (clone / "dvc.lock").unlink()
    found = plan(clone)
    assert [reasons(rerun) for rerun in found.values()] == [[f"{name} has not run yet"] for name in found]
    assert list(found) == ["seed", "evolve", "base", "train"]


POOLS = """
  pool_a:
    cmd: mkdir -p pool/a && cp source.txt pool/a/x.txt
    deps: [source.txt]
    outs: [pool/a]
  pool_b:
    cmd: mkdir -p pool && echo b > pool/b.txt
    deps: [source.txt]
    outs: [pool/b.txt]
  screen:
    cmd: cat pool/a/x.txt pool/b.txt > screened.txt
    deps: [pool]
    outs: [screened.txt]
"""


def test_a_folder_of_several_outs_is_an_input_of_all_their_stages(project):
    (project / "dvc.yaml").write_text(PIPELINE + POOLS.lstrip("\n"))
    reproduce(project)
    assert plan_reruns(project) == []
    (project / "pool/b.txt").unlink()
    assert [rerun.name for rerun in plan_reruns(project)] == [
        "pool_b"
    ]  # the folder differs, but only by what is missing
    for path in ("pool", ".dvc/cache"):
        shutil.rmtree(project / path)
    add_remote(project)
    assert all(rerun.pull_suffices for rerun in plan_reruns(project))
    edit(project, "dvc.yaml", "echo b", "echo c")
    found = plan(project)
    assert {name for name, rerun in found.items() if not rerun.pull_suffices} == {"pool_b", "screen"}
    assert found["screen"].after == ("pool_a", "pool_b")


def test_planning_writes_no_file_of_the_project(project):
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and ".dvc" not in path.parts}
    edit(project, "params.yaml", "harder", "harder")
    plan_reruns(project)
    after = {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and ".dvc" not in path.parts}
    assert after == before


def test_a_folder_without_a_project_is_refused_in_one_line(tmp_path):
    with pytest.raises(StageError, match=r"^DVC: [^\n]*not[^\n]*$"):
        plan_reruns(tmp_path)

"""The whole pipeline through real `dvc`, on four seeds, a mock teacher and a tiny random model.

The tests share one repository and run in the order in which they stand, none alone: the first builds everything, each
later one edits that commit and goes `back` to it, or leaves its edit to the test below it.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bench.mock_endpoint import MockEndpoint
from wizardcoder.core.params import read_yaml
from wizardcoder.core.params_file import leaves

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[1]
COPIED = [
    "stages",
    "wizardcoder",
    "templates",
    "bundled",
    "hub",
    "profiles",
    "dvc.yaml",
    ".dvcignore",
    ".gitignore",
    ".dvc/config",
]
COPIED += ["metrics/experiments.json"]
ROUNDS = ["evolve_r1", "evolve_r2", "evolve_r3", "evolve_r4"]
FROM_MERGE = ["merge", "decontaminate", "train", "evaluate", "summary", "report"]
BESIDE = ["screen", "analyze"]  # in which order they run beside the others is DVC's to choose
EVERYTHING = ["seed", "base", *ROUNDS, *BESIDE, *FROM_MERGE]
WITHOUT_ROUND_4 = ["evolve_r4", *BESIDE, "merge", "summary", "report"]


@dataclass
class Project:
    """A small copy of the project, its teacher, and how to run commands in it."""

    path: Path
    teacher: MockEndpoint

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command to its end and give all that it printed."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def dvc(self, *args: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "dvc", *args, code=code)

    def git(self, *args: str) -> str:
        return self.run("git", *args).strip()

    def repro(self) -> list[str]:
        return ran(self.dvc("repro"))

    def set(self, **values: object) -> None:
        """Change values of params.yaml, `__` for each dot."""
        edit(self.path / "params.yaml", {key.replace("__", "."): value for key, value in values.items()})

    def params(self) -> dict:
        return read_yaml(self.path / "params.yaml")

    def back(self) -> None:
        """Return to the committed state as a person would, by git alone."""
        self.git("checkout", "--quiet", "--", ".")

    def answered(self) -> int:
        return self.teacher.counts["answered"]


def environment() -> dict[str, str]:
    """Give a plain environment: this interpreter's folder first in PATH, nothing of an outer git, DVC or cache."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "DVC_")) and k != "WC_CACHE_DIR"}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "DVC_NO_ANALYTICS": "1",
        "HF_HUB_OFFLINE": "1",
        "OPENAI_API_KEY": "any",
    }


def ran(output: str) -> list[str]:
    """Give the stages that DVC started, in order; those it skipped or took from its cache are not among them."""
    return re.findall(r"^Running stage '(\w+)'", output, flags=re.MULTILINE)


def edit(path: Path, values: dict[str, object]) -> None:
    yaml = YAML()
    yaml.width = 118
    data = yaml.load(path)
    for name, value in values.items():
        *above, key = name.split(".")
        parent = data
        for part in above:
            parent = parent[part]
        parent[key] = value
    yaml.dump(data, path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Project]:
    path = tmp_path_factory.mktemp("pipeline") / "project"
    listed = ["git", "ls-files", "-z", "-co", "--exclude-standard", "--", *COPIED]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, files):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, path / name)
    shutil.copy(ROOT / "params.yaml", path)
    with MockEndpoint() as teacher:
        small = {
            "seed.limit": 4,
            "teacher.base_url": teacher.url,
            "base.source": str(tiny_model),
            "train.max_tokens": 2048,
            "train.batch_size": 2,
            "train.micro_batch_size": 2,
            "train.max_steps": 2,
            "train.lr": 0.01,
            "train.warmup_steps": 1,
            "train.precision": "fp32",
            "train.held_out": 0,
            "evaluate.problems.dev": 2,
            "evaluate.problems.humaneval": 1,
            "evaluate.max_new_tokens": 4,
            "evaluate.dtype": "float32",
        }
        edit(path / "params.yaml", small)
        found = Project(path, teacher)
        found.git("init", "--quiet", "--initial-branch=main")
        found.git("config", "user.name", "test")
        found.git("config", "user.email", "test@example.invalid")
        (path / ".dvc").rename(path / "dvc-config")
        found.dvc("init", "--quiet")
        shutil.copy(path / "dvc-config" / "config", path / ".dvc" / "config")
        shutil.rmtree(path / "dvc-config")
        found.git("add", ".")
        found.git("commit", "--quiet", "-m", "the project")
        yield found


def test_the_first_repro_runs_every_stage_and_writes_every_out(project):
    assert sorted(project.repro()) == sorted(EVERYTHING)
    stages = read_yaml(project.path / "dvc.lock")["stages"]
    written = [out["path"] for stage in stages.values() for out in stage["outs"]]
    assert [name for name in written if not (project.path / name).exists()] == []
    assert {f"data/rounds/r{n}" for n in range(5)} < set(written)
    assert "models/wizardcoder" in written
    project.git("add", ".")
    project.git("commit", "--quiet", "-m", "first results")


def test_each_round_evolves_the_seeds_and_accounts_for_every_attempt(project):
    for name in ROUNDS:
        counts = json.loads((project.path / f"metrics/{name}.json").read_text())
        assert counts["attempted"] == 4
        assert counts["accepted"] > 0
        assert counts["accepted"] + counts["rejected"] == 4


def test_metrics_are_in_git_and_data_and_models_are_not(project):
    tracked = project.git("ls-files").splitlines()
    assert {f"metrics/{name}.json" for name in EVERYTHING if name != "base"} <= set(tracked)
    assert {"metrics/loss.csv", "metrics/scores.csv", "dvc.lock"} <= set(tracked)
    assert [name for name in tracked if name.startswith(("data/", "models/", ".cache/"))] == []


def test_what_dvc_records_is_what_params_yaml_holds(project):
    params = project.params()
    for stage in read_yaml(project.path / "dvc.lock")["stages"].values():
        for name, recorded in stage.get("params", {}).get("params.yaml", {}).items():
            value = params
            for part in name.split("."):
                value = value[part]
            assert (name, recorded) == (name, value)


def test_a_second_repro_runs_nothing(project):
    output = project.dvc("repro")
    assert ran(output) == []
    assert "Data and pipelines are up to date." in output


def test_settings_that_change_no_output_rerun_nothing(project):
    teacher = {"runtime__teacher__concurrency": 1, "runtime__teacher__timeout_s": 7, "runtime__teacher__retries": 0}
    project.set(**teacher, runtime__evaluate__batch_size=1)
    assert project.repro() == []
    project.back()


def test_a_learning_rate_reruns_train_onward_and_leaves_the_workspace_alone(project):
    output = project.dvc("exp", "run", "--temp", "-n", "slower", "-S", "train.lr=3e-5")
    assert ran(output) == ["train", "evaluate", "summary", "report"]
    assert project.git("status", "--porcelain") == ""


def test_other_rounds_rerun_merge_onward_and_ask_the_teacher_nothing(project):
    asked = project.answered()
    assert ran(project.dvc("exp", "run", "-n", "fewer", "-S", "merge.rounds=[0,1]")) == FROM_MERGE
    assert project.answered() == asked
    rounds = (json.loads(line)["round"] for line in (project.path / "data/merged/examples.jsonl").open())
    assert set(rounds) == {0, 1}
    project.back()


def test_experiments_stand_beside_the_baseline_with_their_scores(project):
    table = list(csv.DictReader(io.StringIO(project.dvc("exp", "show", "--csv"))))
    rows = {row["Experiment"] or row["rev"]: row for row in table}
    assert {"main", "slower", "fewer"} <= set(rows)
    for name in ("main", "slower", "fewer"):
        assert float(rows[name]["dev"]) == 0.0
        assert float(rows[name]["humaneval_base"]) == 0.0
    assert float(rows["slower"]["train.lr"]) == 3e-5
    assert float(rows["fewer"]["records"]) < float(rows["main"]["records"])
    assert (rows["main"]["merge.rounds"], rows["fewer"]["merge.rounds"]) == ("[0, 1, 2, 3]", "[0, 1]")


def test_a_heuristics_text_reruns_the_rounds_onward_but_neither_seed_nor_base(project):
    first = json.loads((project.path / "data/rounds/r1/examples.jsonl").open().readline())
    asked = project.answered()
    project.set(**{f"evolve__heuristics__{first['heuristic']}": "Ask for a proof, too."})
    assert sorted(project.repro()) == sorted([*ROUNDS, *BESIDE, *FROM_MERGE])
    assert project.answered() > asked
    assert "Ask for a proof, too." in json.dumps(project.teacher.bodies[asked:])


def test_going_back_by_git_runs_nothing_and_asks_nothing(project):
    asked = project.answered()
    project.back()
    assert project.repro() == []
    assert project.answered() == asked
    assert project.git("status", "--porcelain") == ""


def test_a_round_that_is_switched_off_reruns_itself_and_what_counts_it_but_no_training(project):
    project.set(evolve__enabled__r4=False)
    assert sorted(project.repro()) == sorted(WITHOUT_ROUND_4)
    assert (project.path / "data/rounds/r4/examples.jsonl").read_text() == ""


def test_merging_a_round_that_is_switched_off_fails_in_one_line_that_names_it(project):
    project.set(merge__rounds=[0, 4])
    output = project.dvc("repro", code=255)
    assert ran(output) == ["merge"]
    assert [line for line in output.splitlines() if line.startswith("error: ")] == [
        "error: params.yaml: merge.rounds: round 4 has no example; leave it out, or switch it on with evolve.enabled.r4"
    ]
    assert "Traceback" not in output
    project.back()
    assert project.repro() == []


def test_a_fresh_clone_pulls_what_it_needs_and_runs_nothing(project, tmp_path):
    project.dvc("remote", "add", "-d", "store", str(tmp_path / "store"))
    project.dvc("push")
    project.git("commit", "--quiet", "-a", "-m", "a remote")
    project.git("clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", project.teacher)
    asked = project.answered()
    assert ran(clone.dvc("repro", "--pull", "--allow-missing")) == []
    clone.set(evolve__enabled__r4=False)
    assert sorted(ran(clone.dvc("repro", "--pull", "--allow-missing"))) == sorted(WITHOUT_ROUND_4)
    assert project.answered() == asked
    assert not (clone.path / "models/wizardcoder").exists()


def test_a_profile_changes_the_recorded_params_that_it_names_and_no_others(project):
    before = flat(project.params())
    project.run(sys.executable, "-m", "wizardcoder.cli.main", "profile", "qwen_1b")
    named = flat(read_yaml(ROOT / "profiles/qwen_1b.yaml"))
    assert flat(project.params()) == before | named
    changed = {key for key, value in named.items() if before[key] != value}
    untracked = {key for key in named if key.startswith("runtime.")} | {"evol_stop.measure"}
    shown = json.loads(project.dvc("params", "diff", "--deps", "--json"))["params.yaml"]
    assert set(shown) == changed - untracked
    single = {key for key in shown if not isinstance(named[key], list)}  # DVC repeats a list that two stages track
    assert {key: shown[key]["new"] for key in single} == {key: named[key] for key in single}
    project.back()


def test_no_answer_was_paid_for_twice(project):
    bodies = [json.dumps(body, sort_keys=True) for body in project.teacher.bodies]
    assert len(bodies) == len(set(bodies)) == project.answered()


def flat(tree: dict) -> dict[str, object]:
    return {".".join(path): value for path, value in leaves(tree)}

"""A project with real git and DVC whose stages write within moments what the real ones would write within minutes.

The names of stages, params, outs and metrics, and the formats of data/results and metrics, are the real ones; there
are two rounds. How good a model is follows from its rounds alone. A file `broken` or `slow` in the project's .cache
makes the stage train fail or hang.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from wizardcoder.core.params_file import applied, nested

ROOT = Path(__file__).resolve().parents[1]
SOLVED = {0: 6, 1: 18, 2: 17}  # of 20, by the last round; the same ones first
SOLUTION_NLL = {0: 1.50, 1: 1.20, 2: 1.21}

STAGE = f"""
import json, os, sys, time
from pathlib import Path
from ruamel.yaml import YAML
sys.path.insert(0, {str(ROOT)!r})
from wizardcoder.core import console
from wizardcoder.core.console import StageError

SOLVED, SOLUTION_NLL = {SOLVED}, {SOLUTION_NLL}
params = YAML(typ="safe", pure=True).load(Path("params.yaml"))
cache = Path(os.environ["DVC_ROOT"]) / ".cache"

def write(path, *rows):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(json.dumps(row) + "\\n" for row in rows))

def evolve(number):
    on = params["evolve"]["enabled"][f"r{{number}}"]
    write(f"data/rounds/r{{number}}/examples.jsonl", *[{{"round": number, "id": n}} for n in range(5 * on)])
    write(f"metrics/evolve_r{{number}}.json", {{"enabled": int(on), "requests": 5 * on}})

def merge():
    rounds = params["merge"]["rounds"]
    for number in rounds:
        if number and not Path(f"data/rounds/r{{number}}/examples.jsonl").read_text():
            raise StageError(f"params.yaml: merge.rounds: round {{number}} has no example")
    write("data/merged/examples.jsonl", *[{{"round": number}} for number in rounds])
    write("metrics/merge.json", {{"kept": 5 * len(rounds)}})

def train():
    rounds = [json.loads(line)["round"] for line in Path("data/merged/examples.jsonl").open()]
    last = max(rounds)
    if (cache / "broken").exists() and last == 2:
        raise StageError("train: no memory left")
    if (cache / "slow").exists():
        (cache / "training").write_text(str(os.getpid()))
        time.sleep(600)
    print("train: 3/12 steps", flush=True)
    write("models/wizardcoder/model.json", {{"rounds": rounds, "steps": params["train"]["max_steps"]}})
    write("metrics/train.json", {{"examples": 5 * (last + 1), "seconds": 1.5}})

def evaluate():
    last = max(json.loads(Path("models/wizardcoder/model.json").read_text())["rounds"])
    found = {{}}
    for benchmark, problems in params["evaluate"]["problems"].items():
        for label in ("base", "tuned") if problems else ():
            solved, nll = (SOLVED[last], SOLUTION_NLL[last]) if label == "tuned" else (0, 1.6)
            rows = [
                {{"task_id": f"{{benchmark}}/{{n}}", "sample": 0, "completion": "", "passed": n < solved, "result": "",
                  "seconds": 0.1, "answer": "", "nll": nll + 0.001 * (n * last % 7)}}
                for n in range(problems)
            ]
            write(f"data/results/{{benchmark}}.{{label}}.jsonl", *rows)
            key = benchmark if label == "tuned" else f"{{benchmark}}.base"
            found[f"{{key}}.pass_at_1"] = sum(row["passed"] for row in rows) / problems
            found[f"{{key}}.nll"] = sum(row["nll"] for row in rows) / problems
    write("metrics/evaluate.json", found)

def summary():
    scores = json.loads(Path("metrics/evaluate.json").read_text())
    write("metrics/summary.json", {{"dev": scores.get("dev.pass_at_1")}})

name = sys.argv[1]
console.entry(lambda: evolve(int(name[-1])) if name.startswith("evolve") else globals()[name]())
"""


def stage(name: str, deps: list[str], params: list[str], out: str | None) -> dict:
    metrics = [{f"metrics/{name}.json": {"cache": False}}]
    found = {
        "cmd": f"python stage.py {name}",
        "deps": deps,
        "params": params,
        "outs": [out] if out else [],
        "metrics": metrics,
    }
    return {key: value for key, value in found.items() if value}


ROUNDS = {f"evolve_r{n}": f"data/rounds/r{n}" for n in (1, 2)}
STAGES = {
    **{name: stage(name, [], [f"evolve.enabled.r{name[-1]}"], out) for name, out in ROUNDS.items()},
    "merge": stage("merge", [f"{out}/examples.jsonl" for out in ROUNDS.values()], ["merge"], "data/merged"),
    "train": stage("train", ["data/merged/examples.jsonl"], ["train"], "models/wizardcoder"),
    "evaluate": stage("evaluate", ["models/wizardcoder"], ["evaluate.problems"], "data/results"),
    "summary": stage("summary", ["metrics/evaluate.json"], [], None),
}


class QuickProject:
    """The project at a path, and how to run commands in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def build(cls, path: Path) -> QuickProject:
        """Make it, run it once and commit the results."""
        path.mkdir()
        project = cls(path)
        yaml = YAML()
        yaml.dump({"stages": STAGES}, path / "dvc.yaml")
        (path / "stage.py").write_text(STAGE)
        (path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
        project.set(
            **{
                "merge.rounds": [1, 2],
                "evaluate.problems.dev": 20,
                "evaluate.problems.humaneval": 4,
                "runtime.teacher.price.input": 1.0,
            }
        )
        (path / ".gitignore").write_text("/data/\n/models/\n.cache/\n__pycache__/\n")
        project.git("init", "--quiet", "--initial-branch=main")
        project.git("config", "user.name", "test")
        project.git("config", "user.email", "test@example.invalid")
        project.run(sys.executable, "-m", "dvc", "init", "--quiet")
        project.run(sys.executable, "-m", "dvc", "repro", "--quiet")
        project.commit()
        (path / ".cache").mkdir(exist_ok=True)
        return project

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own, as a terminal would."""
        return subprocess.Popen(
            command,
            cwd=self.path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command to its end and give all that it printed."""
        process = self.start(*command)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == code, output
        return output

    def ablate(self, *args: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "wizardcoder.cli.main", "ablate", *args, code=code)

    def evol_stop(self, *args: str, code: int = 0) -> str:
        return self.run(sys.executable, "-m", "wizardcoder.cli.main", "evol-stop", *args, code=code)

    def git(self, *args: str) -> str:
        return self.run("git", *args).strip()

    def commit(self) -> None:
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", "a state")

    def set(self, **values: object) -> None:
        """Change values of params.yaml by dotted key."""
        path = self.path / "params.yaml"
        path.write_text(applied(path.read_text(), nested(values)))

    def suites(self, **suites: dict) -> None:
        """Write ablations.yaml; it is not in git, as no experiment reads it."""
        (self.path / "ablations.yaml").write_text(json.dumps(suites))

    def experiments(self) -> list[str]:
        """Return the names of the experiments of the commit that is checked out."""
        head = self.git("rev-parse", "HEAD")
        refs = self.git("for-each-ref", "--format=%(refname:lstrip=4)", f"refs/exps/{head[:2]}/{head[2:]}/")
        return refs.splitlines()


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "DVC_")) and k != "WC_CACHE_DIR"}
    own = {"PYTHONPATH": str(ROOT), "GIT_CONFIG_GLOBAL": os.devnull, "DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1"}
    return kept | own | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

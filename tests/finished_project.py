"""A small copy of the project whose pipeline has run: a few seeds, a mock teacher, real stages up to decontaminate.

Outs that need a model are made up. DVC commits all of them as the outs of the project's own dvc.yaml.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from dvc.repo import Repo
from test_pipeline import Project, edit

from bench.mock_endpoint import MockEndpoint, default_reply
from stages import decontaminate, evolve, merge, seed
from wizardcoder.core.records import Example, Rejected, read_records, write_jsonl, write_metrics

ROOT = Path(__file__).resolve().parents[1]
COPIED = ["stages", "wizardcoder", "bundled", "hub", "dvc.yaml", "params.yaml", ".dvcignore", ".gitignore"]
SOURCE = "bundled/few.json"
UNSAFE = "deletes_files"
SCORES = {
    "dev.problems": 30,
    "dev.pass_at_1": 0.133333,
    "dev.pass_at_1.low": 0.0530966,
    "dev.pass_at_1.high": 0.296813,
    "dev.base.pass_at_1": 0.0,
    "extract": "wizardcoder",
    "mode": "strict",
}
OUTCOMES = ("held_out", "no_response", "cut")  # of the first three; the others are trained on


def reply(body: dict) -> str:
    """Judge every fourth evolution as equal; answer other requests with words that depend on the request."""
    if "Your Judgement" in body["messages"][-1]["content"]:
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        return "Equal" if int(digest[:12], 16) % 4 == 0 else "Not Equal"
    return default_reply(body)


def build(path: Path) -> Project:
    """Build the project: run the stages that need no model, write made-up outs for the others, commit all."""
    listed = ["git", "ls-files", "-z", "-co", "--exclude-standard", "--", *COPIED]
    for name in filter(None, subprocess.run(listed, cwd=ROOT, capture_output=True, text=True).stdout.split("\0")):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, path / name)
    project = Project(path, MockEndpoint(reply=reply))
    with project.teacher, contextlib.chdir(path):
        edit(path / "params.yaml", {"seed.source": SOURCE, "seed.limit": 7, "teacher.base_url": project.teacher.url})
        (path / SOURCE).write_text(json.dumps(few_seeds()))
        run_stages(project)
        project.git("init", "--quiet", "--initial-branch=main")
        project.git("config", "user.name", "test")
        project.git("config", "user.email", "test@example.invalid")
        with Repo.init(str(path)) as repo:
            make_up_missing_outs(repo)
            repo.commit(force=True)
        shutil.copy(ROOT / ".dvc/config", path / ".dvc/config")
    project.git("add", ".")
    project.git("commit", "--quiet", "-m", "a finished run")
    return project


def few_seeds() -> list[dict[str, str]]:
    """Return six of the bundled pairs, and one that is a dev problem with its solution."""
    problem = json.loads((ROOT / "bundled/dev_problems.jsonl").open().readline())
    leaked = {"instruction": problem["prompt"], "output": problem["canonical_solution"]}
    return [*json.loads((ROOT / "bundled/seeds.json").read_text())[:6], leaked, {"instruction": "", "output": "x"}]


def run_stages(project: Project) -> None:
    """Run seed to decontaminate in this process, except screen, and write what train and evaluate would."""
    with patched_environment():
        call(seed.main)
        for number in range(1, 5):
            call(evolve.main, "--round", str(number))
        screen(project.path / "data")
        call(merge.main)
        call(decontaminate.main)
    examples = read_records(project.path / "data/decontaminated/examples.jsonl", Example)
    outcomes = zip(examples, itertools.chain(OUTCOMES, itertools.repeat("trained")), strict=False)
    write_jsonl(
        project.path / "data/train/outcomes.jsonl", ({"id": e.id, "outcome": outcome} for e, outcome in outcomes)
    )
    write_metrics(project.path / "metrics/train.json", {"examples": 36, "steps": 5, "held_out_loss_after": 1.5})
    write_metrics(project.path / "metrics/evaluate.json", SCORES)
    (project.path / "models/base").mkdir(parents=True)
    (project.path / "models/base/README.md").write_text("---\nlicense: apache-2.0\n---\n")
    task_id = json.loads((ROOT / "bundled/dev_problems.jsonl").open().readline())["task_id"]
    write_jsonl(
        project.path / "data/results/dev.tuned.jsonl", [{"task_id": task_id, "passed": True, "result": "passed"}]
    )


def call(main, *args: str) -> None:
    before, sys.argv = sys.argv, ["stage", *args]
    try:
        main()
    finally:
        sys.argv = before


@contextlib.contextmanager
def patched_environment():
    before = dict(os.environ)
    os.environ.pop("WC_CACHE_DIR", None)
    os.environ["OPENAI_API_KEY"] = "any"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def screen(data: Path) -> None:
    """Write the outs of the stage screen: examples with a verdict, the first of round 1 dropped."""
    dropped = []
    for number in range(5):
        examples = list(read_records(data / f"rounds/r{number}/examples.jsonl", Example))
        if number == 1:
            e = examples.pop(0)
            dropped.append(
                Rejected(e.id, e.parent_id, 1, e.heuristic, f"flag.{UNSAFE}", e.instruction, e.response, "rm -rf")
            )
        seen = [replace(e, language="python", verdict="ran") for e in examples]
        write_jsonl(data / f"screened/r{number}.jsonl", seen)
    write_jsonl(data / "screened/dropped.jsonl", dropped)


def make_up_missing_outs(repo: Repo) -> None:
    """Write a placeholder for every out and dependency of dvc.yaml that no stage has written here."""
    for stage in repo.index.stages:
        for out in stage.outs:
            path = Path(out.fs_path)
            if path.suffix:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.exists() or path.write_text("{}\n")
            elif not path.exists():
                path.mkdir(parents=True)
                (path / "made_up.txt").write_text(f"{out.def_path}\n" * 99)
    for stage in repo.index.stages:
        for dep in stage.deps:
            path = Path(dep.fs_path)
            if dep.def_path != "params.yaml" and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{dep.def_path}\n")


def copy_of(project: Project, folder: Path) -> Project:
    """Return a copy that a test may change, with its answer store, DVC cache and git history."""
    shutil.copytree(project.path, folder / "project", symlinks=True)
    return Project(folder / "project", project.teacher)

"""dvc.yaml declares exactly what the code reads: a forgotten dependency would leave stale data behind."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from ruamel.yaml import YAML

from wizardcoder.core import paths
from wizardcoder.core.params import SECTIONS, leaves, load, read_yaml
from wizardcoder.experiments import evol_stop

ROOT = Path(__file__).resolve().parents[1]
PATHS = "wizardcoder/core/paths.py"
NAMES = ["seed", "evolve_r1", "evolve_r2", "evolve_r3", "evolve_r4"]
NAMES += ["screen", "merge", "analyze", "decontaminate", "base", "train", "evaluate", "summary", "report"]


@dataclasses.dataclass(frozen=True)
class Declared:
    """A stage as DVC's own parser reads it from dvc.yaml, templates resolved."""

    name: str
    desc: str
    deps: set[str]
    params: set[str]
    outs: set[str]
    metrics: set[str]
    reports: set[str]  # everything below metrics/, which git keeps
    cached: set[str]
    uncached: set[str]  # plain outs that are kept in git only

    @property
    def script(self) -> str:
        return f"stages/{self.name.split('_r')[0]}.py"

    @property
    def kind(self) -> type:
        return importlib.import_module(self.script.removesuffix(".py").replace("/", ".")).Params


def declared() -> dict[str, Declared]:
    found = {}
    with Repo(ROOT) as repo:
        stages = repo.index.stages
    for stage in stages:
        params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
        assert all(dep.def_path == "params.yaml" for dep in params)
        found[stage.name] = Declared(
            name=stage.name,
            desc=stage.desc or "",
            deps={dep.def_path for dep in stage.deps if dep not in params},
            params={name for dep in params for name in dep.params},
            outs={out.def_path for out in stage.outs if not out.metric and not out.plot},
            uncached={out.def_path for out in stage.outs if not (out.use_cache or out.metric or out.plot)},
            metrics={out.def_path for out in stage.outs if out.metric},
            reports={out.def_path for out in stage.outs if out.def_path.startswith("metrics/")},
            cached={out.def_path for out in stage.outs if out.use_cache},
        )
    return found


STAGES = declared()
each_stage = pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)


def parsed(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below this one, without imports that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from runtime_nodes(child)


@cache
def imported_files(path: str) -> frozenset[str]:
    """Return the project's modules that a module imports itself, anywhere in it; packages' `__init__` import none."""
    names = set()
    for node in runtime_nodes(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    files = {name.replace(".", "/") + ".py" for name in names if name.split(".")[0] in ("stages", "wizardcoder")}
    return frozenset(file for file in files if (ROOT / file).is_file())


@cache
def needed_files(script: str) -> frozenset[str]:
    """Return a script and every project module that it imports, directly or not."""
    found: set[str] = set()
    waiting = {script}
    while waiting:
        found |= waiting
        waiting = set().union(*map(imported_files, waiting)) - found
    return frozenset(found)


def covers(dep: str, file: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


def dep_faults(script: str, deps: set[str]) -> list[str]:
    """Compare the code that dvc.yaml lists, modules or package folders, with the modules that a script needs."""
    listed = {dep for dep in deps if dep.startswith(("stages/", "wizardcoder/"))}
    needed = needed_files(script)
    forgotten = [file for file in sorted(needed) if not any(covers(dep, file) for dep in listed)]
    unused = [dep for dep in sorted(listed) if not any(covers(dep, file) for file in needed)]
    return [f"forgotten: {file}" for file in forgotten] + [f"not used: {dep}" for dep in unused]


def named_paths(file: str) -> set[str]:
    """Return the paths that a module names: as `Path("...")`, or as an attribute of core.paths."""
    nodes = list(runtime_nodes(parsed(file)))
    calls = [n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "Path"]
    written = {n.args[0].value for n in calls if n.args and isinstance(n.args[0], ast.Constant)}
    attributes = {
        n.attr
        for n in nodes
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "paths"
    }
    shared = {str(value) for name in attributes if isinstance(value := getattr(paths, name), Path)}
    return written | shared


def path_faults(script: str, known: set[str]) -> list[str]:
    """Return the paths that the script's modules name and that no dep or out equals, holds or is below."""
    named = set().union(*(named_paths(file) for file in needed_files(script) - {PATHS}))
    named -= {"params.yaml", "dvc.lock", ".dvc/tmp"}
    named = {path for path in named if not path.startswith("/")}  # of the system, which the sandbox shows its samples
    return sorted(path for path in named if not any(covers(k, path) or covers(path, k) for k in known))


def param_faults(stage: str, params: set[str], keys: dict[str, bool]) -> list[str]:
    """Compare declared params with a dataclass's keys (dotted name: tracked); of the switches a round has its own."""
    own = {"evolve.enabled": f"evolve.enabled.{stage.removeprefix('evolve_')}"}
    read = {own.get(key, key): tracked for key, tracked in keys.items()}
    covered = {p: [key for key in read if f"{key}.".startswith(f"{p}.")] for p in params}
    tracked = {key for key in read if read[key]}
    everything = {key for found in covered.values() for key in found}
    return [
        *(f"forgotten: {key}" for key in sorted(tracked - everything)),
        *(f"changes no output: {key}" for key in sorted(everything - tracked)),
        *(f"not read: {p}" for p in sorted(params) if not tracked & set(covered[p])),
    ]


def report_faults(path: str, cached: set[str]) -> list[str]:
    """Say why git would lose a metrics or plots file."""
    faults = []
    if path in cached:
        faults.append(f"{path}: lacks `cache: false`")
    if git("check-ignore", "--no-index", path):
        faults.append(f"{path}: git ignores it")
    if git("ls-files", "dvc.lock") and not git("ls-files", path):
        faults.append(f"{path}: dvc.lock is in git, this is not")
    return faults


def git(*args: str) -> str:
    done = subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.strip()


def test_the_stages_have_exactly_the_asked_names():
    assert list(STAGES) == NAMES


@each_stage
def test_deps_are_the_packages_that_the_stage_imports(stage):
    assert dep_faults(stage.script, stage.deps) == []


@each_stage
def test_every_path_that_the_code_names_is_declared(stage):
    assert path_faults(stage.script, stage.deps | stage.outs | stage.reports) == []


@each_stage
def test_params_are_the_tracked_keys_that_the_stage_reads(stage):
    assert param_faults(stage.name, stage.params, dict(leaves(stage.kind))) == []


@pytest.mark.heavy
@each_stage
def test_metrics_and_plots_are_kept_by_git(stage):
    assert [fault for path in stage.reports for fault in report_faults(path, stage.cached)] == []


@each_stage
def test_every_stage_can_be_restored_from_the_run_cache(stage):
    """DVC keeps no run of a stage with a plain out outside of its cache: going back in git would run it again."""
    assert stage.uncached == set()


@pytest.mark.heavy
@each_stage
def test_outs_are_kept_by_dvc_and_ignored_by_git(stage):
    assert stage.outs - stage.reports <= stage.cached
    assert [out for out in stage.outs - stage.reports if not git("check-ignore", out)] == []


@each_stage
def test_each_stage_says_what_it_does_reads_and_writes(stage):
    assert stage.desc
    assert stage.deps
    assert stage.outs | stage.metrics
    assert f"metrics/{stage.name}.json" in stage.reports or stage.name == "base"
    assert stage.metrics == ({"metrics/summary.json"} if stage.name == "summary" else set())


@each_stage
def test_params_yaml_is_accepted_by_the_stage(stage):
    load(stage.kind, ROOT / "params.yaml")


def test_params_yaml_has_every_section_and_no_other():
    assert sorted(read_yaml(ROOT / "params.yaml")) == sorted(SECTIONS)


def test_every_key_of_params_yaml_is_read_by_some_stage_or_by_evol_stop():
    read = {key for kind in (*(stage.kind for stage in STAGES.values()), evol_stop.Params) for key, _ in leaves(kind)}
    assert [
        k for k in keys_of(read_yaml(ROOT / "params.yaml")) if not any(f"{k}.".startswith(f"{r}.") for r in read)
    ] == []


def keys_of(tree: dict, prefix: str = ""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from keys_of(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def test_imports_are_followed_through_modules_and_packages():
    assert imported_files("stages/base.py") >= {"wizardcoder/core/params.py"}
    assert "wizardcoder/core/bundled_wheels.py" in needed_files("wizardcoder/benchmarks/load.py")
    assert "wizardcoder/core/console.py" in needed_files("stages/merge.py")


def test_a_forgotten_package_is_found():
    deps = STAGES["evolve_r1"].deps - {"wizardcoder/teacher"}
    assert "forgotten: wizardcoder/teacher/teacher.py" in dep_faults("stages/evolve.py", deps)


def test_a_package_that_is_not_imported_is_found():
    deps = STAGES["merge"].deps | {"wizardcoder/teacher"}
    assert dep_faults("stages/merge.py", deps) == ["not used: wizardcoder/teacher"]


def test_a_forgotten_data_file_is_found():
    known = STAGES["evaluate"].deps | STAGES["evaluate"].outs | STAGES["evaluate"].reports
    assert path_faults("stages/evaluate.py", known - {"bundled/dev_problems.jsonl"}) == ["bundled/dev_problems.jsonl"]


def test_an_out_is_read_as_a_whole_by_every_stage_or_file_by_file_by_every_stage():
    """DVC pulls only what does not exist: a folder of which another stage pulled one file would stay incomplete."""
    deps = set().union(*(stage.deps for stage in STAGES.values()))
    outs = set().union(*(stage.outs for stage in STAGES.values()))
    assert [dep for dep in deps if dep not in outs and any(covers(out, dep) and out in deps for out in outs)] == []


def test_dvc_yaml_stays_a_table_of_contents():
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 300


def test_the_model_and_the_data_set_are_declared_as_artifacts():
    artifacts = YAML(typ="safe").load(ROOT / "dvc.yaml")["artifacts"]
    outs = set().union(*(stage.outs for stage in STAGES.values()))
    assert {each["type"] for each in artifacts.values()} == {"model", "dataset"}
    assert all(each["path"] in outs and each["desc"] and each["labels"] for each in artifacts.values())


KEYS = {"run.seed": True, "teacher.model": True, "teacher.concurrency": False, "evolve.enabled": True}


@pytest.mark.parametrize(
    ("params", "faults"),
    [
        ({"run", "teacher.model", "evolve.enabled.r2"}, []),
        ({"run.seed", "evolve.enabled.r2"}, ["forgotten: teacher.model"]),
        (
            {"run.seed", "teacher.model", "evolve.enabled.r1"},
            ["forgotten: evolve.enabled.r2", "not read: evolve.enabled.r1"],
        ),
        ({"run.seed", "teacher", "evolve.enabled.r2"}, ["changes no output: teacher.concurrency"]),
        ({"run.seed", "teacher.model", "evolve.enabled.r2", "train"}, ["not read: train"]),
    ],
    ids=["right", "forgotten", "another_round", "untracked", "not_read"],
)
def test_params_that_do_not_fit_are_found(params, faults):
    assert param_faults("evolve_r2", params, KEYS) == faults


@pytest.mark.heavy
def test_a_metrics_file_that_git_would_lose_is_found():
    faults = report_faults("data/lost.json", {"data/lost.json"})
    assert faults[:2] == ["data/lost.json: lacks `cache: false`", "data/lost.json: git ignores it"]

"""The packages import in one direction, and no stage imports a stage."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# from the top down: a package imports only packages of the lines below its own
FLOORS = (
    ("cli", "stages"),
    ("preflight",),
    ("report",),
    ("experiments",),
    ("estimates", "publishing"),
    ("evaluation",),
    ("scoring", "decontamination", "lineage"),
    ("benchmarks", "screening", "merging", "training", "analysis", "generation", "evolution"),
    ("sandbox", "text", "teacher"),
    ("source_code", "statistics", "base_model"),
    ("core",),
)
FLOOR = {package: number for number, packages in enumerate(FLOORS) for package in packages}


def package_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "wizardcoder" and len(parts) > 1 and parts[1] != "__init__" else parts[0]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("wizardcoder", "stages")}


FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for folder in ("wizardcoder", "stages")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


@cache
def package_imports() -> dict[str, dict[str, str]]:
    """Return, by package, the packages that it imports, each with one module that does."""
    graph: dict[str, dict[str, str]] = {}
    for module, path in FILES.items():
        own = package_of(module)
        for name in imports(path):
            if (other := package_of(name)) not in (own, "wizardcoder"):
                graph.setdefault(own, {}).setdefault(other, f"{module} imports {name}")
    return graph


def test_every_package_has_its_floor():
    packages = {package_of(module) for module in FILES} - {"wizardcoder"}
    assert packages == set(FLOOR)


@pytest.mark.parametrize("package", FLOOR)
def test_imports_point_down(package):
    upwards = [reason for other, reason in package_imports().get(package, {}).items() if FLOOR[other] <= FLOOR[package]]
    assert upwards == []


def test_packages_form_no_cycle():
    try:
        TopologicalSorter({own: list(others) for own, others in package_imports().items()}).prepare()
    except CycleError as exc:
        pytest.fail(f"cycle: {exc.args[1]}")


def test_no_stage_imports_a_stage():
    stages = {module: path for module, path in FILES.items() if module.startswith("stages.")}
    assert [
        f"{module} imports {name}" for module, path in stages.items() for name in imports(path) if "stages" in name
    ] == []

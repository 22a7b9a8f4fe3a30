"""The items that `wizardcoder check` examines, each with what is wrong and the cure.

In: the project's folder. Out: a result per item, in an order in which a first failure explains later ones. Repairs
what a killed DVC left behind; changes nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wizardcoder.core import bundled_wheels, console, dvc_locks
from wizardcoder.core.cache import cache_dir, create_cache_folder
from wizardcoder.core.console import StageError
from wizardcoder.core.disk import GB, free_bytes
from wizardcoder.core.params import PARAMS_FILE, SECTIONS, invalid_sections, load, read_yaml, require_project
from wizardcoder.evolution.seed_source import read_hub_file, read_source
from wizardcoder.preflight.endpoints import endpoints_of, ping_endpoint, served_models, uses_embedded_teacher
from wizardcoder.preflight.params import AllParams, contradictions
from wizardcoder.teacher.serving import GpuPool, ServeParams, check_command

MIN_FREE_GB = 2.0  # ours: the embedded models, their checkpoints and DVC's copies
Status = Literal["ok", "note", "error"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one item; an `error` stops a run, a `note` does not."""

    item: str
    found: str
    status: Status = "ok"


def run_checks(*, ping: bool = False) -> Iterator[CheckResult]:
    """Yield the result of each item, as it is examined; `ping` sends one request to each endpoint.

    Raises:
        StageError: this is not a project's folder.
    """
    require_project()
    yield from _check_dvc()
    yield from _check_disk()
    broken = list(_params_errors())
    yield from (_params_error(error) for error in broken)
    if broken:
        yield CheckResult("seed, keys, benchmarks", "not checked, because params.yaml is invalid", status="note")
        return
    params = load(AllParams)
    conflicts = list(contradictions(params))
    yield from (_params_error(error) for error in conflicts)
    if not conflicts:
        yield CheckResult("params.yaml", f"{len(SECTIONS)} sections")
    yield from _result("seed", lambda: _describe_seed(Path(params.seed.source)))
    yield from _check_endpoints(params, ping=ping)
    yield from _check_sandbox(params)
    yield from _check_benchmarks(params)


def _params_error(message: str) -> CheckResult:
    return CheckResult(str(PARAMS_FILE), message.removeprefix(f"{PARAMS_FILE}: "), status="error")


def _params_errors() -> Iterator[str]:
    try:
        raw = read_yaml(PARAMS_FILE)
        unknown = [section for section in raw if section not in SECTIONS]
        yield from (f"{PARAMS_FILE}: {section}: unknown section" for section in unknown)
        yield from (f"{PARAMS_FILE}: {section}: missing section" for section in SECTIONS if section not in raw)
        yield from invalid_sections(raw, PARAMS_FILE)
    except StageError as exc:
        yield str(exc)


def _check_dvc() -> Iterator[CheckResult]:
    if not Path(".dvc").is_dir():
        yield CheckResult("dvc", "not a DVC project: clone it with git, or run `dvc init`", status="error")
        return
    running = dvc_locks.running_dvc(Path())
    try:
        repairs = dvc_locks.repair(Path(), console.say)
    except StageError as exc:
        yield CheckResult("dvc", str(exc), status="error")
        return
    yield from (CheckResult("dvc", f"repaired: {line}", "note") for line in repairs)
    if running:
        yield CheckResult("dvc", f"is running now (process {', '.join(map(str, running))})", "note")
    elif not repairs:
        yield CheckResult("dvc", "no run in progress, nothing left behind by a killed run")


def _check_disk() -> Iterator[CheckResult]:
    folder = cache_dir()
    try:
        create_cache_folder(folder)
    except StageError as exc:
        yield CheckResult("cache", str(exc), "error")
        return
    free_gb = free_bytes(folder) / GB
    enough = free_gb >= MIN_FREE_GB
    cure = "" if enough else f", {MIN_FREE_GB:.0f} GB are needed: free some, or set WC_CACHE_DIR"
    yield CheckResult("cache", f"{folder}: {free_gb:.1f} GB free{cure}", "ok" if enough else "error")


def _describe_seed(source: Path) -> str:
    if source.suffix == ".yaml" and source.is_file():
        wanted = read_hub_file(source)
        return f"{source}: {wanted['id']} at {wanted['revision'][:12]} of the hub, not downloaded by this check"
    return f"{source}: {len(read_source(source))} records"


def _check_endpoints(params: AllParams, *, ping: bool) -> Iterator[CheckResult]:
    if uses_embedded_teacher(params):
        yield from _result("teacher", lambda: f"the embedded model, {bundled_wheels.gguf_path().name}")
    for setting, serve in served_models(params).items():
        yield from _result(setting, lambda setting=setting, serve=serve: _describe_served(serve, setting))  # type: ignore[misc]
    for use in endpoints_of(params):
        item = f"{use.section}: {use.url}"
        key = os.environ.get(use.api_key_env, "")
        if not key:
            cure = "export it (any text, if the server checks no key)"
            yield CheckResult(item, f"{use.key_setting}: {use.api_key_env} is not set; {cure}", status="error")
        elif ping:
            yield from _result(item, lambda use=use: f"{use.model} answered in {ping_endpoint(use, params):.1f} s")  # type: ignore[misc]
        else:
            yield CheckResult(item, f"{use.model}, key set in {use.api_key_env}; --ping sends one request")
    price = params.teacher.runtime.price
    if (price.input or price.output) and params.teacher.runtime.budget is None:
        yield CheckResult(
            "budget",
            "runtime.teacher.budget is null while a price is set: nothing will be sent without a limit",
            "error",
        )


def _describe_served(serve: ServeParams, setting: str) -> str:
    check_command(serve, setting)
    GpuPool().take(serve, setting)
    return f"{serve.replicas} x `{serve.command}`, started when an answer is missing"


def _check_sandbox(params: AllParams) -> Iterator[CheckResult]:
    from wizardcoder.sandbox.host import Sandbox

    def layers() -> str:
        with Sandbox(allow_unsafe=params.evaluate.allow_unsafe) as sandbox:
            return f"walls {', '.join(sandbox.layers)}"

    yield from _result("sandbox", layers)


def _check_benchmarks(params: AllParams) -> Iterator[CheckResult]:
    """Check that benchmarks can be loaded; evaluate skips one that cannot run here, but not all."""
    from wizardcoder.benchmarks.load import missing_source
    from wizardcoder.scoring.availability import missing_requirement

    for name in params.decontaminate.benchmarks:
        if (reason := missing_source(name, params.benchmarks.get(name))) is not None:
            yield CheckResult(f"decontaminate.benchmarks: {name}", reason, status="error")
    runnable = []
    for name in params.evaluate.wanted():
        reason = missing_source(name, params.benchmarks.get(name))
        reason = reason or missing_requirement(name, params.evaluate.allow_unsafe)
        if reason is None:
            runnable.append(name)
        else:
            yield CheckResult(f"evaluate.problems: {name}", f"will be skipped: {reason}", "note")
    found = ", ".join(runnable) or "none of evaluate.problems can run here"
    yield CheckResult("benchmarks", found, "ok" if runnable else "error")


def _result(item: str, examine: Callable[[], str]) -> Iterator[CheckResult]:
    try:
        yield CheckResult(item, examine())
    except StageError as exc:
        yield CheckResult(item, str(exc), status="error")

"""The command `wizardcoder`: everything that is not a DVC stage.

Each command is a module of this package that parses arguments, calls a library function and prints its result. This
module lists them with an example each. Exit codes: 0, 1 (bad input or a failure: one line `error: ...`), 2 (wrong
usage), 130 (Ctrl-C). Does not run stages; those are `python -m stages.NAME` and `dvc repro`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from wizardcoder.cli import (
    ablate,
    ask,
    check,
    compare,
    estimate,
    evol_stop,
    evolve,
    export,
    generate,
    plan,
    profile,
    report,
    score,
    serve,
    store,
    trace,
    votes,
)
from wizardcoder.core import console, paths
from wizardcoder.core.console import StageError

HELP = ["-h", "--help"]
INTERRUPTED = 130
BEFORE = "Before a run"
FILES = "From file to file, without the pipeline"
RESULTS = "Results of a run"
EXPERIMENTS = "Experiments"
CACHE = "Stored answers"


class Command(TyperCommand):
    """A command whose errors about values lack pydantic's prefix."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's context is private
        """Parse arguments as every command does."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as exc:
            exc.message = exc.message.removeprefix("Value error, ")
            raise


app = typer.Typer(
    name="wizardcoder",
    help="A data-versioned Code Evol-Instruct pipeline. `dvc repro` runs it; these commands prepare and examine runs.",
    epilog="Run these in the project's folder; evolve, score and compare work in any. Help: wizardcoder COMMAND --help",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": HELP},
)
# help panel, command, example
COMMANDS: tuple[tuple[str, Callable[..., None], str], ...] = (
    (BEFORE, check.check, "wizardcoder check --ping"),
    (BEFORE, plan.plan, "wizardcoder plan --on 8xH100"),
    (BEFORE, estimate.estimate, "wizardcoder estimate"),
    (BEFORE, profile.profile, "wizardcoder profile qwen_1b"),
    (
        FILES,
        evolve.evolve,
        "wizardcoder evolve --base-url http://127.0.0.1:8000/v1 --model qwen --seeds seeds.jsonl --out evolved.jsonl "
        "--work work",
    ),
    (FILES, score.score, "wizardcoder score --benchmark humaneval --samples samples.jsonl --out scored.jsonl"),
    (FILES, compare.compare, "wizardcoder compare before.jsonl after.jsonl"),
    (EXPERIMENTS, ablate.ablate, "wizardcoder ablate rounds --dry-run"),
    (EXPERIMENTS, evol_stop.evol_stop, "wizardcoder evol-stop --dry-run"),
    (RESULTS, ask.ask, 'wizardcoder ask "Write a function that reverses a list."'),
    (RESULTS, trace.trace, "wizardcoder trace models/wizardcoder"),
    (RESULTS, export.export, "wizardcoder export --out data/export"),
    (RESULTS, report.report, "wizardcoder report --from HEAD~10"),
    (RESULTS, serve.serve, "wizardcoder serve --port 8000"),
    (RESULTS, votes.votes, "wizardcoder votes votes/ann.jsonl votes/bob.jsonl"),
    (CACHE, generate.generate, "torchrun --nproc-per-node 8 --no-python wizardcoder generate"),
)
GROUPS: tuple[tuple[str, str, typer.Typer], ...] = ((CACHE, "store", store.app),)


def main() -> None:
    """Run the command line as the console script does."""
    console.entry(_run)


def command() -> TyperGroup:
    """Return all commands as one click group, with flags shown without a type."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    _hide_flag_types(group)
    return group


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda given: _print_version(given=given),
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None: ...


def _run() -> None:
    try:
        command()(prog_name="wizardcoder")
    except SystemExit as exc:
        if exc.code == INTERRUPTED:
            raise KeyboardInterrupt from exc
        raise
    except OSError as exc:
        if exc.filename is None:
            raise
        cure = paths.missing_cure(Path(exc.filename)) if isinstance(exc, FileNotFoundError) else ""
        raise StageError(f"{exc.filename}: {exc.strerror}{cure}") from exc


def _print_version(*, given: bool) -> None:
    if given:
        typer.echo(f"wizardcoder {version('wizardcoder')}")
        raise typer.Exit


def _hide_flag_types(part: TyperGroup | TyperCommand) -> None:
    for option in part.get_params(typer.Context(part, help_option_names=HELP)):
        if isinstance(option, TyperOption) and option.is_flag:
            option.metavar = ""
    for below in part.commands.values() if isinstance(part, TyperGroup) else ():
        assert isinstance(below, TyperGroup | TyperCommand)
        _hide_flag_types(below)


def _register() -> None:
    for panel, function, example in COMMANDS:
        name = function.__name__.replace("_", "-")
        paragraphs = (inspect.getdoc(function) or "").split("\n\n")
        text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        app.command(name, cls=Command, help=text, rich_help_panel=panel, epilog=f"Example: {example}")(function)
    for panel, name, group in GROUPS:
        app.add_typer(group, name=name, rich_help_panel=panel)


_register()

if __name__ == "__main__":
    main()

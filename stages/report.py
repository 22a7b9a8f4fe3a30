"""Stage report: one page that shows the run, and one on which people compare two models blind.

In: the metrics and the data of all stages, dvc.lock, and metrics/experiments.json, the scores of committed runs. Out:
report/index.html (scores, growth, rejections, complexity, training, cost, lineage, and a browser of samples and
answers) and report/compare.html, each one file that loads nothing; metrics/report.json. Nothing depends on it.

    python -m stages.report                      the stage
    python -m stages.report experiments          writes metrics/experiments.json from git
    python -m stages.report compare A B --out P  a page that compares two result files blind
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pydantic.dataclasses import dataclass

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, STRICT, AtLeastOne, RunParams, Text, load
from wizardcoder.core.records import replacing, write_metrics
from wizardcoder.experiments.run_history import FILE, find_experiments, write_experiments
from wizardcoder.report.data_sections import growth_section, measures_section, rejections_section
from wizardcoder.report.facts import Facts, read_facts
from wizardcoder.report.model_answers import (
    Question,
    compare,
    prompts_of,
    read_held_out_answers,
    read_questions,
    together,
)
from wizardcoder.report.pages import page
from wizardcoder.report.pages.payload import pack
from wizardcoder.report.parts import share
from wizardcoder.report.run_sections import cost_section, lineage_section, training_section
from wizardcoder.report.sample_browser import Lineage, choose, pack_lineages, read_lineages
from wizardcoder.report.score_section import scores_section
from wizardcoder.report.votes.comparison import PAGE, PAYLOAD, Comparison, as_json

OUT = Path("report/index.html")
METRICS = Path("metrics/report.json")


@dataclass(frozen=True, slots=True, config=STRICT)
class ComparedParams:
    """Two labels of data/results."""

    a: Text
    b: Text


@dataclass(frozen=True, slots=True, config=STRICT)
class ReportParams:
    """The `report` section."""

    samples: AtLeastOne
    compare: ComparedParams


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml; `benchmarks` maps a name to its source."""

    run: RunParams
    benchmarks: dict[str, Text | None]
    report: ReportParams


def main() -> None:
    """Run the stage, or one of its parts."""
    options = _parser().parse_args()
    options.run(options)


def _stage(_: argparse.Namespace) -> None:
    """Write both pages."""
    params = load(Params)
    with console.closing_line("report") as close:
        facts, lineages, questions = read_facts(), read_lineages(), read_questions(params.benchmarks)
        shown = choose(lineages, params.report.samples, params.run.seed)
        asked = [*read_held_out_answers(), *questions]
        compared = compare(asked, *_labels(params.report.compare, asked))
        _write(OUT, report_page(facts, shown, _steps(lineages), questions))
        _write(Path(PAGE), compare_page(compared))
        counts = {"samples": _steps(shown), "samples_left_out": _steps(lineages) - _steps(shown)}
        counts |= {"problems": len(questions), "compared": len(compared.items)}
        write_metrics(METRICS, counts)
        close(**counts)


def report_page(facts: Facts, lineages: list[Lineage], samples: int, questions: list[Question]) -> str:
    """Render the report; `samples` counts those that are shown and those that are left out."""
    index, pieces = pack_lineages(lineages)
    answers = [
        {"benchmark": q.benchmark, "task_id": q.task_id, "prompt": q.prompt, "answers": [_plain(a) for a in q.answers]}
        for q in questions
    ]
    sections = [
        scores_section(facts.of("evaluate"), facts.experiments),
        growth_section(facts),
        rejections_section(facts),
        measures_section(facts),
        training_section(facts),
        cost_section(facts),
        lineage_section(facts.lock),
    ]
    told = {
        "title": "WizardCoder pipeline: report",
        "subtitle": "What one run made: its data, its model, their scores.",
        "key_figures": key_figures(facts),
        "sections": [section for section in sections if section.tables or section.figures],
        "samples_note": _samples_note(_steps(lineages), samples),
    }
    named = {f"samples-{number}": piece for number, piece in enumerate(pieces)}
    first = {"samples-index": index, "answers": pack(answers), **dict(list(named.items())[:1])}
    rest = dict(list(named.items())[1:])
    return page.render("report.html.j2", page.REPORT, told, first, rest)


def compare_page(comparison: Comparison) -> str:
    """Render the page of blind comparison."""
    told = {"title": "Compare answers", "equal": comparison.equal}
    return page.render("compare.html.j2", page.COMPARE, told, {PAYLOAD: pack(as_json(comparison))})


def key_figures(facts: Facts) -> list[tuple[str, str]]:
    """Give the handful of numbers that stand at the top: name and value."""
    evolved = [metrics for name, metrics in facts.metrics.items() if name.startswith("evolve_")]
    accepted, attempted, requests = (
        sum(int(metrics.get(key, 0)) for metrics in evolved) for key in ("accepted", "attempted", "requests")
    )
    found = [
        ("training samples", f"{facts.of('train').get('examples', 0):,}"),
        ("evolutions accepted", f"{accepted:,} of {attempted:,}"),
        ("excluded as too close to a test", f"{facts.of('decontaminate').get('excluded', 0):,}"),
        ("teacher requests", f"{requests:,}"),
    ]
    scores = facts.of("evaluate")
    both = [scores[key] for key in ("dev.base.pass_at_1", "dev.pass_at_1") if key in scores]
    return [("pass@1 on dev, base → tuned", " → ".join(map(share, both))), *found] if len(both) > 1 else found


def _experiments(_: argparse.Namespace) -> None:
    """Write the scores of committed runs into the file that the stage reads."""
    with console.closing_line("experiments") as close:
        found = find_experiments()
        write_experiments(found)
        close(runs=len(found))
    console.say(f"{FILE}: `dvc repro report` shows them; commit it with the report")


def _compare(options: argparse.Namespace) -> None:
    """Write a page that compares two result files."""
    names = [path.stem for path in (options.a, options.b)]
    if names[0] == names[1]:
        names = [str(path.with_suffix("")) for path in (options.a, options.b)]
    if names[0] == names[1]:
        raise StageError(f"{options.b}: accepted: another file than {options.a}")
    source = options.source or load(Params).benchmarks.get(options.benchmark)
    prompts = prompts_of(options.benchmark, source)
    if not prompts:
        raise StageError(
            f"--benchmark: found {options.benchmark!r}, which is not at hand; see benchmarks in {PARAMS_FILE}"
        )
    questions = together(options.benchmark, dict(zip(names, (options.a, options.b), strict=True)), prompts)
    with console.closing_line("compare") as close:
        found = compare(questions, *names)
        if not found.items:
            raise StageError(
                f"{options.a} and {options.b}: no problem of {options.benchmark} with different answers of both"
            )
        _write(options.out, compare_page(found))
        close(items=len(found.items), equal=found.equal)


def _labels(wanted: ComparedParams, questions: list[Question]) -> tuple[str, str]:
    known = sorted({answer.label for question in questions for answer in question.answers})
    for key, label in (("a", wanted.a), ("b", wanted.b)):
        if label not in known:
            raise StageError(f"params.yaml: report.compare.{key}: found {label!r}, accepted: {', '.join(known)}")
    if wanted.a == wanted.b:
        raise StageError(f"params.yaml: report.compare.b: found {wanted.b!r}, accepted: another model than a")
    return wanted.a, wanted.b


def _samples_note(shown: int, samples: int) -> str:
    if shown == samples:
        return f"All {samples:,} samples that the run made."
    return f"{shown:,} of {samples:,} samples, whole lineages drawn by the run's seed (report.samples is the most)."


def _plain(answer: object) -> dict[str, object]:
    return {name: getattr(answer, name) for name in ("label", "text", "result", "passed", "samples")}


def _steps(lineages: list[Lineage]) -> int:
    return sum(len(lineage.steps) for lineage in lineages)


def _write(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stages.report", description="Write the pages that show a run.")
    parser.set_defaults(run=_stage)
    commands = parser.add_subparsers(metavar="COMMAND", help="without one: the stage, as params.yaml says")
    others = commands.add_parser(
        "experiments", help=f"write {FILE}: the scores of DVC's experiments and of HEAD's history"
    )
    others.set_defaults(run=_experiments)
    two = commands.add_parser("compare", help="write a page that compares two result files blind")
    two.set_defaults(run=_compare)
    two.add_argument("a", type=Path)
    two.add_argument("b", type=Path)
    two.add_argument("--benchmark", required=True, help="whose problems they answer")
    two.add_argument("--source", help="where its problems are; else benchmarks.NAME of params.yaml")
    two.add_argument("--out", type=Path, required=True, help="the page, such as compare.html")
    return parser


if __name__ == "__main__":
    console.entry(main)

"""Write the report's pages: report/index.html shows a run, report/compare.html lets people compare two models blind.

Both are single files that load nothing. Sections are built in the other modules of this package.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.core.records import replacing
from wizardcoder.report.data_sections import growth_section, measures_section, rejections_section
from wizardcoder.report.history_section import history_section
from wizardcoder.report.key_figures import key_figures
from wizardcoder.report.model_answers import (
    Question,
    group_answers,
    load_prompts,
    pair_answers,
    read_held_out_answers,
    read_questions,
)
from wizardcoder.report.pages import page
from wizardcoder.report.pages.payload import pack
from wizardcoder.report.run_files import RunFiles, read_run_files
from wizardcoder.report.run_sections import cost_section, lineage_section, training_section
from wizardcoder.report.sample_browser import SampleLineage, count_attempts, draw_lineages, pack_lineages, read_lineages
from wizardcoder.report.score_section import scores_section
from wizardcoder.report.votes.comparison import PAYLOAD, BlindComparison, to_json


def write_pages(
    sources: Mapping[str, str | None], models: tuple[str, str], most_samples: int, seed: int
) -> dict[str, int]:
    """Write both pages of the run in this folder.

    Args:
        sources: the benchmarks' sources by name.
        models: the labels in data/results whose answers are compared.
        most_samples: the most attempts that the page carries; beyond it whole lineages are drawn.
        seed: of that draw.

    Returns:
        Counts for metrics/report.json.

    Raises:
        StageError: a file is missing or broken, or a label is unknown.
    """
    files, lineages, questions = read_run_files(), read_lineages(), read_questions(sources)
    shown = draw_lineages(lineages, most_samples, seed)
    answered = [*read_held_out_answers(), *questions]
    compared = pair_answers(answered, *_known_labels(models, answered))
    samples, samples_shown = count_attempts(lineages), count_attempts(shown)
    _write(paths.REPORT_PAGE, render_report(files, shown, samples, questions))
    _write(paths.COMPARE_PAGE, render_comparison(compared))
    return {
        "samples": samples_shown,
        "samples_left_out": samples - samples_shown,
        "problems": len(questions),
        "compared": len(compared.items),
    }


def write_comparison_page(a: Path, b: Path, benchmark: str, source: str | None, out: Path) -> BlindComparison:
    """Write a page on which people compare two result files blind; `source` is where the benchmark's problems are.

    Raises:
        StageError: a file is broken, the benchmark is not available, or the files have no different answers.
    """
    names = [path.stem for path in (a, b)]
    if names[0] == names[1]:
        names = [str(path.with_suffix("")) for path in (a, b)]
    if names[0] == names[1]:
        raise StageError(f"{b}: accepted: another file than {a}")
    prompts = load_prompts(benchmark, source)
    if not prompts:
        raise StageError(f"--benchmark: {benchmark!r} is not available; see benchmarks in {PARAMS_FILE}")
    comparison = pair_answers(group_answers(benchmark, dict(zip(names, (a, b), strict=True)), prompts), *names)
    if not comparison.items:
        raise StageError(f"{a} and {b}: no problem of {benchmark} that both answered differently")
    _write(out, render_comparison(comparison))
    return comparison


def render_report(files: RunFiles, lineages: Sequence[SampleLineage], samples: int, questions: list[Question]) -> str:
    """Render index.html; `samples` counts all attempts, also those that are not shown."""
    sections = [
        scores_section(files.stage("evaluate")),
        history_section(files.stage("evaluate"), files.stage("merge"), files.history),
        growth_section(files),
        rejections_section(files),
        measures_section(files),
        training_section(files),
        cost_section(files),
        lineage_section(files.lock),
    ]
    values = {
        "title": "WizardCoder pipeline: report",
        "subtitle": "One run: its training data, its model and their scores.",
        "key_figures": key_figures(files),
        "sections": [section for section in sections if section.tables or section.figures],
        "samples_note": _samples_note(count_attempts(lineages), samples),
    }
    index, pieces = pack_lineages(lineages)
    packed = {f"samples-{number}": piece for number, piece in enumerate(pieces)}
    first = {"samples-index": index, "answers": pack([dataclasses.asdict(q) for q in questions])}
    first |= dict(list(packed.items())[:1])
    rest = dict(list(packed.items())[1:])
    return page.render("report.html.j2", page.REPORT, values, first, rest)


def render_comparison(comparison: BlindComparison) -> str:
    """Render compare.html."""
    values = {"title": "Compare answers", "equal": comparison.equal}
    return page.render("compare.html.j2", page.COMPARE, values, {PAYLOAD: pack(to_json(comparison))})


def _known_labels(models: tuple[str, str], questions: list[Question]) -> tuple[str, str]:
    known = sorted({answer.label for question in questions for answer in question.answers})
    for key, label in zip("ab", models, strict=True):
        if label not in known:
            raise StageError(f"{PARAMS_FILE}: report.compare.{key}: found {label!r}, accepted: {', '.join(known)}")
    if models[0] == models[1]:
        raise StageError(f"{PARAMS_FILE}: report.compare.b: found {models[1]!r}, accepted: another model than a")
    return models


def _samples_note(shown: int, samples: int) -> str:
    if shown == samples:
        return f"All {samples:,} records that the run attempted."
    return f"{shown:,} of {samples:,} records: a random draw of whole lineages, at most report.samples records."


def _write(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text)

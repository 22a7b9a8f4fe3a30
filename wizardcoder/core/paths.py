"""Where the pipeline keeps its files, and the numbers of its rounds.

Paths are relative to the project's folder, in which every command runs. Use them as attributes (`paths.SCREENED`), so
that tests/test_dvc_yaml.py can compare what a stage's modules use with dvc.yaml.
"""

from __future__ import annotations

from pathlib import Path

LAST_ROUND = 4
ROUND_NUMBERS = range(LAST_ROUND + 1)
"""0 is the seed."""
EVOLVED_ROUNDS = range(1, LAST_ROUND + 1)

ROUNDS = Path("data/rounds")
SCREENED = Path("data/screened")
SCREENED_OUT = SCREENED / "dropped.jsonl"
MERGED = Path("data/merged")
MERGED_EXAMPLES = MERGED / "examples.jsonl"
MERGED_REMOVED = MERGED / "removed.jsonl"
ANALYSIS = Path("data/analysis")
DECONTAMINATED = Path("data/decontaminated")
TRAINING_EXAMPLES = DECONTAMINATED / "examples.jsonl"
EXCLUDED = DECONTAMINATED / "excluded.jsonl"
TRAIN_OUTCOMES = Path("data/train/outcomes.jsonl")
RESULTS = Path("data/results")
HELD_OUT_ANSWERS = Path("data/answers")
EXPORT = Path("data/export")

BASE_MODEL = Path("models/base")
TUNED_MODEL = Path("models/wizardcoder")

METRICS = Path("metrics")
SEED_METRICS = METRICS / "seed.json"
SCREEN_METRICS = METRICS / "screen.json"
MERGE_METRICS = METRICS / "merge.json"
ANALYZE_METRICS = METRICS / "analyze.json"
ROUNDS_TABLE = METRICS / "rounds.csv"
DECONTAMINATE_METRICS = METRICS / "decontaminate.json"
TRAIN_METRICS = METRICS / "train.json"
LOSS_TABLE = METRICS / "loss.csv"
EVALUATE_METRICS = METRICS / "evaluate.json"
SCORES_TABLE = METRICS / "scores.csv"
SUMMARY_METRICS = METRICS / "summary.json"
REPORT_METRICS = METRICS / "report.json"
EXPERIMENTS_METRICS = METRICS / "experiments.json"

REPORT_PAGE = Path("report/index.html")
COMPARE_PAGE = Path("report/compare.html")
VOTES = Path("votes")
EXPERIMENT_SUMMARIES = Path("experiments")


_WRITERS = {
    SCREENED: "screen",
    MERGED: "merge",
    ANALYSIS: "analyze",
    DECONTAMINATED: "decontaminate",
    TRAIN_OUTCOMES.parent: "train",
    RESULTS: "evaluate",
    HELD_OUT_ANSWERS: "evaluate",
    BASE_MODEL: "base",
    TUNED_MODEL: "train",
    REPORT_PAGE.parent: "report",
}


def round_folder(number: int) -> Path:
    """Return the folder of a round's attempts: examples.jsonl, rejected.jsonl, pool.jsonl."""
    return ROUNDS / f"r{number}"


def screened_round(number: int) -> Path:
    """Return the file of a round's examples that passed screening."""
    return SCREENED / f"r{number}.jsonl"


def evolve_metrics(number: int) -> Path:
    """Return the metrics file of an evolution round."""
    return METRICS / f"evolve_r{number}.json"


def writing_stage(path: Path) -> str | None:
    """Return the stage that writes this data, model or page; None for any other path."""
    rounds = {round_folder(number): f"evolve_r{number}" if number else "seed" for number in ROUND_NUMBERS}
    writers = _WRITERS | rounds
    return next((writers[out] for out in (path, *path.parents) if out in writers), None)


def missing_cure(path: Path) -> str:
    """Return what to add to an error about a missing file: how to get it, if a stage writes it."""
    stage = writing_stage(path)
    return f"; `dvc repro {stage}` writes it" if stage else ""

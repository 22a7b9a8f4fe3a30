"""Stage report: what its pages hold, that they load nothing, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bench.made_run import write_run
from stages import report
from wizardcoder.core.console import StageError
from wizardcoder.core.records import write_jsonl
from wizardcoder.evaluation.held_out import HeldOutAnswer
from wizardcoder.report.pages.payload import read_payload
from wizardcoder.report.votes.comparison import AnswerPair, read_comparison

ROOT = Path(__file__).resolve().parents[2]
PAIRS = [("Add two numbers.", "print(1 + 2)"), ("Reverse a list.", "print([1, 2][::-1])")]
PROBLEMS = [(f"Dev/{n}", f"def f{n}():\n") for n in range(6)]


class RunFolder:
    """A folder with a made-up run, in which the stage can be called."""

    def __init__(self, folder):
        self.folder = folder
        write_run(folder, PAIRS, 8, PROBLEMS)
        shutil.copy(ROOT / "params.yaml", folder)
        (folder / "bundled").symlink_to(ROOT / "bundled")

    def __call__(self):
        """Run the stage and return the texts of compare.html and index.html."""
        report.main()
        return [path.read_text() for path in sorted(self.folder.glob("report/*.html"))]

    def set(self, **values):
        """Change the section `report` of params.yaml."""
        params = YAML().load(self.folder / "params.yaml")
        params["report"].update(values)
        YAML().dump(params, self.folder / "params.yaml")

    def metrics(self, name, **values):
        """Change a metrics file."""
        path = self.folder / f"metrics/{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return RunFolder(tmp_path)


def texts(html):
    """Return the texts of cells and headings, in order."""
    return re.findall(r"<(?:td|th|h2|dd|dt|caption)\b[^>]*>([^<]*)<", html)


def test_the_same_run_gives_the_same_pages_to_the_byte(run):
    assert run() == run()


def test_the_metrics_count_what_is_shown(run):
    run()
    counts = json.loads((run.folder / "metrics/report.json").read_text())
    assert counts == {"samples": 41, "samples_left_out": 0, "problems": 6, "compared": counts["compared"]}
    assert counts["compared"] == len(read_comparison(run.folder / "report/compare.html").items) > 0


def test_pages_load_nothing(run):
    for html in run():
        assert re.findall(r"\b(?:src|srcset|action|data)=|@import|url\(", html.replace("data-name=", "")) == []
        assert [h for h in re.findall(r'href="([^"]*)"', html) if not h.startswith("#")] in ([], ["compare.html"])


def test_only_the_pages_own_scripts_and_styles_may_run(run):
    for html in run():
        allowed = re.findall(
            r"'sha256-([^']+)'", re.search(r'Security-Policy" content="([^"]+)"', html)[1].replace("&#39;", "'")
        )
        inline = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", html, flags=re.DOTALL)
        assert sorted(allowed) == sorted(base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in inline)
        assert re.findall(r"<[^>]*\s(?:on\w+|style)=", re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)) == []


def test_scores_are_shown_with_their_intervals_for_this_run_and_earlier_ones(run):
    html = run()[1]
    found = texts(html)
    for text in ("pass@1 47.5 %", "32.9 to 62.5 %", "+47.5 points", "+32.5 to +62.5", "0.0 % → 47.5 %"):
        assert text in found
    rows = re.findall(r'role="rowheader">(this run|seed-only|two-rounds)</th>', html)
    assert rows == ["this run", "two-rounds", "seed-only"]  # the latest first


def test_a_benchmark_that_did_not_run_is_listed_with_its_reason(run):
    run.metrics("evaluate", **{"ds1000.not_run": "needs <make ds1000>"})
    assert "needs &lt;make ds1000&gt;" in texts(run()[1])


def test_growth_and_rejections_are_shown_by_round_and_heuristic(run):
    metrics = json.loads((run.folder / "metrics/evolve_r1.json").read_text())
    html = run()[1]
    row = re.search(r'rowheader">r1</th>(.*?)</tr>', html, flags=re.DOTALL)[1]
    assert re.findall(r">([\d,]+)</td>", row)[:2] == [str(metrics["attempted"]), str(metrics["accepted"])]
    reasons = {key.split(".", 1)[1] for key in metrics if key.startswith("rejected.")}
    assert reasons <= set(texts(html))
    assert {"complexity", "constraints", "misdirection", "reasoning", "specificity"} & set(texts(html))


def test_cost_time_training_and_lineage_have_their_sections(run):
    found = texts(run()[1])
    for text in (
        "Cost and time",
        "prompt tokens",
        "36,000",
        "311.6",
        "Training",
        "Lineage",
        "models/wizardcoder",
        "b000000",
    ):
        assert text in found


def test_what_analyze_did_not_write_is_left_out(run):
    assert "Complexity and similarity" in texts(run()[1])
    shutil.rmtree(run.folder / "data/analysis")
    assert "Complexity and similarity" not in texts(run()[1])


def test_keys_that_a_stage_does_not_write_are_left_out(run):
    for name in ("screen", "merge", "decontaminate", "analyze", "train", "seed", "evolve_r4"):
        (run.folder / f"metrics/{name}.json").write_text("{}")
    assert "Scores" in texts(run()[1])


def test_the_page_reports_how_many_records_it_leaves_out(run):
    run.set(samples=20)
    html = run()[1]
    counts = json.loads((run.folder / "metrics/report.json").read_text())
    assert 15 < counts["samples"] <= 20
    assert counts["samples"] + counts["samples_left_out"] == 41
    assert f"{counts['samples']} of 41 records: a random draw of whole lineages" in html
    assert len(read_payload(run.folder / "report/index.html", "samples-index")["round"]) == counts["samples"]


def test_names_from_outside_are_text_and_never_markup(run):
    evil = "<img src=x onerror=alert(1)>"
    path = run.folder / "metrics/experiments.json"
    path.write_text(path.read_text().replace("seed-only", evil))
    run.metrics("seed", **{f"rejected.{evil}": 3})
    html = run()[1]
    assert evil not in html
    assert html.count("&lt;img src=x") == 2


def test_people_compare_answers_to_held_out_instructions_too(run):
    for label, answer in (("base", "No idea."), ("tuned", "print(2)")):
        rows = [HeldOutAnswer("s1", "Print two.", answer), HeldOutAnswer("s2", "Print one.", "print(1)")]
        write_jsonl(run.folder / f"data/answers/{label}.jsonl", rows)
    run()
    first, *others = read_comparison(run.folder / "report/compare.html").items
    assert first == AnswerPair("held_out/s1", "Print two.", "No idea.", "print(2)")  # of s2 both answers are equal
    assert others != []
    assert not [item for item in others if item.id.startswith("held_out/")]


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        ({"a": "gone", "b": "tuned"}, "params.yaml: report.compare.a: found 'gone', accepted: base, tuned"),
        ({"a": "base", "b": "base"}, "params.yaml: report.compare.b: found 'base', accepted: another model than a"),
    ],
)
def test_a_comparison_of_unknown_or_equal_models_is_refused(run, compare, message):
    run.set(compare=compare)
    with pytest.raises(StageError) as refused:
        run()
    assert str(refused.value) == message
    assert not (run.folder / "report").exists()


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("metrics/train.json", "[]", "metrics/train.json: found list, accepted: an object of metrics"),
        ("metrics/train.json", "{", "metrics/train.json: not JSON: "),
        ("metrics/loss.csv", "step,loss\n1,high\n2,1.0\n", "loss: found 'high' in a table of numbers"),
        ("data/rounds/r0/examples.jsonl", "{}\n", "data/rounds/r0/examples.jsonl:1: id: "),
    ],
)
def test_a_broken_file_is_refused_by_name(run, path, content, message):
    (run.folder / path).write_text(content)
    with pytest.raises(StageError) as refused:
        run()
    assert str(refused.value).startswith(message)


@pytest.mark.heavy
@pytest.mark.parametrize(("args", "code"), [(["--help"], 0), (["compare", "a", "b"], 2)])
def test_arguments_never_run_the_stage(run, args, code):
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "stages.report", *args]
    done = subprocess.run(command, cwd=run.folder, env=path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert not (run.folder / "report").exists()

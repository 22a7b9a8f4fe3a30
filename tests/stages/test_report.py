"""Stage report: what its pages hold, that they load nothing, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bench.made_run import write_run
from stages import report
from wizardcoder.core.console import StageError
from wizardcoder.core.records import write_jsonl
from wizardcoder.evaluation.held_out import HeldOutAnswer
from wizardcoder.experiments.run_history import Experiment
from wizardcoder.report.facts import Facts
from wizardcoder.report.pages import page
from wizardcoder.report.pages.payload import read_payload
from wizardcoder.report.score_section import scores_section
from wizardcoder.report.votes.comparison import Item, read_comparison

ROOT = Path(__file__).resolve().parents[2]
PAIRS = [("Add two numbers.", "print(1 + 2)"), ("Reverse a list.", "print([1, 2][::-1])")]
PROBLEMS = [(f"Dev/{n}", f"def f{n}():\n") for n in range(6)]


class Room:
    """A folder with a made-up run, in which the stage's commands can be called."""

    def __init__(self, folder, monkeypatch):
        self.folder, self._monkeypatch = folder, monkeypatch
        write_run(folder, PAIRS, 8, PROBLEMS)
        shutil.copy(ROOT / "params.yaml", folder)
        (folder / "bundled").symlink_to(ROOT / "bundled")

    def __call__(self, *args):
        """Call `python -m stages.report` and give both pages' texts."""
        self._monkeypatch.setattr(sys, "argv", ["report", *map(str, args)])
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
def room(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Room(tmp_path, monkeypatch)


def texts(html):
    """Give the texts of cells and headings, in order."""
    return re.findall(r"<(?:td|th|h2|dd|dt|caption)\b[^>]*>([^<]*)<", html)


def test_the_same_run_gives_the_same_pages_to_the_byte(room):
    assert room() == room()


def test_the_metrics_count_what_is_shown(room):
    room()
    counts = json.loads((room.folder / "metrics/report.json").read_text())
    assert counts == {"samples": 41, "samples_left_out": 0, "problems": 6, "compared": counts["compared"]}
    assert counts["compared"] == len(read_comparison(room.folder / "report/compare.html").items) > 0


def test_pages_load_nothing(room):
    for html in room():
        assert re.findall(r"\b(?:src|srcset|action|data)=|@import|url\(", html.replace("data-name=", "")) == []
        assert [h for h in re.findall(r'href="([^"]*)"', html) if not h.startswith("#")] in ([], ["compare.html"])


def test_only_the_pages_own_scripts_and_styles_may_run(room):
    for html in room():
        allowed = re.findall(
            r"'sha256-([^']+)'", re.search(r'Security-Policy" content="([^"]+)"', html)[1].replace("&#39;", "'")
        )
        inline = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", html, flags=re.DOTALL)
        assert sorted(allowed) == sorted(base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in inline)
        assert re.findall(r"<[^>]*\s(?:on\w+|style)=", re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)) == []


def test_scores_stand_with_their_intervals_across_runs(room):
    html = room()[1]
    found = texts(html)
    for text in ("pass@1 47.5 %", "32.9 to 62.5 %", "+47.5 points", "+32.5 to +62.5", "0.0 % → 47.5 %"):
        assert text in found
    rows = re.findall(r'role="rowheader">(this run|seed-only|two-rounds)</th>', html)
    assert rows == ["this run", "seed-only", "two-rounds"]


def test_a_committed_run_with_these_very_scores_is_not_shown_twice():
    scores = {
        "dev.problems": 4,
        "dev.pass_at_1": 0.5,
        "dev.pass_at_1.low": 0.2,
        "dev.pass_at_1.high": 0.8,
        "mode": "strict",
    }
    numbers = {key: value for key, value in scores.items() if key != "mode"}
    same, other = (
        Experiment(name, "commit", "0123abc", {}, {**numbers, "dev.pass_at_1": at})
        for name, at in (("same", 0.5), ("other", 0.25))
    )
    tables = {t.caption: [row[0] for row in t.rows] for t in scores_section(scores, [same, other]).tables}
    assert tables["dev: the tuned model across runs, pass@1"] == ["this run", "other"]
    assert "dev: the tuned model across runs, pass@1" not in {t.caption for t in scores_section(scores, [same]).tables}


def test_runs_on_another_number_of_problems_stand_apart_and_every_run_tells_its_number():
    scores = {"dev.problems": 30, "dev.pass_at_1": 0.1, "dev.pass_at_1.low": 0.05, "dev.pass_at_1.high": 0.3}
    forty, thirty, unknown = (
        Experiment(name, "commit", "0123abc", {}, {**scores, "dev.pass_at_1": 0.5, **problems})
        for name, problems in (("forty", {"dev.problems": 40.0}), ("thirty", {}), ("unknown", {}))
    )
    del unknown.metrics["dev.problems"]
    tables = {t.caption: t for t in scores_section(scores, [forty, thirty, unknown]).tables}
    across = tables["dev: the tuned model across runs, pass@1"]
    assert across.head[:3] == ("run", "what differs", "problems")
    assert [(row[0], row[2]) for row in across.rows] == [("this run", 30), ("thirty", 30)]
    apart = tables["dev: runs on other problems than this run's 30, not to be compared with it"]
    assert [(row[0], row[2]) for row in apart.rows] == [("forty", 40), ("unknown", None)]
    assert apart.folded


def test_a_benchmark_that_did_not_run_is_told_with_its_reason(room):
    room.metrics("evaluate", **{"ds1000.not_run": "needs <make ds1000>"})
    assert "needs &lt;make ds1000&gt;" in texts(room()[1])


def test_growth_and_rejections_are_told_by_round_and_heuristic(room):
    metrics = json.loads((room.folder / "metrics/evolve_r1.json").read_text())
    html = room()[1]
    row = re.search(r'rowheader">r1</th>(.*?)</tr>', html, flags=re.DOTALL)[1]
    assert re.findall(r">([\d,]+)</td>", row)[:2] == [str(metrics["attempted"]), str(metrics["accepted"])]
    reasons = {key.split(".", 1)[1] for key in metrics if key.startswith("rejected.")}
    assert reasons <= set(texts(html))
    assert {"complexity", "constraints", "misdirection", "reasoning", "specificity"} & set(texts(html))


def test_cost_time_training_and_lineage_have_their_sections(room):
    found = texts(room()[1])
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


def test_what_analyze_did_not_write_is_left_out(room):
    assert "Complexity and similarity" in texts(room()[1])
    shutil.rmtree(room.folder / "data/analysis")
    assert "Complexity and similarity" not in texts(room()[1])


def test_keys_that_a_stage_does_not_write_are_left_out(room):
    for name in ("screen", "merge", "decontaminate", "analyze", "train", "seed", "evolve_r4"):
        (room.folder / f"metrics/{name}.json").write_text("{}")
    assert "Scores" in texts(room()[1])


def test_the_page_tells_how_many_samples_it_leaves_out(room):
    room.set(samples=20)
    html = room()[1]
    counts = json.loads((room.folder / "metrics/report.json").read_text())
    assert 15 < counts["samples"] <= 20
    assert counts["samples"] + counts["samples_left_out"] == 41
    assert f"{counts['samples']} of 41 samples, whole lineages" in html
    assert len(read_payload(room.folder / "report/index.html", "samples-index")["round"]) == counts["samples"]


def test_names_from_outside_are_text_and_never_markup(room):
    evil = "<img src=x onerror=alert(1)>"
    path = room.folder / "metrics/experiments.json"
    path.write_text(path.read_text().replace("seed-only", evil))
    room.metrics("seed", **{f"rejected.{evil}": 3})
    html = room()[1]
    assert evil not in html
    assert html.count("&lt;img src=x") == 2


def test_people_compare_answers_to_held_out_instructions_too(room):
    for label, answer in (("base", "No idea."), ("tuned", "print(2)")):
        rows = [HeldOutAnswer("s1", "Print two.", answer), HeldOutAnswer("s2", "Print one.", "print(1)")]
        write_jsonl(room.folder / f"data/answers/{label}.jsonl", rows)
    room()
    first, *others = read_comparison(room.folder / "report/compare.html").items
    assert first == Item("held_out/s1", "Print two.", "No idea.", "print(2)")  # of s2 both answers are equal
    assert others != []
    assert not [item for item in others if item.id.startswith("held_out/")]


@pytest.mark.parametrize(
    ("compare", "told"),
    [
        ({"a": "gone", "b": "tuned"}, "params.yaml: report.compare.a: found 'gone', accepted: base, tuned"),
        ({"a": "base", "b": "base"}, "params.yaml: report.compare.b: found 'base', accepted: another model than a"),
    ],
)
def test_a_comparison_of_unknown_or_equal_models_is_refused(room, compare, told):
    room.set(compare=compare)
    with pytest.raises(StageError) as refused:
        room()
    assert str(refused.value) == told
    assert not (room.folder / "report").exists()


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("metrics/train.json", "[]", "metrics/train.json: found list, accepted: an object of metrics"),
        ("metrics/train.json", "{", "metrics/train.json: not JSON: "),
        ("metrics/loss.csv", "step,loss\n1,high\n2,1.0\n", "loss: found 'high' in a table of numbers"),
        ("data/rounds/r0/examples.jsonl", "{}\n", "data/rounds/r0/examples.jsonl:1: id: "),
    ],
)
def test_a_broken_file_is_refused_by_name(room, path, content, told):
    (room.folder / path).write_text(content)
    with pytest.raises(StageError) as refused:
        room()
    assert str(refused.value).startswith(told)


def test_two_result_files_can_be_compared(room):
    a, b = room.folder / "data/results/dev.base.jsonl", room.folder / "data/results/dev.tuned.jsonl"
    (room.folder / "bundled").unlink()
    mine = [
        {
            "task_id": task,
            "prompt": prompt,
            "entry_point": "f",
            "canonical_solution": "    pass\n",
            "test": "def check(f): pass\n",
        }
        for task, prompt in PROBLEMS
    ]
    (room.folder / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mine))
    room("compare", a, b, "--benchmark", "mine", "--source", "mine.jsonl", "--out", room.folder / "compare.html")
    found = read_comparison(room.folder / "compare.html")
    assert (found.a, found.b, found.items[0].instruction) == ("dev.base", "dev.tuned", PROBLEMS[0][1])


def test_results_of_an_unknown_benchmark_are_refused(room):
    a, b = room.folder / "data/results/dev.base.jsonl", room.folder / "data/results/dev.tuned.jsonl"
    with pytest.raises(StageError, match=r"^--benchmark: found 'mine', which is not at hand; "):
        room("compare", a, b, "--benchmark", "mine", "--out", room.folder / "compare.html")


def test_a_file_is_not_compared_with_itself(room):
    a = room.folder / "data/results/dev.base.jsonl"
    with pytest.raises(StageError, match=r"dev.base.jsonl: accepted: another file than "):
        room("compare", a, a, "--benchmark", "dev", "--out", room.folder / "compare.html")


COLOURS = re.compile(r"--([a-z0-9-]+): (#[0-9a-f]{6})")
ON_GROUND = ("text", "quiet", "accent", "line1", "line2", "line3")
PAIRED = [
    ("good", "good-ground"),
    ("bad", "bad-ground"),
    ("text", "raised"),
    ("quiet", "raised"),
    ("text", "accent-soft"),
]


def luminance(colour):
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_wcag_does():
    assert round(contrast("#000000", "#ffffff"), 2) == 21.0
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


def themes():
    style = (page.TEMPLATES / "style.css").read_text()
    blocks = re.findall(r"(?::root[^{]*)\{([^}]*)\}", style)
    return [dict(COLOURS.findall(block)) for block in blocks]


def test_both_ways_into_the_dark_give_the_same_colours():
    light, chosen, preferred = themes()
    assert chosen == preferred
    assert chosen.keys() == light.keys()


@pytest.mark.parametrize("theme", themes()[:2], ids=["light", "dark"])
def test_texts_have_the_contrast_of_wcag_aa(theme):
    pairs = [(name, "ground") for name in ON_GROUND] + PAIRED
    assert [(a, b) for a, b in pairs if contrast(theme[a], theme[b]) < 4.5] == []
    assert contrast(theme["edge"], theme["ground"]) >= 3  # borders of controls, axes


def test_facts_of_a_stage_without_metrics_are_none():
    assert Facts({}, [], [], [], [], []).of("seed") == {}

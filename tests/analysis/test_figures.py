"""The pictures: all are drawn, from much data and from none, and they say what they show."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from wizardcoder.analysis import figures, plots
from wizardcoder.analysis.figures import PICTURES, draw_all
from wizardcoder.analysis.round_statistics import RoundSummary, Spread

SPREAD = Spread(9, 2.5, 0.5, 1.0, 2.0, 4.0)
ALIKE = Spread(9, 0.75, 0.1, 0.7, 0.75, 0.8)
MEASURES = ("instruction_tokens", "response_tokens", "requirements", "cyclomatic", "nesting", "maintainability")
REASONS = ("refusal", "response_cut", "instruction_cut", "no_information_gain", "request_failed", "response_empty", "x")


def summary(number: int, **changes) -> RoundSummary:
    """Give an summary with some of everything."""
    similarities = ("to_parent", "to_seed", "nearest_in_round", "nearest_in_round_before", "similarity.dev")
    outcomes = Counter({("reasoning", "accepted"): 30, ("constraints", "accepted"): 9})
    outcomes.update({("constraints", reason): 9 - place for place, reason in enumerate(REASONS)})
    own = {
        "round": number,
        "outcomes": outcomes,
        "mix": {"language": Counter(python=7, sql=2), "verdict": Counter(raised=1, ran=8)},
        "spreads": dict.fromkeys((*MEASURES, "difficulty"), SPREAD) | dict.fromkeys(similarities, ALIKE),
        "shares": {"distinct_1": 0.3, "distinct_2": 0.6, "distinct_3": 0.9},
        "drawn": 9,
    }
    return RoundSummary(**(own | changes))


def empty(number: int) -> RoundSummary:
    mix = {"language": Counter(), "verdict": Counter()}
    return summary(number, outcomes=Counter(), mix=mix, spreads={}, shares={}, drawn=0)


FULL = [summary(number) for number in range(5)]


@pytest.fixture
def texts(monkeypatch):
    """Collect what a picture says, by drawing nothing to a file; a function draws one picture."""

    def of(name: str, summaries: list[RoundSummary], benchmarks: tuple[str, ...] = ("dev",)) -> list[str]:
        found: list[str] = []

        def collect(figure: Figure, *_, **__) -> None:
            if not found:
                figure.draw_without_rendering()  # labels of axes come into being
                found.extend(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))

        monkeypatch.setattr(Figure, "savefig", collect)
        monkeypatch.setattr(plots, "write_bytes", lambda path, data: None)
        PICTURES[name](summaries, list(benchmarks), Path(name))
        return [text for text in found if text]

    return of


@pytest.mark.heavy
def test_each_picture_is_a_png_of_six_by_four_inches_and_an_svg(tmp_path):
    assert draw_all(FULL, ["dev"], tmp_path) == len(PICTURES)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}{suffix}" for name in PICTURES for suffix in (".png", ".svg")
    )
    for name in PICTURES:
        with Image.open(tmp_path / f"{name}.png") as image:
            assert image.size == (900, 600)
            assert len(image.convert("L").getcolors()) > 20  # something is drawn
        drawn = (tmp_path / f"{name}.svg").read_text()
        assert "</svg>" in drawn
        assert re.search(r"<dc:date>|20\d\d-\d\d-\d\d", drawn) is None


@pytest.mark.parametrize("name", PICTURES)
def test_rounds_without_data_say_so(texts, name):
    assert "no data" in " ".join(texts(name, [empty(number) for number in range(5)]))


@pytest.mark.parametrize(("name", "expected"), [(name, 3 * (name in ("languages", "verdicts"))) for name in PICTURES])
def test_a_round_without_data_between_others_is_left_out_or_has_an_empty_bar_that_says_so(texts, name, expected):
    found = texts(name, [summary(0), empty(1), summary(2), empty(3), empty(4)])
    assert (found.count("no data"), "n=0" in found) == (expected, False)


def test_no_benchmark_is_no_data(texts):
    assert "no data" in texts("complexity_similarity", FULL, benchmarks=())


def test_more_than_four_benchmarks_make_the_picture_taller(tmp_path):
    PICTURES["complexity_similarity"](FULL, ["dev", "b", "c", "d", "e"], tmp_path / "many")
    with Image.open(tmp_path / "many.png") as image:
        assert image.size == (900, 900)


def test_growth_tells_what_was_kept_and_the_running_total(texts):
    found = texts("growth", FULL)
    assert "156 of 324 evolutions kept; rejected most often: refusal" in found
    assert {"Σ 39", "Σ 78", "Σ 117", "Σ 156", "Σ 195", "r0", "r4", "attempts; Σ: accepted so far"} <= set(found)


def test_the_rarest_reasons_are_joined(texts):
    found = texts("growth", FULL)
    assert "other" in found
    assert "request failed" in found  # the fifth of seven
    assert "response empty" not in found
    bars, parts = figures._grouped({"r1": FULL[0].count_outcomes()}, ["accepted"])
    assert len(parts) == len(plots.FILLS) == len(plots.HATCHES)
    assert sum(bars["r1"].values()) == FULL[0].attempted
    assert bars["r1"]["other"] == 4 + 3


def test_as_many_reasons_as_there_is_room_for_are_all_told():
    counts = Counter(accepted=5) + Counter(dict.fromkeys(REASONS[:6], 1))
    _, parts = figures._grouped({"r1": counts}, ["accepted"])
    assert "other" not in parts
    assert len(parts) == 7


def test_heuristics_are_ordered_by_how_often_they_were_kept(texts):
    found = texts("heuristics", FULL)
    assert "Kept most often: reasoning (100%); least often: constraints (18%)" in found
    assert {"n=150", "n=255"} <= set(found)


def test_verdicts_stand_in_their_own_order_and_languages_by_number(texts):
    labels = dict.fromkeys(text for text in texts("verdicts", FULL) if text in ("ran", "raised"))
    assert list(labels) == ["ran", "raised"]
    assert "Language of the answers: most often “python”" in texts("languages", FULL)


def test_difficulty_takes_the_place_of_cyclomatic_complexity_when_there_is_any(texts):
    assert "Difficulty of each round against its similarity to benchmarks" in texts("complexity_similarity", FULL)
    without = [summary(n, spreads={"cyclomatic": SPREAD, "similarity.dev": SPREAD}) for n in range(3)]
    found = texts("complexity_similarity", without)
    assert "Cyclomatic complexity of each round against its similarity to benchmarks" in found
    assert {"0", "1", "2", "dev"} <= set(found)


def test_difficulty_that_was_not_asked_for_says_how_to_ask(texts):
    found = texts("complexity", [summary(0, spreads={"cyclomatic": SPREAD})])
    assert "no data\n(`analyze.difficulty: teacher` asks)" in found
    assert "Mean cyclomatic complexity of python answers: 2.5 in round 0" not in found
    assert "Mean cyclomatic complexity of Python answers: 2.5 in round 0" in found


def test_titles_say_how_a_mean_went(texts):
    assert "Mean instruction length: 2.5 in round 0, 2.5 in round 4 (tokens)" in texts("lengths", FULL)
    assert "By round 4, similarity to the seed is 0.75" in texts("diversity", FULL)


def test_medians_are_told_to_a_tenth_below_20_and_whole_above(texts):
    def labels_of(median: float) -> list[str]:
        return texts("lengths", [summary(0, spreads={"requirements": Spread(1, 30.0, 0.0, 1.0, median, 40.0)})])

    assert "2.5" in labels_of(2.46)
    assert "3" in labels_of(3.0)
    assert "21" in labels_of(21.4)


def test_labels_that_would_overlap_are_moved_apart():
    assert plots.apart({"a": 0.25, "b": 0.25, "c": 0.9}, 0.5) == {"a": 0.25, "b": 0.75, "c": 1.25}


def test_a_failed_picture_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), plots.picture(tmp_path / "x", "title"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []

"""Drawings: numbers have the right places, texts are escaped, and nothing depends on colour alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from wizardcoder.report.pages.svg import GraphNode, Line, bar, chart, graph, interval


def shapes(svg, tag):
    return [element.attrib for element in ET.fromstring(str(svg)).iter(tag)]


def test_an_estimate_is_a_dot_on_its_interval():
    svg = interval(0.25, 0.125, 0.5)
    assert shapes(svg, "circle")[0]["cx"] == "25%"
    assert [(line["x1"], line["x2"]) for line in shapes(svg, "line")][-1] == ("12.5%", "50%")


def test_a_difference_has_its_zero_in_the_middle():
    svg = interval(-0.5, -1.0, 0.0, -1.0, 1.0)
    assert [(line["x1"], line["x2"]) for line in shapes(svg, "line")] == [("0%", "100%"), ("50%", "50%"), ("0%", "50%")]
    assert shapes(svg, "circle")[0]["cx"] == "25%"


def test_shares_follow_each_other():
    assert [(r["x"], r["width"]) for r in shapes(bar((1, 2), 4), "rect")] == [("0%", "25%"), ("25%", "50%")]


def test_shares_of_nothing_are_empty():
    assert [r["width"] for r in shapes(bar((0, 0), 0), "rect")] == ["0%", "0%"]


def test_a_line_runs_from_the_left_of_the_axes_to_their_right():
    (line,) = shapes(chart([Line("loss", ((1, 2.0), (3, 1.0)))], "step", "loss", "title"), "polyline")
    assert line["points"] == "50.0,14.0 406.0,198.0"


def test_several_lines_differ_in_their_dashes_and_are_named():
    svg = chart([Line("a", ((0, 1), (1, 2))), Line("b", ((0, 2), (1, 3)))], "x", "y", "title")
    assert len({line["stroke-dasharray"] for line in shapes(svg, "polyline")}) == 2
    texts = [element.text for element in ET.fromstring(str(svg)).iter("text")]
    assert {"a", "b", "x", "y"} <= set(texts)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ((30, 66), ["30", "40", "50", "60", "70"]),
        ((5.0, 5.0), ["2", "3", "4", "5", "6", "7", "8"]),
        ((0.0, 0.0), ["0", "0.1", "0.2", "0.3", "0.4", "0.5"]),
    ],
)
def test_axes_have_round_numbers(values, ticks):
    svg = chart([Line("a", tuple(enumerate(values)))], "x", "y", "title")
    found = [element.text for element in ET.fromstring(str(svg)).iter("text") if element.get("class") == "end"]
    assert found == ticks


@pytest.mark.parametrize(
    ("xs", "ticks"),
    [((1, 2), ["1", "2"]), ((1, 5), ["1", "2", "3", "4", "5"]), ((0, 200), ["0", "50", "100", "150", "200"])],
)
def test_an_axis_of_integers_has_integer_ticks(xs, ticks):
    svg = chart([Line("a", tuple((x, 1.0 + x) for x in xs))], "step", "loss", "title")
    found = [e.text for e in ET.fromstring(str(svg)).iter("text") if e.get("class") == "middle"]
    assert found == [*ticks, "step", "loss"]


def test_there_is_no_chart_of_a_single_point():
    assert chart([Line("a", ((1, 1.0),)), Line("b", ())], "x", "y", "title") == ""


def test_an_arc_joins_each_node_to_those_that_need_it():
    svg = graph(
        [GraphNode("seed", "s", ()), GraphNode("base", "b", ()), GraphNode("train", "t", ("seed", "base", "gone"))],
        "title",
    )
    assert [re.findall(r" (\d+)(?=C|$)", arc["d"]) for arc in shapes(svg, "path")] == [["23", "115"], ["69", "115"]]


def test_names_and_alternatives_are_escaped():
    evil = '"><script>alert(1)</script>'
    for svg in (graph([GraphNode(evil, evil, ())], evil), chart([Line(evil, ((0, 1), (1, 2)))] * 2, evil, evil, evil)):
        assert "<script" not in svg
        assert ET.fromstring(str(svg)).get("aria-label") == evil

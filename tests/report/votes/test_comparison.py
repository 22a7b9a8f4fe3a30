"""Blind comparison: what is compared, which votes count, and their tally."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.records import to_line
from wizardcoder.report.model_answers import ModelAnswer, Question, pair_answers
from wizardcoder.report.pages.payload import pack
from wizardcoder.report.votes.comparison import AnswerPair, make_comparison, read_comparison, read_votes, to_json
from wizardcoder.report.votes.tally import by_item, show_votes, tally_votes
from wizardcoder.statistics.krippendorff import compute_krippendorff_alpha

ROOT = Path(__file__).resolve().parents[3]
ITEMS = [AnswerPair(f"dev/Dev/{n}", f"ask {n}", f"base {n}", f"tuned {n}") for n in range(4)]
COMPARISON = make_comparison("base", "tuned", ITEMS, 1)


def vote(rater, n, choice, digest=COMPARISON.digest):
    return to_line({"rater": rater, "comparison": digest, "item": f"dev/Dev/{n}", "choice": choice})


def question(task, prompt="ask", **texts):
    answers = tuple(ModelAnswer(label, text, "passed", 1, 1) for label, text in texts.items())
    return Question("dev", task, prompt, answers)


@pytest.fixture
def votes(tmp_path):
    """Writes lines into a votes file and reads it."""

    def read(*lines):
        path = tmp_path / "ann.jsonl"
        path.write_text("".join(lines))
        return read_votes([path], COMPARISON)

    return read


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "compare.html"
    data = f'<script type="application/octet-stream" id="comparison">{pack(to_json(COMPARISON))}</script>'
    path.write_text(f"<!doctype html>{data}")
    return path


def test_problems_with_equal_answers_are_counted_and_not_shown():
    found = pair_answers(
        [question("Dev/0", base="x", tuned="y"), question("Dev/1", base="x", tuned=" x\n")], "base", "tuned"
    )
    assert ([item.id for item in found.items], found.equal) == (["dev/Dev/0"], 1)


def test_a_problem_that_one_model_did_not_answer_or_without_a_prompt_is_not_shown():
    found = pair_answers([question("Dev/0", base="x"), question("Dev/1", None, base="x", tuned="y")], "base", "tuned")
    assert (found.items, found.equal) == ([], 0)


def test_the_digest_follows_what_a_rater_sees():
    assert make_comparison("base", "tuned", ITEMS, 9).digest == COMPARISON.digest
    assert make_comparison("base", "tuned", ITEMS[1:], 1).digest != COMPARISON.digest
    assert make_comparison("tuned", "base", ITEMS, 1).digest != COMPARISON.digest


def test_the_page_carries_the_comparison(page):
    assert read_comparison(page) == COMPARISON


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        ("<p>another page", "carries no 'comparison'"),
        ('<script type="application/octet-stream" id="comparison">!!!!</script>', "comparison: damaged: "),
        (
            f'<script type="application/octet-stream" id="comparison">{pack([1])}</script>',
            "comparison: found",
        ),
    ],
    ids=["missing", "another", "damaged", "other_data"],
)
def test_another_page_is_refused_in_one_line(tmp_path, content, message):
    if content is not None:
        (tmp_path / "compare.html").write_text(content)
    with pytest.raises(StageError, match=rf"^{tmp_path}/compare.html: {message}[^\n]*$"):
        read_comparison(tmp_path / "compare.html")


def test_votes_are_read_by_rater(votes):
    found = votes(vote("ann", 0, "a"), vote("bob", 0, "b"), vote("ann", 1, "both_bad"))
    assert found == {"ann": {"dev/Dev/0": "a", "dev/Dev/1": "both_bad"}, "bob": {"dev/Dev/0": "b"}}


def test_a_withdrawn_vote_does_not_count_and_can_be_cast_again(votes):
    assert votes(vote("ann", 0, "a"), vote("ann", 0, "undone"), vote("ann", 0, "b")) == {"ann": {"dev/Dev/0": "b"}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (vote("ann", 9, "a"), "item: found 'dev/Dev/9', accepted: an item of the page"),
        (vote("ann", 0, "b"), "item: ann votes on 'dev/Dev/0' again .first: .*ann.jsonl:1., accepted: once"),
        (vote("ann", 1, "undone"), "item: ann withdraws a vote on 'dev/Dev/1', but has none"),
        (vote("ann", 1, "a", "0123"), f"comparison: found '0123', accepted: '{COMPARISON.digest}'"),
        (vote("ann", 1, "left"), "choice: found 'left', accepted: 'a', 'b', 'tie', 'both_bad' or 'undone'"),
        (vote("../ann", 1, "a"), "rater: found '../ann', accepted: String should match pattern"),
        (vote("ann", 1, "a")[:-9], "not JSON, or cut short: EOF while parsing"),
    ],
    ids=["unknown", "twice", "undone", "another_page", "choice", "rater", "cut"],
)
def test_a_bad_line_is_refused_with_its_file_and_line(votes, tmp_path, line, message):
    with pytest.raises(StageError, match=rf"^{tmp_path}/ann.jsonl:2: {message}[^\n]*$"):
        votes(vote("ann", 0, "a"), line)


def test_a_vote_in_another_file_of_the_same_rater_is_a_second_one(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(vote("ann", 0, "a"))
    with pytest.raises(StageError, match=rf"^{tmp_path}/two:1: .* again \(first: {tmp_path}/one:1\)"):
        read_votes([tmp_path / "one", tmp_path / "two"], COMPARISON)


def test_files_without_a_vote_are_refused(votes):
    with pytest.raises(StageError, match=r"ann.jsonl: no votes$"):
        votes(vote("ann", 0, "a"), vote("ann", 0, "undone"))


def test_ties_take_no_part_in_the_win_rate():
    found = tally_votes(["b"] * 8 + ["a"] * 2 + ["tie"] * 5 + ["both_bad"])
    assert (found.wins, found.losses, found.ties, found.both_bad, found.rate) == (8, 2, 5, 1, 0.8)
    # Wilson by hand: (8 + z²/2 ± z·sqrt(8·2/10 + z²/4)) / (10 + z²), z = 1.96
    assert found.interval is not None
    assert (round(found.interval.low, 3), round(found.interval.high, 3)) == (0.490, 0.943)
    # sign test: 2 · (1 + 10 + 45) / 2¹⁰
    assert found.p_value == 0.109375


def test_ties_alone_have_no_win_rate():
    assert (tally_votes(["tie"]).rate, tally_votes(["tie"]).interval, tally_votes(["tie"]).p_value) == (None, None, 1.0)


def test_an_item_goes_to_what_most_of_its_raters_chose():
    votes = {
        "ann": {"x": "a", "y": "a", "z": "b"},
        "bob": {"x": "a", "y": "b", "z": "both_bad"},
        "eve": {"x": "b", "z": "both_bad"},
    }
    assert by_item(votes) == {"x": "a", "y": "tie", "z": "both_bad"}


def test_agreement_as_published_for_nominal_data_of_several_observers_with_gaps():
    # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: 0.743
    rows = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]
    values = {
        str(n): {str(unit): value for unit, value in enumerate(row.split()) if value != "."}
        for n, row in enumerate(rows)
    }
    assert round(compute_krippendorff_alpha(values), 3) == 0.743


def test_agreement_as_published_for_binary_data_of_two_observers():
    # the same, section A: 0.095
    values = {name: dict(enumerate(row)) for name, row in (("meg", "0100000010"), ("owen", "1110010000"))}
    assert round(compute_krippendorff_alpha(values), 3) == 0.095


@pytest.mark.parametrize("values", [{}, {"ann": {"x": "a"}}, {"ann": {"x": "a"}, "bob": {"x": "a"}}])
def test_agreement_is_not_defined_where_nothing_could_differ(values):
    assert compute_krippendorff_alpha(values) is None


def test_the_table_has_each_rater_and_their_agreement(page, tmp_path, capsys):
    (tmp_path / "ann").write_text(vote("ann", 0, "b") + vote("ann", 1, "b") + vote("ann", 2, "tie"))
    (tmp_path / "bob").write_text(vote("bob", 0, "b") + vote("bob", 1, "a"))
    show_votes([tmp_path / "ann", tmp_path / "bob"], page)
    shown = capsys.readouterr().err
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in shown.splitlines() if "│" in line]
    assert rows == [
        ["ann", "3", "2", "0", "1", "0", "1.000", "0.342 to 1.000", "0.5"],
        ["bob", "2", "1", "1", "0", "0", "0.500", "0.095 to 0.905", "1"],
        ["by item", "3", "1", "0", "2", "0", "1.000", "0.207 to 1.000", "1"],
    ]
    assert "3 of 4 items rated." in shown
    # units x: b, b and y: b, a: observed 2/1, expected (4² - 3² - 1²) / 3
    assert shown.rstrip().endswith("Krippendorff's alpha: 0.000")


def test_a_line_that_was_cut_is_refused(page, tmp_path):
    (tmp_path / "ann").write_text(vote("ann", 0, "b") + json.dumps({"rater": "ann"})[:-3])
    with pytest.raises(StageError, match=f"^{tmp_path}/ann:2: not JSON, or cut short"):
        show_votes([tmp_path / "ann"], page)

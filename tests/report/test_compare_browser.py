"""Blind comparison in a real browser: order and sides depend on the rater, keys vote, no vote is lost."""

from __future__ import annotations

import threading

import pytest

from wizardcoder.report.build import render_comparison
from wizardcoder.report.votes.comparison import AnswerPair, make_comparison, read_comparison, read_votes
from wizardcoder.report.votes.server import open_server

pytestmark = pytest.mark.heavy

EVIL = "</script><img src=x onerror='window.hacked = 1'>"
COUNT = 8
ITEMS = [AnswerPair(f"dev/Dev/{n}", f"ask {n} {EVIL}", f"base {n}", f"tuned {n}") for n in range(COUNT)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    (path / "compare.html").write_text(render_comparison(make_comparison("base", "tuned", ITEMS, 0)))
    return path


@pytest.fixture
def context(browser):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as found:
        found.set_default_timeout(15_000)
        yield found


@pytest.fixture
def begin(context, folder):
    """Opens the page as a rater."""

    def opened(rater, url=None):
        tab = context.new_page()
        tab.goto(url or (folder / "compare.html").as_uri())
        tab.fill("[name=rater]", rater)
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#work:not([hidden])")
        return tab

    return opened


def seen(tab):
    """Return the item's number, answer A, answer B."""
    return tab.text_content("#instruction").split()[1], tab.text_content("#answer-a"), tab.text_content("#answer-b")


def walk(tab, key="t"):
    """Vote on all remaining items and return what was seen."""
    found = []
    while tab.is_visible("#task"):
        found.append(seen(tab))
        tab.keyboard.press(key)
    return found


def saved(tab, tmp_path):
    """Save the votes as a file and return its path."""
    with tab.expect_download() as waiting:
        tab.keyboard.press("s")
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_each_rater_sees_every_item_in_an_order_and_on_sides_of_their_own(begin):
    ann, again, bob = (walk(begin(name)) for name in ("ann", "ann2", "bob"))
    for order in (ann, again, bob):
        assert sorted(number for number, _, _ in order) == [str(n) for n in range(COUNT)]
        assert {left.split()[0] for _, left, _ in order} == {"base", "tuned"}
    assert len({tuple(order) for order in (ann, again, bob)}) == 3


def test_the_same_name_sees_the_same_order_in_another_browser(browser, begin, folder):
    first = walk(begin("ann"))
    with browser.new_context() as other:
        tab = other.new_page()
        tab.goto((folder / "compare.html").as_uri())
        tab.fill("[name=rater]", "ann")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#work:not([hidden])")
        assert walk(tab) == first


def test_votes_name_the_model_whatever_its_side(begin, folder, tmp_path):
    tab = begin("ann")
    wanted = {}
    for key, side in (("ArrowLeft", 1), ("ArrowRight", 2), ("a", 1), ("b", 2)):
        item = seen(tab)
        wanted[f"dev/Dev/{item[0]}"] = {"base": "a", "tuned": "b"}[item[side].split()[0]]
        tab.keyboard.press(key)
    for key, choice in (("t", "tie"), ("x", "both_bad")):
        wanted[f"dev/Dev/{seen(tab)[0]}"] = choice
        tab.keyboard.press(key)
    path = saved(tab, tmp_path)
    assert path.name == "ann.jsonl"
    assert read_votes([path], read_comparison(folder / "compare.html")) == {"ann": wanted}


def test_buttons_vote_as_keys_do_and_progress_is_shown(begin):
    tab = begin("ann")
    first = seen(tab)
    tab.click("button:has-text('A is better')")
    assert tab.text_content("#count") == "1 of 8"
    assert seen(tab) != first
    tab.click("#undo")
    assert (tab.text_content("#count"), seen(tab)) == ("0 of 8", first)
    assert tab.is_disabled("#undo")


def test_a_reopened_page_continues_after_the_last_vote(begin, folder, tmp_path):
    tab = begin("ann")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("t")
    expected = seen(tab)
    tab.close()
    tab = begin("ann")
    assert (tab.text_content("#count"), seen(tab)) == ("2 of 8", expected)
    assert len(saved(tab, tmp_path).read_text().splitlines()) == 2


def test_the_page_reports_the_end_and_accepts_no_more_votes(begin, tmp_path):
    tab = begin("ann")
    walk(tab)
    assert tab.is_visible("text=All items are rated")
    tab.keyboard.press("t")
    assert tab.text_content("#count") == "8 of 8"
    assert len(saved(tab, tmp_path).read_text().splitlines()) == COUNT


def test_hostile_texts_stay_texts(begin):
    tab = begin("ann")
    assert tab.text_content("#instruction").endswith(EVIL)
    assert tab.evaluate("[window.hacked === undefined, document.images.length]") == [True, 0]


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 700)])
def test_a_long_answer_is_shown_whole_with_the_buttons_in_sight(context, tmp_path, width, height):
    long = "\n".join(f"line {n}" for n in range(200))
    pairs = [AnswerPair("dev/Dev/0", "ask", f"{long} base", f"{long} tuned")]
    (tmp_path / "long.html").write_text(render_comparison(make_comparison("base", "tuned", pairs, 0)))
    tab = context.new_page()
    tab.set_viewport_size({"width": width, "height": height})
    tab.goto((tmp_path / "long.html").as_uri())
    tab.fill("[name=rater]", "ann")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#work:not([hidden])")
    for name in ("#answer-a", "#answer-b"):
        assert tab.evaluate(f"(e => e.scrollHeight - e.clientHeight)(document.querySelector('{name}'))") == 0
    box = tab.locator("button:has-text('Tie')").bounding_box()
    assert 0 < box["y"] < box["y"] + box["height"] <= height


def test_a_name_that_is_no_file_name_is_refused(context, folder):
    tab = context.new_page()
    tab.goto((folder / "compare.html").as_uri())
    tab.fill("[name=rater]", "../ann")
    tab.keyboard.press("Enter")
    assert tab.is_hidden("#work")


def test_nothing_is_wider_than_a_phone_and_the_buttons_stay_visible(begin):
    tab = begin("ann")
    tab.set_viewport_size({"width": 390, "height": 700})
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    box = tab.locator("button:has-text('Both bad')").bounding_box()
    assert box["y"] + box["height"] <= 700


@pytest.fixture
def server(folder, tmp_path):
    with open_server(folder, tmp_path / "votes", 0) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}/compare.html"
        found.shutdown()
        thread.join()


def test_the_server_keeps_every_vote_and_undo(begin, server, folder, tmp_path):
    tab = begin("ann", server)
    tab.keyboard.press("t")
    tab.keyboard.press("u")
    walk(tab, "x")
    tab.wait_for_selector("#said:text('Saved.')")
    votes = read_votes([tmp_path / "votes/ann.jsonl"], read_comparison(folder / "compare.html"))
    assert votes == {"ann": {item.id: "both_bad" for item in ITEMS}}


def test_another_browser_continues_with_the_servers_votes(browser, begin, server):
    tab = begin("ann", server)
    tab.keyboard.press("t")
    tab.keyboard.press("b")
    expected = seen(tab)
    tab.wait_for_selector("#said:text('Saved.')")
    with browser.new_context() as other:
        second = other.new_page()
        second.goto(server)
        second.fill("[name=rater]", "ann")
        second.keyboard.press("Enter")
        second.wait_for_selector("#work:not([hidden])")
        assert (second.text_content("#count"), seen(second)) == ("2 of 8", expected)

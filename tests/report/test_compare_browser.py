"""Blind comparison in a real browser: order and sides by the rater, votes by key, nothing lost, votes that count."""

from __future__ import annotations

import threading

import pytest

from stages.report import compare_page
from wizardcoder.cli.serve import open_server
from wizardcoder.report.votes.comparison import Item, make_comparison, read_comparison, read_votes

EVIL = "</script><img src=x onerror='window.hacked = 1'>"
COUNT = 8
ITEMS = [Item(f"dev/Dev/{n}", f"ask {n} {EVIL}", f"base {n}", f"tuned {n}") for n in range(COUNT)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("report")
    (path / "compare.html").write_text(compare_page(make_comparison("base", "tuned", ITEMS, 0)))
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
    """Give what stands on the page: the item's number, left, right."""
    return tab.text_content("#instruction").split()[1], tab.text_content("#left"), tab.text_content("#right")


def walk(tab, key="t"):
    """Vote on everything that is left and give what was seen."""
    found = []
    while tab.is_visible("#task"):
        found.append(seen(tab))
        tab.keyboard.press(key)
    return found


def saved(tab, tmp_path):
    """Save the votes as a file and give each item's choice."""
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
    for key, side in (("ArrowLeft", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("ArrowRight", 2)):
        item = seen(tab)
        wanted[f"dev/Dev/{item[0]}"] = {"base": "a", "tuned": "b"}[item[side].split()[0]]
        tab.keyboard.press(key)
    for key, choice in (("t", "tie"), ("b", "both_bad")):
        wanted[f"dev/Dev/{seen(tab)[0]}"] = choice
        tab.keyboard.press(key)
    path = saved(tab, tmp_path)
    assert path.name == "ann.jsonl"
    assert read_votes([path], read_comparison(folder / "compare.html")) == {"ann": wanted}


def test_buttons_vote_as_keys_do_and_progress_is_told(begin):
    tab = begin("ann")
    first = seen(tab)
    tab.click("button:has-text('Left is better')")
    assert tab.text_content("#count") == "1 of 8"
    assert seen(tab) != first
    tab.click("#undo")
    assert (tab.text_content("#count"), seen(tab)) == ("0 of 8", first)
    assert tab.is_disabled("#undo")


def test_a_page_that_is_closed_goes_on_where_it_was(begin, folder, tmp_path):
    tab = begin("ann")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("t")
    expected = seen(tab)
    tab.close()
    tab = begin("ann")
    assert (tab.text_content("#count"), seen(tab)) == ("2 of 8", expected)
    assert len(saved(tab, tmp_path).read_text().splitlines()) == 2


def test_the_end_is_told_and_takes_no_more_votes(begin, tmp_path):
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


def test_a_name_that_could_be_no_file_is_not_taken(context, folder):
    tab = context.new_page()
    tab.goto((folder / "compare.html").as_uri())
    tab.fill("[name=rater]", "../ann")
    tab.keyboard.press("Enter")
    assert tab.is_hidden("#work")


def test_nothing_is_wider_than_a_phone_and_the_buttons_stay_in_sight(begin):
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
    walk(tab, "b")
    tab.wait_for_selector("#said:text('Saved.')")
    votes = read_votes([tmp_path / "votes/ann.jsonl"], read_comparison(folder / "compare.html"))
    assert votes == {"ann": {item.id: "both_bad" for item in ITEMS}}


def test_another_browser_goes_on_with_the_servers_votes(browser, begin, server):
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

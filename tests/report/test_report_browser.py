"""The report in a real browser: hostile texts stay texts, records are found, no mouse or wide screen is needed."""

from __future__ import annotations

import itertools
import shutil
import sys
from pathlib import Path

import pytest

from bench.made_run import write_run
from stages import report
from wizardcoder.core.records import Example, Rejected, read_records, write_jsonl
from wizardcoder.report.pages.payload import read_payload

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
EVIL = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1"><!--'
SEEDS = 60


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A run of sixty seeds; the second seed's lineage is hostile and has one attempt of each kind."""
    folder = tmp_path_factory.mktemp("run")
    write_run(
        folder, [(f"Task {n}: sort a list.", "print(sorted([2, 1]))") for n in range(9)], SEEDS, [("Dev/0", EVIL)]
    )
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / "bundled").symlink_to(ROOT / "bundled")
    for label in ("base", "tuned"):
        row = {"task_id": "Dev/0", "passed": label == "tuned", "result": EVIL, "answer": EVIL + label}
        write_jsonl(folder / f"data/results/dev.{label}.jsonl", [row])
    make_hostile(folder / "data")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    patch.setattr(sys, "argv", ["report"])
    report.main()
    patch.undo()
    return folder / "report/index.html"


def make_hostile(data):
    seeds = list(read_records(data / "rounds/r0/examples.jsonl", Example))
    seeds[1] = Example("evil", None, 0, None, f"Zebra {EVIL}", EVIL)
    write_jsonl(data / "rounds/r0/examples.jsonl", seeds)
    for n in (1, 2):
        path = data / f"rounds/r{n}/examples.jsonl"
        others = [e for e in read_records(path, Example) if not e.id.startswith(f"{1:016x}-")]
        own = Example("evil-r1", "evil", 1, EVIL, f"Zebra stripes {EVIL}", "print('zebra')")
        write_jsonl(path, [own, *others] if n == 1 else others)
        path = data / f"rounds/r{n}/rejected.jsonl"
        others = [
            e for e in read_records(path, Rejected) if e.parent_id is None or not e.parent_id.startswith(f"{1:016x}")
        ]
        own = Rejected("evil-r1-r2", "evil-r1", 2, EVIL, EVIL, f"Zebra dots {EVIL}", "", EVIL)
        write_jsonl(path, [own, *others] if n == 2 else others)
    for n in (3, 4):
        for name, kind in (("examples", Example), ("rejected", Rejected)):
            path = data / f"rounds/r{n}/{name}.jsonl"
            write_jsonl(path, [e for e in read_records(path, kind) if not (e.parent_id or "").startswith(f"{1:016x}")])


@pytest.fixture
def page(browser, page_file):
    """The report, opened at the width of a desktop."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        tab = context.new_page()
        tab.set_default_timeout(15_000)
        tab.faults, tab.asked = [], []
        tab.on("pageerror", lambda error: tab.faults.append(str(error)))
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.goto(page_file.as_uri())
        tab.wait_for_selector("#samples-list li")
        yield tab
        assert tab.faults == []
        assert tab.asked == [page_file.as_uri()]


def entries(page):
    return page.locator("#samples-list .entries > li")


def status(page, text):
    page.wait_for_selector(f"#samples-list .status:text-matches('^{text}')")


def search(page, text):
    page.fill("#samples-form [name=text]", text)


def test_hostile_texts_stay_texts(page):
    search(page, "zebra")
    status(page, "1 of 61 seeds")
    entries(page).first.locator("summary").click()
    page.wait_for_selector(".step")
    shown = page.locator(".step pre").all_text_contents()
    assert shown == [
        f"Zebra {EVIL}",
        EVIL,
        f"Zebra {EVIL}",
        f"Zebra stripes {EVIL}",
        "print('zebra')",
        f"Zebra stripes {EVIL}",
        f"Zebra dots {EVIL}",
    ]
    page.locator("#answers-list summary").first.click()
    page.wait_for_selector("#answers-list pre")
    assert page.locator("#answers-list .badge").all_text_contents() == [EVIL, EVIL]
    assert page.evaluate("[window.hacked === undefined, document.images.length]") == [True, 0]


def test_an_evolution_is_shown_next_to_its_parent_with_the_different_words_marked(page):
    search(page, "zebra")
    status(page, "1 of 61 seeds")
    entries(page).first.locator("summary").click()
    page.wait_for_selector(".step")
    last = page.locator(".step").last
    assert last.locator("del").all_text_contents() == ["stripes"]
    assert last.locator("ins").all_text_contents() == ["dots"]
    before, after = (last.locator("pre").nth(n).bounding_box() for n in (0, 1))
    assert before["y"] == after["y"]
    assert before["x"] + before["width"] < after["x"]


def test_each_attempt_shows_its_outcome_and_reason(page):
    page.select_option("#samples-form [name=outcome]", label="removed by screen")
    page.wait_for_selector("#samples-list .status:not(:text('61 of 61'))")
    entries(page).first.locator("summary").click()
    hit = page.locator(".step.hit").first
    assert hit.locator(".badge").first.text_content() == "removed by screen"
    assert "verdict." in hit.locator(".why").first.text_content()
    assert "line 1" in hit.locator(".why").first.text_content()


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("round", "round"),
        ("heuristic", "heuristic"),
        ("reason", "reason"),
        ("verdict", "verdict"),
        ("outcome", "outcome"),
    ],
)
def test_every_filter_leaves_the_lineages_with_a_fitting_sample(page, page_file, name, column):
    index = read_payload(page_file, "samples-index")
    value = page.locator(f"#samples-form [name={name}] option").nth(2).get_attribute("value")
    expected, at = 0, 0
    for count in index["attempts"]:
        expected += int(value) in index[column][at : at + count]
        at += count
    page.select_option(f"#samples-form [name={name}]", value)
    status(page, f"{expected} of 61 seeds")


def test_filters_together_must_fit_the_same_sample(page):
    page.select_option("#samples-form [name=round]", "2")
    page.select_option("#samples-form [name=heuristic]", label=EVIL)
    status(page, "1 of 61 seeds")
    search(page, "stripes")
    status(page, "0 of 61 seeds")
    search(page, "dots")
    status(page, "1 of 61 seeds")
    page.click("#samples-form button[type=reset]")
    status(page, "61 of 61 seeds")


def test_only_one_page_of_entries_is_in_the_document(page):
    assert entries(page).count() == 25
    first = entries(page).first.text_content()
    page.click("#samples-list button:text('Next')")
    page.wait_for_selector("#samples-list :text('Page 2 of 3')")
    assert (entries(page).count(), entries(page).first.text_content() == first) == (25, False)
    page.click("#samples-list button:text('Next')")
    page.wait_for_selector("#samples-list :text('Page 3 of 3')")
    assert entries(page).count() == 11
    assert page.locator("#samples-list button:text('Next')").is_disabled()


def test_the_list_can_be_used_by_keyboard_alone(page):
    page.focus("#samples-form button[type=reset]")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".step")
    assert entries(page).first.locator("details").get_attribute("open") is not None
    page.focus("#samples-list button:text('Next')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#samples-list :text('Page 2 of 3')")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_answers_are_filtered_by_their_outcome(page):
    assert page.locator("#answers-form [name=outcome] option").all_text_contents()[1:] == [
        "gained: only the second model passes"
    ]
    page.select_option("#answers-form [name=outcome]", "gained")
    page.wait_for_selector("#answers-list .status:text('1 of 1 problems')")
    page.fill("#answers-form [name=text]", "nowhere")
    page.wait_for_selector("#answers-list .status:text('0 of 1 problems')")


def test_the_theme_can_be_chosen_and_stays(page, page_file):
    def ground():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.emulate_media(color_scheme="light")
    assert ground() == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    dark = ground()
    page.click("#theme")  # auto, then light
    assert (page.text_content("#theme"), ground()) == ("Theme: light", "rgb(255, 255, 255)")
    page.emulate_media(color_scheme="light")
    page.click("#theme")
    assert (page.text_content("#theme"), ground()) == ("Theme: dark", dark)
    page.reload()
    assert ground() == dark
    page.asked.pop()


def test_nothing_is_wider_than_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 800})
    entries(page).first.locator("summary").click()
    page.wait_for_selector(".step")
    for fold in page.locator("details.fold > summary").all():
        fold.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_every_control_has_a_name_and_every_picture_an_alternative(page):
    nameless = """() => [...document.querySelectorAll('input, select, button, [role=region], svg')].filter((e) =>
        !(e.labels?.length || e.textContent.trim() || e.ariaLabel || e.ariaHidden)).length"""
    assert page.evaluate(nameless) == 0
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))

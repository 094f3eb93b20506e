"""The review report in a real browser: from a file on disk, without a network.

Screenshots are left in `test-output/`.
"""

import json
import subprocess
import sys
from datetime import date

import pytest
from browsing import CHROMIUM, OUTPUT, a_browser
from playwright.sync_api import expect

from otalab.files import MADE
from otalab.firmware.catalogue import load_design
from otalab.views.report.facts import Asked, gather
from otalab.views.report.page import page as drawn
from otalab.views.report.revision import read_review

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: apt-get install chromium"),
]
MOST_BYTES = 3_000_000


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """
    The report of a design of one's own, with every default, made as a user makes it.
    """
    folder = tmp_path_factory.mktemp("report")
    (folder / "mine.toml").write_text(load_design("single-record").toml().replace('"single-record"', '"mine"', 1))
    words = [sys.executable, "-m", "otalab", "report", "mine.toml", "-o", "review.html", "--pdf", "review.pdf"]
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert 0 == ran.returncode, ran.stderr
    return folder


@pytest.fixture(scope="module")
def browser():
    """
    One browser for all pages.
    """
    with a_browser() as browser:
        yield browser


@pytest.fixture(params=[("light", 1200), ("dark", 1200), ("light", 390)], ids=["light", "dark", "narrow"])
def page(request, browser, reported):
    """
    The page, opened from disk; `asked` and `said` hold what it asked for and what the console says.
    """
    scheme, width = request.param
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, offline=True)
    page = context.new_page()
    page.asked, page.said = [], []
    page.on("request", lambda asked: page.asked.append(asked.url.partition(":")[0]))
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto((reported / "review.html").as_uri())
    yield page
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / f"report-{scheme}-{width}.png", full_page=True)
    context.close()


def test_it_is_not_large(reported):
    """
    With every default; and the same is on paper.  What it costs is measured by `benchmarks/report.py`.
    """
    assert MOST_BYTES > (reported / "review.html").stat().st_size
    assert (reported / "review.pdf").read_bytes().startswith(b"%PDF")
    assert {"mine.toml", "review.html", "review.pdf"} == {one.name for one in reported.iterdir()}


def test_it_shows_the_fatal_cut_and_steps_beyond_it(page):
    """
    The player stands at the cut, steps to the end and back; nothing is asked of a network, and nothing is wrong.
    """
    player = page.locator(".otalab-player").first
    page.locator("figure.player").first.scroll_into_view_if_needed()
    expect(player.locator(".sentence")).to_contain_text("THE POWER FAILS in: erase sector 6 (record 0). Left: after.")
    player.focus()
    page.keyboard.press("End")
    expect(player.locator(".sentence")).to_contain_text("The life ends bricked: no valid boot record.")
    page.keyboard.press("ArrowLeft")
    expect(player.locator(".sentence")).to_contain_text("THE POWER FAILS")
    page.keyboard.press("Home")
    expect(player.locator(".where")).to_contain_text("step 0 of")
    expect(player.get_by_role("button", name="Cut here")).to_be_disabled()
    page.keyboard.press("End")

    assert {"file", "blob"} == set(page.asked)
    assert [] == page.said


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """
    A small report to be filled in; its name is markup, and its checklist is whole.
    """
    asked = Asked(designs=("mongoose",), board="tiny", faults=("atomic",), parts=(), rates=("us-2022",), most=0)
    place = tmp_path_factory.mktemp("blank") / "my review.html"
    place.write_text(drawn(gather(asked)[0], asked, ["otalab", "report"], date(2026, 1, 2)), encoding="utf-8")
    return place


def filled(page):
    """
    What stands in the page: of each name, what is ticked or written.
    """
    script = (
        "() => [...document.querySelectorAll('[data-answer]')].filter((one) => one.type !== 'radio' || one.checked)"
    )
    return dict(page.evaluate(f"({script})().map((one) => [one.name, one.value]).filter(([, value]) => value)"))


ANSWERS = {"item-1": "met", "item-2": "not-met", "note-2": "see </textarea> <b>& \u2026\nsecond", "reviewer": 'A "B" C'}


def test_a_report_is_filled_in_kept_saved_and_opened_again(browser, blank, tmp_path):
    """
    The same browser keeps the answers, the saved page holds them for others, and both leave the page as it came.
    """
    context = browser.new_context(viewport={"width": 1000, "height": 900}, offline=True, accept_downloads=True)
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(blank.as_uri())
    page.locator('[name=item-1][value="met"]').check()
    page.locator('[name=item-2][value="not-met"]').check()
    page.locator('[name=item-3][value="met"]').click()
    page.locator('[name=item-3][value="met"]').click()  # and thought better of it
    page.locator("[name=note-2]").fill(ANSWERS["note-2"])
    page.locator("[name=reviewer]").fill(ANSWERS["reviewer"])
    assert ANSWERS == filled(page)
    page.reload()
    expect(page.locator("#kept")).to_contain_text("as this browser kept them")
    assert ANSWERS == filled(page)
    with page.expect_download() as coming:
        page.get_by_role("button", name="Save with answers").click()
    saved = tmp_path / coming.value.suggested_filename
    coming.value.save_as(saved)
    context.close()

    stranger = browser.new_context(offline=True)
    page = stranger.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.goto(saved.as_uri())
    assert "my review-answered.html" == saved.name
    assert ANSWERS == filled(page)
    assert ANSWERS == json.loads(page.locator("#answers").text_content())
    # It is the page that it was: its facts, its players, its mark; and it can be filled in further.
    assert read_review(str(saved)) == read_review(str(blank))
    page.locator("figure.player").first.scroll_into_view_if_needed()
    expect(page.locator(".otalab-player .sentence").first).to_be_visible()
    assert MADE in saved.read_text(encoding="utf-8")[:4096]
    page.locator('[name=item-4][value="not-applicable"]').check()
    expect(page.locator("#kept")).to_contain_text("Kept in this browser")
    stranger.close()
    assert [] == said


def test_a_short_address_opens_the_player_at_the_fatal_cut(browser, reported):
    """
    From outside, and by a click in the matrix.
    """
    context = browser.new_context(viewport={"width": 1200, "height": 700}, offline=True)
    page = context.new_page()
    page.goto((reported / "review.html").as_uri())
    address = page.locator(".matrix td.unsafe a").first.get_attribute("href")
    page.locator(".matrix td.unsafe a").first.click()
    expect(page.locator(f"{address} .otalab-player .sentence")).to_be_in_viewport()
    page = context.new_page()
    page.goto((reported / "review.html").as_uri() + address)
    sentence = page.locator(f"{address} .otalab-player .sentence")
    expect(sentence).to_be_in_viewport()
    expect(sentence).to_contain_text("THE POWER FAILS")
    context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 390)])
def test_two_designs_stand_side_by_side_under_the_same_cut(browser, tmp_path, scheme, width):
    """
    By a click in the table and by its address; each player stands at the cut, and nothing is wider than the page.
    """
    asked = Asked(designs=("single-record", "hardened"), board="tiny", faults=("atomic",), parts=(), most=0)
    place = tmp_path / "two.html"
    place.write_text(drawn(gather(asked)[0], asked, ["otalab", "report"], date(2026, 1, 2)), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, color_scheme=scheme)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(place.as_uri())
    link = page.locator(".same td a")
    address = link.get_attribute("href")
    expect(page.locator(address)).to_be_hidden()
    link.click()
    for there in (page, context.new_page()):
        if there is not page:
            there.goto(place.as_uri() + address)
        expect(there.locator(address)).to_be_in_viewport()
        sentences = there.locator(f"{address} .otalab-player .sentence")
        expect(sentences).to_have_count(2)
        for number in (0, 1):
            expect(sentences.nth(number)).to_contain_text("THE POWER FAILS in: erase sector")
        expect(there.locator(f"{address} .end").nth(0)).to_contain_text("ends bricked after 1 cut")
        expect(there.locator(f"{address} .end").nth(1)).to_contain_text("ends updated after 1 cut")
        assert there.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=OUTPUT / f"report-pair-{scheme}-{width}.png")
    context.close()
    assert [] == said


def test_nothing_is_wider_than_the_page(page):
    """
    What is wide scrolls by itself.
    """
    page.locator("figure.player").first.scroll_into_view_if_needed()
    expect(page.locator(".otalab-player .records").first).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

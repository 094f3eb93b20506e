"""The review report in a real browser: from a file on disk, without a network.

Screenshots are left in `test-output/`.
"""

import subprocess
import sys

import pytest
from browsing import CHROMIUM, OUTPUT, a_browser
from playwright.sync_api import expect

from otalab.firmware.catalogue import load_design

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


def test_nothing_is_wider_than_the_page(page):
    """
    What is wide scrolls by itself.
    """
    page.locator("figure.player").first.scroll_into_view_if_needed()
    expect(page.locator(".otalab-player .records").first).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

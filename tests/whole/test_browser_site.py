"""The site in a browser: served by Python's own server, with every other network refused."""

import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from browsing import CHROMIUM, OUTPUT, SECONDS, a_browser, free_port
from playwright.sync_api import expect
from tab import BOARDS, pyodide

from otalab.graph.check import check_design
from otalab.views.player.linked import player_at
from otalab.views.player.widget import UpdatePlayer
from otalab.views.site.build import build

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: apt-get install chromium"),
    pytest.mark.skipif(pyodide() is None, reason="no pyodide: npm pack pyodide, and its folder as OTALAB_PYODIDE"),
]

BARE = str(BOARDS / "tiny-bare.toml")
PAGE = 'name = "mine"\nsummary = "a single record"\n\n[records]\ncount = 1\n'


@contextmanager
def served(folder):
    """
    The address of a folder that Python's own server serves.
    """
    port = free_port()
    words = ["http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        try:
            assert server.stdout.readline().startswith(b"Serving HTTP")  # it listens once it says so
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.kill()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """
    The site with its runtime, and where it is served.
    """
    folder = tmp_path_factory.mktemp("site")
    build(folder, Path(pyodide()))
    with served(folder) as base:
        yield base


@pytest.fixture(scope="module")
def chromium():
    with a_browser() as browser:
        yield browser


@pytest.fixture
def profile(chromium, site):
    """
    Opens a page in a fresh profile that reaches nobody but the site; what goes wrong is kept in `complaints`.
    """
    opened = []

    def page_of(address):
        context = chromium.new_context(viewport={"width": 1366, "height": 768})
        context.route(lambda url: not url.startswith((site, "data:", "blob:")), lambda route: route.abort())
        page = context.new_page()
        page.set_default_timeout(1000 * SECONDS)
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("requestfailed", lambda request: page.complaints.append(request.url))
        page.on(
            "console", lambda said: page.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        opened.append(context)
        page.goto(site + address)
        return page

    yield page_of
    for context in opened:
        context.close()


def opened_player(page):
    """
    Wait until a player stands there, and until the page has the link to its place.
    """
    expect(page.locator(".otalab-player .sentence")).not_to_be_empty()
    expect(page.locator("#link")).to_have_value(page.url)
    return page.locator(".otalab-player")


def test_a_check_its_stop_and_a_pasted_design(profile):
    """
    Proved and broken as an installation does it; a search that is stopped leaves the page ready for the next one.
    """
    page = profile("check.html")
    page.select_option("[name=design]", "mongoose")
    page.select_option("[name=board]", "tiny-spiffs")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#progress")).to_contain_text("states so far")
    page.get_by_role("button", name="Stop").click()
    page.select_option("[name=board]", "tiny-bare")
    page.get_by_text("A design of your own").click()
    page.locator("[name=design_page]").fill(PAGE)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#answer .verdict")).to_have_text("unsafe")
    page.get_by_role("button", name=re.compile("^node 1,")).click()
    expect(page.locator("#view .words")).to_contain_text("Left in peace")
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "site_check.png", full_page=True)
    page.set_viewport_size({"width": 320, "height": 700})
    assert 320 >= page.evaluate("document.documentElement.scrollWidth")
    page.locator("[name=design_page]").fill('name = "mine"\nsummary = "as hardened"\n')
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#answer .verdict")).to_have_text("safe")
    expected = check_design("hardened", "all", board=BARE).as_object()
    assert f"{expected['wrecks']:,}" in page.locator("#answer table").inner_text()
    assert [] == page.complaints


def stood_at(folder):
    """
    The link of the place that the exercise comes to, as an installation writes it.
    """
    player = UpdatePlayer("mongoose", shutil.copy(BARE, folder))
    player.goto("switch", 1)
    player.cut("prefix-1")
    return player.link()


def test_the_exercise_by_mouse_and_by_keyboard_and_its_link(profile, tmp_path):
    """
    The published design is killed by one cut, twice; a fresh profile that is given the link stands there too.
    """
    page = profile("player.html")
    player = opened_player(page)
    sentence, end = player.locator(".sentence"), player.locator(".end")
    while "switch" not in sentence.inner_text():
        player.get_by_role("button", name="Next phase").click()
    player.get_by_role("button", name="Cut here").click()
    player.locator(".cutting").get_by_role("button", name="filling-55", exact=True).click()
    expect(end).to_have_text("ends bricked after 1 cut")
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / "site_player.png", full_page=True)
    player.get_by_role("button", name="Undo last cut").click()
    expect(end).not_to_contain_text("after")
    player.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("c")
    torn = player.locator(".cutting").get_by_role("button", name="prefix-1", exact=True)
    expect(torn).to_be_visible()
    while not torn.evaluate("(button) => button === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(end).to_have_text("ends bricked after 1 cut")
    expect(sentence).to_contain_text("prefix-1")
    expect(page.locator("#link")).to_have_value(re.compile(re.escape(stood_at(tmp_path))))
    link = page.url
    assert [] == page.complaints
    expected = player_at(link, tmp_path)
    there = profile(link.rpartition("/")[2])
    other = opened_player(there)
    expect(other.locator(".sentence")).to_have_text(expected.sentence)
    for name in (".end", ".where", ".hex", ".records", ".log"):
        assert player.locator(name).inner_text() == other.locator(name).inner_text()
    assert (expected.end, link, []) == ("bricked", there.url, there.complaints)

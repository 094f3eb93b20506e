"""Pages and views under axe-core, WCAG 2.2 A and AA: light, dark, and as narrow as 400 % zoom makes a page."""

import re

import pytest
from browsing import a_browser

from otalab.cli.main import main
from otalab.course import check
from otalab.views.player import UpdatePlayer

pytestmark = [pytest.mark.browser, pytest.mark.slow]
axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ASKED = """async ([tags, place]) => {
  const found = await axe.run(place || document, { runOnly: { type: 'tag', values: tags } });
  return found.violations.flatMap((one) => one.nodes.map(
    (node) => `${one.id}: ${node.target.join(' ')}: ${node.failureSummary}`));
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """
    A player's page at a fatal cut, a report of two designs, and checks as a notebook shows them.
    """
    folder = tmp_path_factory.mktemp("pages")
    UpdatePlayer("mongoose", "tiny", cuts=[[0, 160, "prefix-1"]]).html(folder / "player.html")
    words = ["single-record", "hardened", "--board", "tiny", "--faults", "atomic"]
    assert 0 == main(["report", *words, "-o", str(folder / "report.html")])
    shown = "".join(check("00.2", answer)._repr_html_() for answer in (8, 9)).replace("<details", "<details open")
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>checks</title>'
    (folder / "checks.html").write_text(f"{head}<main>{shown}</main>", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser():
    with a_browser() as browser:
        yield browser


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["player", "report", "checks"])
def test_nothing_is_found_and_nothing_is_cut_off(browser, pages, name, scheme, width):
    """
    Every player of the page is drawn, those of two designs side by side as well; the page is never moved sideways.
    """
    if (name, scheme) == ("checks", "dark"):
        pytest.skip("a notebook has its own ground")
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto((pages / f"{name}.html").as_uri())
    page.evaluate(axe.AXE_FILE_PATH.read_text(encoding="utf-8"))
    # Of two designs side by side the players are there once their address is; the rest of the page stays as it is.
    for address in ["", *page.locator(".pair").evaluate_all("pairs => pairs.map((pair) => pair.id)")]:
        page.evaluate("(address) => { location.hash = address; }", address)
        for figure in page.locator("figure.player:visible").all():
            figure.scroll_into_view_if_needed()
            figure.locator(".otalab-player").wait_for()

        assert [] == page.evaluate(ASKED, [RULES, f"#{address}" if address else ""])
        assert width >= page.evaluate("document.documentElement.scrollWidth")
    page.close()


def test_axe_is_alive(browser):
    """
    A picture without a text is found.
    """
    page = browser.new_page()
    page.set_content('<html lang="en"><title>x</title><img src="data:,">')
    page.evaluate(axe.AXE_FILE_PATH.read_text(encoding="utf-8"))

    assert any(re.match("image-alt", one) for one in page.evaluate(ASKED, [RULES, ""]))
    page.close()

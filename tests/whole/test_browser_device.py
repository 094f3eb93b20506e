"""The page of a live device in a real browser: readable on a phone, and quiet while nothing changes."""

import re

import pytest
from browsing import CHROMIUM, OUTPUT, ROOT, a_browser

from otalab.views import style
from otalab.wire.live import LiveDevice

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: apt-get install chromium"),
]
MARK = """() => {
  const seen = window.seen = [];
  new MutationObserver((changes) => seen.push(...changes.map((one) => one.target.id || one.target.nodeName)))
    .observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def lamp(tmp_path_factory):
    """A device that has come to rest."""
    home = tmp_path_factory.mktemp("lamp")
    with LiveDevice(home / "lamp.bin", board="tiny", design="hardened", time_scale=0.05, no_sync=True) as lamp:
        lamp.settled()
        yield lamp


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off_and_nothing_is_said_twice(lamp, scheme):
    """
    The page is as wide as the screen; three answers that are alike rewrite nothing.
    """
    OUTPUT.mkdir(exist_ok=True)
    with a_browser() as browser:
        page = browser.new_page(viewport={"width": 400, "height": 800}, color_scheme=scheme, is_mobile=True)
        page.goto(lamp.url)
        page.locator("#records tr").first.wait_for()
        assert 400 == page.evaluate("document.documentElement.scrollWidth")
        page.evaluate(MARK)
        for _ in range(3):
            with page.expect_response("**/status"):
                pass
        assert [] == page.evaluate("window.seen")
        page.screenshot(path=OUTPUT / f"device-{scheme}.png", full_page=True)


def test_its_colour_of_a_bad_end_is_that_of_the_palette():
    """
    A floor below the palette, it cannot ask for it.
    """
    text = (ROOT / "otalab" / "wire" / "http" / "device.html").read_text(encoding="utf-8")
    assert list(style.TEXT["bad"]) == re.findall(r"#[0-9a-f]{6}", text)

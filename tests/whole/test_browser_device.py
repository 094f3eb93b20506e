"""The page of a live device in a real browser: used on a phone, and quiet while nothing changes."""

import re

import pytest
from browsing import CHROMIUM, OUTPUT, ROOT, a_browser
from playwright.sync_api import expect
from serving import GOOD, half_an_upload

from otalab.errors import OtalabError
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
    """A device that has come to rest, and waits for a hand to commit."""
    home, small = tmp_path_factory.mktemp("lamp"), {"board": "tiny", "design": "hardened", "no_sync": True}
    with LiveDevice(home / "lamp.bin", time_scale=0.05, commit="manual", **small) as lamp:
        lamp.settled()
        yield lamp


@pytest.fixture(scope="module")
def chromium():
    """One browser for all pages."""
    with a_browser() as browser:
        yield browser


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off_and_nothing_is_said_twice(lamp, chromium, scheme):
    """
    The page is as wide as the screen; three answers that are alike rewrite nothing.
    """
    OUTPUT.mkdir(exist_ok=True)
    page = chromium.new_page(viewport={"width": 400, "height": 800}, color_scheme=scheme, is_mobile=True)
    page.goto(lamp.url)
    page.locator("#records tr").first.wait_for()
    assert 400 == page.evaluate("document.documentElement.scrollWidth")
    page.evaluate(MARK)
    for _ in range(3):
        with page.expect_response("**/status"):
            pass
    assert [] == page.evaluate("window.seen")
    page.screenshot(path=OUTPUT / f"device-{scheme}.png", full_page=True)
    page.close()


@pytest.mark.slow
def test_a_hand_updates_pulls_the_plug_and_commits(lamp, chromium, tmp_path):
    """
    Cut on its trial the new image is given up; with a commit it stays; without power only the bench answers.
    """
    (tmp_path / "fw.zip").write_bytes(GOOD)
    page = chromium.new_page(viewport={"width": 400, "height": 800}, is_mobile=True)
    page.goto(lamp.url)
    state, summary, answer = page.locator("#state"), page.locator("#summary"), page.locator("#answer")
    slot = page.locator(".owner", has_text="slot 1 app")
    page.set_input_files("input[type=file]", tmp_path / "fw.zip")
    page.get_by_role("button", name="Upload").click()
    expect(summary).to_contain_text("Version 2 in slot 1, not committed, 60 s to do so")
    expect(answer).to_have_text("Upload: Update applied, finalizing")
    expect(slot).to_have_text("slot 1 app 1 part-written, 1 erased")

    page.get_by_role("button", name="Pull the plug").click()
    expect(state).to_have_text("no power")
    expect(page.get_by_role("button", name="Power on")).to_be_focused()
    page.get_by_role("button", name="Commit").click()
    expect(answer).to_have_text("Commit: no answer, the connection broke off")
    page.screenshot(path=OUTPUT / "device-off.png", full_page=True)
    page.get_by_role("button", name="Power on").click()
    expect(summary).to_contain_text("Version 1 in slot 0, committed")
    expect(slot).to_have_text("slot 1 app 1 stale, 1 erased")

    page.get_by_role("button", name="Upload").click()
    expect(summary).to_contain_text("Version 2 in slot 1, not committed")
    page.get_by_role("button", name="Commit").click()
    expect(summary).to_contain_text("Version 2 in slot 1, committed")
    expect(page.locator("#log")).to_contain_text("Power off: the plug is pulled")
    page.close()


def test_an_upload_that_meets_no_power_gets_no_answer(lamp):
    """
    Its connection is closed in the middle, as by a device that is gone.
    """
    link = half_an_upload(lamp.url)
    lamp.wait_for(state="updating")
    assert (200, "The plug is pulled") == lamp._ask("/power/off", b"")
    with link:
        assert b"" == received(link)
    assert "off" == lamp.status()["state"]
    with pytest.raises(OtalabError, match="does not answer"):
        lamp.commit()
    lamp._ask("/power/on", b"")
    lamp.settled()


def received(link):
    try:
        return link.recv(100)
    except ConnectionError:
        return b""


def test_its_colours_are_those_of_the_palette():
    """
    A floor below the palette, it cannot ask for them.
    """
    text = (ROOT / "otalab" / "wire" / "http" / "device.html").read_text(encoding="utf-8")
    own = {name: (light, dark) for name, light, dark in re.findall(r"--([a-z0-9-]+): light-dark\((.*?), (.*?)\)", text)}
    for ground in (0, 1):
        named = dict(style._named(ground))
        assert {name: named[name] for name in own} == {name: pair[ground] for name, pair in own.items()}
    assert {"boot", "record", "state", "slot-0", "slot-1", "slot-2", "factory", "files", "free", "bad"} == {*own}

"""The player in a real browser: JupyterLab, Jupyter Notebook, Voilà, and a page from a file.

Screenshots are left in `test-output/`.
"""

import shutil
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from browsing import CHROMIUM, OUTPUT, SECONDS, Server, a_browser, evaluate, jupyter, of_the_machine, opened, value_of
from playwright.sync_api import expect

from otalab.views.player.widget import UpdatePlayer

ROOT = Path(__file__).parents[2]
NAME = "02_update_step_by_step.ipynb"
NOTEBOOK = ROOT / "notebooks" / NAME

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def chromium():
    """
    One browser for all pages.
    """
    with a_browser() as browser:
        yield browser


@pytest.fixture
def page(chromium):
    """
    A page; what the console says of our module is kept in `said`.
    """
    page = chromium.new_page(viewport={"width": 1300, "height": 1400})
    page.set_default_timeout(SECONDS * 1000)
    page.said = []

    def hear(message):
        if not of_the_machine(message):
            page.said.append(f"{message.type}: {message.text} {message.location}")

    page.on("console", hear)
    page.on("pageerror", lambda error: page.said.append(f"error: {error.stack}"))
    yield page
    page.close()


def ours(page):
    """
    Return what the console said of the player: from the place where it was loaded, or by name.
    """
    marks = ("blob:", "anywidget", "otalab")
    loud = [line for line in page.said if line.startswith(("error", "warning"))]
    return [line for line in loud if any(mark in line for mark in marks)]


def shoot(page, name):
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / f"{name}.png")


def wait_for_step(page, step):
    """
    Wait until the kernel has been told of a position, which it is once the hand rests.
    """
    end = time.monotonic() + SECONDS
    while str(step) != (told := evaluate(page, "print(player.step)").strip()):
        assert time.monotonic() < end, told


@pytest.fixture
def served(lab):
    """
    The server of JupyterLab, with the notebook as it is stored.
    """
    shutil.copy(NOTEBOOK, lab.notebooks)
    return lab


def test_in_jupyterlab_a_hand_steps_cuts_and_recovers(page, served):
    """
    Buttons and keys step; a cut at the switch and a tear lead to the recovered end; a cell reads it all back.
    """
    player = opened(page, served, "lab/tree", NAME)
    player.get_by_label("follow the cells").check()
    value_of(
        page,
        "player.image, player.design = 'healthy', 'hardened'; player.cuts = []; player.goto('switch'); player.step",
    )
    player.scroll_into_view_if_needed()
    where, sentence = player.locator(".where"), player.locator(".sentence")
    expect(where).to_have_text("step 159 of 174")

    player.get_by_role("button", name="Step forward").click()
    expect(where).to_have_text("step 160 of 174")
    player.get_by_role("button", name="Step back").click()
    expect(where).to_have_text("step 159 of 174")
    active = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    player.focus()
    page.keyboard.press("ArrowRight")
    expect(sentence).to_contain_text("switch: program 84 bytes")
    shoot(page, "lab-switch")
    page.keyboard.press("Shift+ArrowRight")
    expect(sentence).to_contain_text("Run 0, effect 161, boot")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect(where).to_have_text("step 160 of 174")
    assert active == page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")

    player.get_by_role("button", name="Cut here").click()
    expect(player.locator(".cutting")).to_be_visible()
    expect(player.locator(".cutting")).to_contain_text("23,668 different things")
    shoot(page, "lab-cut")
    keeps_its_focus(page, player)
    player.locator("[data-tear=prefix-1]").click()
    expect(sentence).to_contain_text("THE POWER FAILS")
    expect(player.locator(".why")).to_contain_text("Record 0 counts")
    shoot(page, "lab-torn")
    # The focus stayed in the player, and what the cut leads to is said.
    expect(player.get_by_role("status")).to_have_text("ends updated after 1 cut")
    page.keyboard.press("End")
    expect(sentence).to_contain_text("The life ends updated")
    shoot(page, "lab-recovered")

    expect(where).to_have_text("step 335 of 335")
    wait_for_step(page, 335)
    assert "([[0, 160, 'prefix-1']], 335, 'updated')" == value_of(page, "player.cuts, player.step, player.end")
    player.scroll_into_view_if_needed()
    player.get_by_role("button", name="Undo last cut").click()
    expect(where).to_have_text("step 160 of 174")
    keeps_its_keys(page, player)
    assert "[]" == value_of(page, "player.cuts")
    assert [] == ours(page)


def keeps_its_focus(page, player):
    """
    The list of tears closes by a key and opens by one; a choice in it leaves the focus where it was made.
    """
    page.keyboard.press("Escape")
    expect(player.locator(".cutting")).to_be_hidden()
    page.keyboard.press("c")
    player.get_by_label("Fault model").focus()
    player.get_by_label("Fault model").select_option("torn-program")
    expect(player.locator(".cutting")).not_to_contain_text("23,668")
    expect(player.get_by_label("Fault model")).to_be_focused()
    player.get_by_label("Fault model").select_option("all")
    expect(player.locator(".cutting")).to_contain_text("23,668 different things")


def keeps_its_keys(page, player):
    """
    After a button that is gone the keys still step, and no other one reaches the notebook.
    """
    page.keyboard.press("ArrowRight")
    expect(player.locator(".where")).to_have_text("step 161 of 174")
    cells = "() => window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.sharedModel.source)"
    before = page.evaluate(cells)
    for key in ("x", "d", "d", "m", "0", "0"):
        page.keyboard.press(key)
    assert before == page.evaluate(cells)
    expect(page.locator(".jp-Dialog")).to_have_count(0)


def test_a_wish_that_cannot_be_met_is_answered_in_one_line(page, served):
    """
    A tear that does not exist is refused beside the time line, and nothing moves.
    """
    player = opened(page, served, "lab/tree", NAME)
    value_of(page, "player._displays[0]._asked(None, {'ask': 'cut', 'tear': 'nonsense'}, None); 1")

    expect(player.locator(".trouble")).to_contain_text("its only tear is cut, not 'nonsense'")


@pytest.mark.skipif(find_spec("notebook") is None, reason="Jupyter Notebook is not installed")
def test_in_jupyter_notebook_it_steps(page, tmp_path):
    """
    The same widget in Jupyter Notebook 7.
    """
    server = jupyter(tmp_path, [NOTEBOOK], ["notebook"], "JupyterNotebookApp.expose_app_in_browser")
    try:
        player = opened(page, server, "notebooks", NAME)
        player.focus()
        page.keyboard.press("Home")
        player.get_by_role("button", name="Step forward").click()
        expect(player.locator(".where")).to_contain_text("step 1 of")
        shoot(page, "notebook")
        assert [] == ours(page)
    finally:
        server.stop()


@pytest.mark.skipif(find_spec("voila") is None, reason="Voilà is not installed")
def test_under_voila_it_steps(page, tmp_path):
    """
    The same widget in a page without code.
    """
    server = Server(tmp_path, [NOTEBOOK], "voila", f"{{root}}/{NAME}", "--no-browser", "--port={port}")
    try:
        server.wait("/voila/static/voila.js")
        page.goto(server.base)
        player = page.locator(".otalab-player").first
        expect(player.locator(".records table").first).to_be_visible(timeout=SECONDS * 1000)
        player.focus()
        page.keyboard.press("Home")
        player.get_by_role("button", name="Step forward").click()
        expect(player.locator(".where")).to_contain_text("step 1 of")
        shoot(page, "voila")
        assert [] == ours(page)
    finally:
        server.stop()


MODEL = """
  const text = (id) => document.getElementById(id).textContent, heard = {}, saved = [], sent = window.sent = [];
  const bytes = (base64) => new DataView(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
  const traits = JSON.parse(text("traits"));
  for (const name of ["trace", "recovery"]) traits[name] = bytes(traits[name]);
  const model = {
    get: (name) => traits[name],
    set: (name, value) => {
      const old = traits[name];
      traits[name] = value;
      if (old !== value) (heard[`change:${name}`] ?? []).forEach((what) => what());
    },
    on: (name, what) => (heard[name] ??= []).push(what), off() {}, send: (what) => sent.push(what),
    save_changes: () => saved.push(traits.step),
  };
  const player = (await import(URL.createObjectURL(new Blob([text("module")], { type: "text/javascript" })))).default;
"""
OLD_NEWS = (
    f"async () => {{ {MODEL}"
    """
  const lines = [];
  const shown = [document.createElement("div"), document.createElement("div")];
  document.body.replaceChildren(...shown);
  const ends = await Promise.all(shown.map((el) => player.render({ model, el })));
  const say = () => lines.push(shown.map((el) => el.querySelector(".where").textContent.split(" ")[1]).join(" "));
  while (shown.some((el) => !el.querySelector(".where").textContent)) await new Promise(requestAnimationFrame);
  const [one, other] = shown.map((el) => el.querySelector("[aria-label='Step forward']"));
  one.click(); one.click(); say();
  model.set("step", 1); say();  // the kernel says where the hand was before
  other.click(); say();  // a hand in the other view is no old news
  ends.forEach((end) => end());  // the kernel is told
  return [...lines, ...saved];
}"""
)


def test_old_news_of_the_kernel_does_not_move_a_hand_back(page, tmp_path):
    """
    A kernel that is slow says of a step that it has come, when the hand is further: neither view of the player moves.
    """
    UpdatePlayer("hardened", "tiny").html(tmp_path / "page.html")
    page.goto((tmp_path / "page.html").as_uri())

    assert ["2 2", "2 2", "3 3", 3, 3] == page.evaluate(OLD_NEWS)


WITH_KERNEL = (
    f"async () => {{ {MODEL}"
    """
  const shown = document.createElement("div");
  document.body.replaceChildren(shown);
  await player.render({ model, el: shown });
}"""
)


def test_the_bolt_is_dragged_and_cuts_where_it_is_let_go(page, tmp_path):
    """
    By mouse and by keyboard, leaving what ends worst; Escape and a mere click cut nothing; each end has its sign.
    """
    player = UpdatePlayer("single-record", "tiny", faults="torn-erase")
    player.foresee()
    player.goto("switch")
    player.html(tmp_path / "page.html")
    page.goto((tmp_path / "page.html").as_uri())
    expect(page.locator(".bolt")).to_be_hidden()  # a recording cuts nothing, and says how cuts end all the same
    expect(page.locator(".outcomes li").first).to_contain_text("bricked:")
    page.evaluate(WITH_KERNEL)
    bolt, where = page.get_by_role("slider", name="Bolt"), page.locator(".where")
    here = f"step {player.step} of {len(player.life) - 1}"
    expect(where).to_have_text(here)
    assert player.cut_ends["ends"] == page.locator(".ends .legend span").all_text_contents()
    shoot(page, "bolt")

    box = bolt.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(x, y)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 200, y, steps=4)
    expect(where).not_to_have_text(here)
    page.keyboard.press("Escape")
    expect(where).to_have_text(here)
    page.mouse.up()
    assert [] == asked_to_cut(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 3 * box["width"], y, steps=4)
    page.mouse.up()
    (mouse,) = asked_to_cut(page)
    assert mouse["step"] > player.step
    assert mouse["tear"] == worst_tear(player, mouse["step"])
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert mouse["step"] - 1 == asked_to_cut(page)[-1]["step"]
    assert str(mouse["step"] - 1) == bolt.get_attribute("aria-valuenow")
    assert worst_tear(player, mouse["step"] - 1) == asked_to_cut(page)[-1]["tear"]
    assert [] == page.said


def asked_to_cut(page):
    return [one for one in page.evaluate("window.sent") if one.get("ask") == "cut"]


def worst_tear(player, step):
    (_, _, _, (label, *_)), *_ = player.cut_ends["patterns"][player.cut_ends["at"][step]]
    return label


def test_a_page_from_a_file_steps_along_a_history_to_its_end(page, tmp_path):
    """
    No kernel, no server, no network: the counterexample is stepped through, and cutting is refused.
    """
    player = UpdatePlayer("mongoose", "tiny", faults="torn-program", cuts=[[0, 160, "prefix-1"]])
    player.html(tmp_path / "page.html")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "page.html").as_uri())

    expect(page.locator(".sentence")).to_contain_text("THE POWER FAILS")
    page.locator(".otalab-player").focus()
    page.keyboard.press("End")
    expect(page.locator(".sentence")).to_contain_text("The life ends bricked")
    expect(page.get_by_role("button", name="Cut here")).to_be_disabled()
    shoot(page, "page")
    assert {"file", "blob"} >= {url.partition(":")[0] for url in asked}
    assert [] == page.said


def test_hands_without_a_mouse_reach_everything(page, tmp_path):
    """
    The map's sectors, play and pause, and both ends are a key away, and each part has a name.
    """
    UpdatePlayer("hardened", "tiny").html(tmp_path / "page.html")
    page.goto((tmp_path / "page.html").as_uri())
    page.locator(".otalab-player").focus()

    page.keyboard.press("End")
    expect(page.locator(".where")).to_have_text("step 174 of 174")
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator(".where")).not_to_have_text("step 0 of 174")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()

    flash = page.get_by_role("slider", name="Sector of the flash map")
    flash.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".title")).to_contain_text("sector 1 at 0x001000, record 0, whole, held")
    expect(flash).to_have_attribute("aria-valuenow", "1")
    page.keyboard.press("Escape")
    expect(page.locator(".title")).not_to_contain_text("held")
    nameless = page.locator(
        "button:not([aria-label]), select:not([aria-label]), canvas:not([aria-label], [aria-hidden=true])"
    )
    assert ["Copy as code", "Save for replay"] == nameless.all_text_contents()
    line = page.get_by_role("slider", name="Time line of effects")
    expect(line).to_have_attribute("aria-valuetext", page.locator(".sentence").text_content())


def test_the_screen_shows_the_bytes_of_the_step(page, tmp_path):
    """
    Forward, back and at random, the rows in sight are those of the flash in Python.
    """
    player = UpdatePlayer("hardened", "tiny", cuts=[[0, 159, "zeros"]])
    player.html(tmp_path / "page.html")
    page.goto((tmp_path / "page.html").as_uri())
    page.locator(".otalab-player").focus()
    expect(page.locator(".sentence")).to_contain_text("Left: zeros.")
    keys = ["ArrowRight", "Shift+ArrowRight", "ArrowLeft", "End", "ArrowLeft", "Home", "End", "Shift+ArrowLeft"]

    for key in keys:
        page.keyboard.press(key)
        player.step = int(page.locator(".where").text_content().split()[1])
        assert player.sentence == page.locator(".sentence").text_content()
        assert player.why == page.locator(".why").text_content()
        assert player.log == [line for line in page.locator(".log").text_content().splitlines() if line[:4] != "run "]
        for row in page.locator(".rows").text_content().splitlines():
            address, data = int(row[:6], 16), bytes.fromhex(row[6:56])
            assert player.flash.read(address, 16) == data, (key, row)

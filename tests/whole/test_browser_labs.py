"""The two labs of notebook 03, in a real JupyterLab and a real browser, by mouse and by keyboard."""

import pytest
from browsing import OUTPUT, ROOT, evaluate, run_in_lab, theme

pytestmark = [pytest.mark.browser, pytest.mark.slow]
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
NOTEBOOK = ROOT / "notebooks" / "03_boot_records.ipynb"


CELLS = """() => {
  const { content } = window.jupyterapp.shell.currentWidget;
  const all = content.widgets.map(({ model }) => `${model.type} ${model.sharedModel.source}`);
  return [content.activeCellIndex, ...all];
}"""


@pytest.fixture(scope="module")
def page(lab):
    """The notebook, run to its end; what its modules complain of stands in `page.complaints`."""
    with run_in_lab(lab, NOTEBOOK, 1500, 1000) as page:
        yield page


@pytest.fixture
def sequencer(page):
    lab = page.locator(".otalab-seq")
    lab.scroll_into_view_if_needed()
    lab.locator("[data-do=reset]").click()
    lab.get_by_label("Design").select_option("hardened")
    sync_api.expect(lab.locator(".reason")).to_contain_text("Record 1 counts: its sequencer 2**64-3")
    return lab


@pytest.fixture
def race(page):
    lab = page.locator(".otalab-race")
    lab.scroll_into_view_if_needed()
    return lab


def test_buttons_break_and_mend(page, sequencer):
    """
    Each button does what it says, and the sentence follows.
    """
    reason, second = sequencer.locator(".reason"), sequencer.locator("[data-place='1']")
    for name, expected in [
        ("erase1", "Record 0 counts: record 1 is erased"),
        ("zero1", "Record 0 counts: record 1 is invalid (its CRC-32 does not match"),
        ("reset", "Record 1 counts"),
        ("swap", "Record 0 counts: its sequencer 2**64-3"),
        ("equal", "Record 0 counts: both sequencers are 2**64-3"),
        ("near_zero", "Record 1 counts: its sequencer 1 is smaller than 2"),
        ("wrapped", "Record 0 counts: its sequencer 1 is smaller than 2**64-2"),
        ("reset", "Record 1 counts"),
        ("write", "Record 0 counts: its sequencer 2**64-4"),
    ]:
        sequencer.locator(f"[data-do={name}]").click()
        sync_api.expect(reason).to_contain_text(expected)
    sequencer.locator("[data-do=reset]").click()
    second.locator(".kept").fill("12")
    second.locator("[data-do=tear1]").click()
    sync_api.expect(reason).to_contain_text("and its last 72 of 84 bytes are erased")
    sequencer.screenshot(path=OUTPUT / "sequencer-torn.png")
    sequencer.get_by_label("Design").select_option("mongoose")
    sync_api.expect(reason).to_contain_text("nothing guards them")
    assert "mongoose 1" == evaluate(page, "print(lab.design, lab.selected)").strip()
    sequencer.screenshot(path=OUTPUT / "sequencer-mongoose.png")


def test_a_byte_is_edited_by_keyboard_alone(page, sequencer):
    """
    Tab and arrows lead to a byte, two digits change it, and the kernel has it.
    """
    grid = sequencer.locator("[data-place='1'] [role=grid]")
    sequencer.locator("[data-place='1'] .kept").focus()
    page.keyboard.press("Tab")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    assert "byte 8, active, 01" == page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.type("0")
    page.keyboard.type("0")
    sync_api.expect(grid.locator("[data-offset='8']")).to_contain_text("00")
    sync_api.expect(sequencer.locator(".reason")).to_contain_text("record 1 is invalid (its CRC-32 does not match")
    # The next byte has the focus, though all of them were drawn anew.
    assert "9" == page.evaluate("document.activeElement.dataset.offset")
    assert "0" == evaluate(page, "print(lab.second[8])").strip()


def test_news_between_two_digits_wipes_none(page, sequencer):
    """
    What was typed of a byte stays while the kernel tells of the other record; another byte lets go of it.
    """
    byte = sequencer.locator("[data-place='1'] [data-offset='8']")
    byte.click()
    page.keyboard.type("0")
    sync_api.expect(byte).to_contain_text("0_")
    evaluate(page, "lab.erase(0)")
    sync_api.expect(sequencer.locator("[data-place='0'] [data-offset='9']")).to_contain_text("ff")
    sync_api.expect(byte).to_contain_text("0_")
    page.keyboard.type("0")
    sync_api.expect(byte).to_contain_text("00")

    page.keyboard.type("1")
    sync_api.expect(sequencer.locator("[data-place='1'] [data-offset='9']")).to_contain_text("1_")
    byte.click()
    sync_api.expect(sequencer.locator("[data-place='1'] [data-offset='9']")).not_to_contain_text("_")


def test_an_edited_field_is_sealed(page, sequencer):
    """
    A new value brings a check that fits; what is no number is told and changes nothing.
    """
    field = sequencer.get_by_label("record 0, sequencer")
    field.fill("2**64-9")
    field.press("Enter")
    sync_api.expect(sequencer.locator(".reason")).to_contain_text("Record 0 counts: its sequencer 2**64-9")
    field = sequencer.get_by_label("record 0, active")
    field.fill("one")
    field.press("Enter")
    sync_api.expect(sequencer.get_by_role("alert")).to_contain_text("'one' is no number")


def test_the_race_is_run_anew(page, race):
    """
    A setting that is changed in the page, or from Python, changes picture and sentence.
    """
    outcome = race.locator(".outcome")
    sync_api.expect(outcome).to_contain_text("update-lost")
    race.screenshot(path=OUTPUT / "race-late.png")
    race.get_by_label("Health check (s)", exact=True).fill("5")
    race.get_by_label("Health check (s)", exact=True).press("Enter")
    sync_api.expect(outcome).to_contain_text("The commit was done 6.09 s")
    race.get_by_label("by hand").check()
    sync_api.expect(outcome).to_contain_text("The commit was done 30.05 s")
    race.screenshot(path=OUTPUT / "race-operator.png")
    race.get_by_label("the image commits itself").check()
    race.get_by_label("The new image").select_option("crashes")
    sync_api.expect(outcome).to_contain_text("does not try it twice")
    race.get_by_label("follow the cells").check()
    evaluate(page, "trial.design = 'mongoose'")
    sync_api.expect(outcome).to_contain_text("for ever")
    sync_api.expect(race.locator("svg > title")).to_contain_text("for ever")
    race.screenshot(path=OUTPUT / "race-mongoose-crashes.png")
    assert "stuck crashes" == evaluate(page, "print(trial.end, trial.temper)").strip()


def test_both_are_readable_in_the_dark(page, sequencer, race):
    """
    In a dark theme the words are light, on dark.
    """
    theme(page, "JupyterLab Dark")
    for name, lab in (("sequencer", sequencer), ("race", race)):
        ink, paper = lab.evaluate("(el) => [getComputedStyle(el).color, getComputedStyle(el).backgroundColor]")
        assert brightness(ink) > 0.7 and brightness(paper) < 0.3
        lab.screenshot(path=OUTPUT / f"{name}-dark.png")


def brightness(colour):
    numbers = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return sum(numbers) / 3 / 255


def test_no_key_reaches_the_notebook(page, sequencer, race):
    """
    Whatever has the focus in a view, the notebook's short cuts of one letter cut, delete and move no cell.
    """
    for used in (sequencer.locator("[data-do=swap]"), sequencer.get_by_label("Design"), race.get_by_label("by hand")):
        used.click() if used.get_attribute("data-do") else used.focus()
        before = page.evaluate(CELLS)
        for key in ("x", "d", "d", "m", "0", "0", "a", "ArrowDown", "Enter", "Escape"):
            page.keyboard.press(key)
        assert before == page.evaluate(CELLS)
        assert 0 == page.locator(".jp-Dialog").count()
    used.focus()
    page.keyboard.press("Control+Shift+c")
    sync_api.expect(page.locator("#modal-command-palette")).to_be_visible()
    page.keyboard.press("Escape")


def test_a_refusal_is_said_again_and_its_field_is_marked(page, sequencer):
    """
    What was typed stays, as what it is: no number.
    """
    field, alert = sequencer.get_by_label("record 0, sequencer"), sequencer.locator(".problem")
    for typed in ("zz", "zzz"):
        field.fill(typed)
        field.press("Enter")
        sync_api.expect(alert).to_contain_text(f"'{typed}' is no number")
        sync_api.expect(field).to_have_attribute("aria-invalid", "true")
        sync_api.expect(field).to_have_value(typed)
    field.fill("7")
    field.press("Enter")
    sync_api.expect(alert).to_have_text("")
    sync_api.expect(field).not_to_have_attribute("aria-invalid", "true")


def test_nobody_complained(page):
    """
    No error and no warning was written to the console by a module of ours, in all of the above.
    """
    assert [] == page.complaints

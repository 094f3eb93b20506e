"""Views come, go and are replaced while they are being made, in a real JupyterLab: no widget loses such a race.

JupyterLab, ipywidgets and anywidget lose some of their own; `Plain`, a widget of one line that goes through the same,
shows which these are.
"""

import nbformat
import pytest
from browsing import NEW_CELL, OUTPUT, evaluate, run_in_lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
NOTEBOOK = "races.ipynb"
MAKERS = '''\
import anywidget
import ipywidgets
import traitlets
from IPython.display import clear_output, display
from otalab.graph.check import check_design
from otalab.views.player.widget import UpdatePlayer
from otalab.views.widgets.commit_timer import CommitTimerLab
from otalab.views.widgets.dashboard import CampaignDashboard
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.sequencer import SequencerLab
cell = check_design("single-record", "atomic", board="tiny", app_size=500)
class Plain(anywidget.AnyWidget):
    _esm = """export default { render({ model, el }) {
        el.className = "otalab-plain";
        const shown = document.createElement("b"), draw = () => { shown.textContent = model.get("value"); };
        el.replaceChildren(shown);
        model.on("change:value", draw);
        draw();
    } }"""
    value = traitlets.Int(0).tag(sync=True)
make = {
    "plain": Plain,
    "dash": lambda: CampaignDashboard("single-record", board="tiny", faults="atomic", engine="chain", devices=500),
    "graph": lambda: CrashGraphView(cell),
    "player": lambda: UpdatePlayer("hardened", "tiny", app_size=500),
    "race": CommitTimerLab,
    "seq": SequencerLab,
}
change = {
    "plain": lambda one: setattr(one, "value", 40),
    "dash": lambda one: (one.run(), one.wait()),
    "graph": lambda one: setattr(one, "node", 1),
    "player": lambda one: (setattr(one, "step", 14), one.cut("before")),
    "race": lambda one: setattr(one, "temper", "hangs"),
    "seq": lambda one: setattr(one, "design", "mongoose"),
}'''
WIDGETS = {
    "plain": ("b", "40"),
    "dash": (".status", "done, 500 of 500 devices"),
    "graph": (".way", "node 1"),
    "player": (".path", "run 0, effect 14: before"),
    "race": (".outcome", "rolled"),
    "seq": (".start", "At the next power-on"),
}
ORDERS = """\
one = make["{name}"]()
for turn in range(8):  # replaced while it is being made
    clear_output(wait=bool(turn % 2))
    display(one)
shown = display(one, display_id=True)
for turn in range(4):  # made anew in its own place
    shown.update(one)
for turn in range(3):  # closed while it is being made, or while it hears of a change
    other = make["{name}"]()
    display(other)
    if turn: change["{name}"](other)
    other.close()
    shown.update(make["{name}"]())
clear_output()
one = one if "{name}" == "plain" else one.display(follows=True)
display(one, one)  # two views of one model, one of which comes into a change
change["{name}"](one)"""
# A view that is there only after its place has gone; a model that is closed before its module has come.
THEIRS = ("Cannot read properties of null (reading 'addWidget')", "[anywidget] Failed to initialize model.")
# A cell that is run twice at once, and one that goes while it is run.
AGAIN = """async () => {
  const { commands } = window.jupyterapp;
  await Promise.all([commands.execute('notebook:run-cell'), commands.execute('notebook:run-cell')]);
  const running = commands.execute('notebook:run-cell');
  await commands.execute('notebook:delete-cell');
  await running;
}"""


@pytest.fixture(scope="module")
def page(lab, tmp_path_factory):
    """A notebook that can make each widget; what the console says of them stands in `page.complaints`."""
    folder = tmp_path_factory.mktemp("races")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(MAKERS)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / NOTEBOOK)
    with run_in_lab(lab, folder / NOTEBOOK, 1400, 1150) as page:
        yield page


@pytest.fixture(autouse=True)
def quiet(page):
    page.complaints.clear()


def ours(page):
    """Return what the browser complains of, but for what it complains of with any widget."""
    return [one for one in page.complaints if not one.startswith(THEIRS)]


def run(page, source):
    assert not [one for one in page.evaluate(NEW_CELL, source) if one["output_type"] == "error"]


def clear(page):
    """Leave no widget on the page."""
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:delete-cell')")
    sync_api.expect(page.locator(".jp-OutputArea-output:has([class*=otalab-])")).to_have_count(0)


@pytest.mark.parametrize("name", WIDGETS)
def test_whatever_the_order_two_views_show_the_same(page, name):
    """Replaced, made anew, closed, shown twice, run twice: at the end both views are whole, and nobody complains."""
    place, words = WIDGETS[name]
    run(page, ORDERS.format(name=name))
    views = page.locator(f".otalab-{name}")
    sync_api.expect(views).to_have_count(2)
    for view in (views.nth(0), views.nth(1)):
        sync_api.expect(view.locator(place)).to_contain_text(words)
    assert views.nth(0).inner_text() == views.nth(1).inner_text()
    page.evaluate(AGAIN)
    sync_api.expect(views).to_have_count(0)

    assert [] == ours(page)


def test_what_is_out_of_sight_may_change(page):
    """A player in a tab that nobody looks at takes a step, and shows it when somebody does."""
    run(page, "hidden = make['player']()\ntabs = ipywidgets.Tab([ipywidgets.Label('first'), hidden])\ntabs")
    player = page.locator(".otalab-player")
    sync_api.expect(player.locator(".end")).to_have_count(1)
    evaluate(page, "hidden.step = 14")
    sync_api.expect(player).to_be_hidden()
    evaluate(page, "tabs.selected_index = 1")
    sync_api.expect(player.locator(".where")).to_contain_text("step 14 of")
    clear(page)

    assert [] == ours(page)


def test_the_last_step_of_a_hand_is_told_though_the_view_goes(page):
    """The kernel hears of it when the view is removed, and nobody is spoken to when the widget was closed."""
    run(page, "one = make['player']()\none")
    player = page.locator(".otalab-player")
    player.get_by_role("button", name="Step forward").click()
    clear(page)
    assert "1" == evaluate(page, "print(one.step)").strip()

    run(page, "two = make['player']()\ntwo")
    sync_api.expect(player.locator(".where")).to_contain_text("step 0 of")
    page.clock.install()
    player.get_by_role("button", name="Step forward").click()
    evaluate(page, "two.close()")
    sync_api.expect(player).to_have_count(0)
    page.clock.run_for(10_000)
    page.clock.resume()

    assert [] == ours(page)


def test_a_widget_whose_kernel_is_gone_says_so(page):
    """In its own line, whatever a hand does to it then; and nothing is thrown."""
    run(page, "for name, one in make.items(): name == 'plain' or display(one())")
    hands = {
        "dash": "[data-do=run]",
        "graph": "g.node[data-node='1']",
        "player": "[aria-label='Cut here']",
        "race": "[data-who=operator]",
        "seq": "[data-do=swap]",
    }
    for name, hand in hands.items():
        sync_api.expect(page.locator(f".otalab-{name} {hand}")).to_be_enabled()
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    for name, hand in hands.items():
        widget = page.locator(f".otalab-{name}")
        sync_api.expect(widget.get_by_role("alert")).to_contain_text("run its cell again")
        widget.locator(hand).click()
        sync_api.expect(widget.get_by_role("alert")).to_contain_text("run its cell again")
        widget.screenshot(path=OUTPUT / f"{name}-gone.png")

    assert [] == ours(page)

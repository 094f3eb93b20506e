"""The campaign dashboard and the crash graph, in a real JupyterLab and a real browser, by mouse and by keyboard."""

import re

import nbformat
import pytest
from browsing import OUTPUT, evaluate, run_in_lab, theme

pytestmark = [pytest.mark.browser, pytest.mark.slow]
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
NOTEBOOK = "widgets.ipynb"
CELLS = [
    """\
from otalab.views.widgets.dashboard import CampaignDashboard
dashboard = CampaignDashboard("single-record", board="tiny", rate="6/hour", faults="atomic")
dashboard""",
    """\
from otalab.graph.check import check_design
from otalab.views.widgets.graph import CrashGraphView
opened = []
view = CrashGraphView(check_design("single-record", "atomic", board="tiny", app_size=3000), on_open=opened.append)
view""",
    """\
large = CrashGraphView(check_design("mongoose", "torn-program", board="tiny", app_size=3000, budget=100))
large""",
]
MIDDLE = """(path) => {
    const at = path.getPointAtLength(path.getTotalLength() / 2).matrixTransform(path.getScreenCTM());
    return [at.x, at.y];
}"""


@pytest.fixture(scope="module")
def page(lab, tmp_path_factory):
    """A notebook with the widgets, run to its end; what the console said of them stands in `page.complaints`."""
    folder = tmp_path_factory.mktemp("dash")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / NOTEBOOK)
    with run_in_lab(lab, folder / NOTEBOOK, 1400, 1150) as page:
        yield page


@pytest.fixture
def dash(page):
    dash = page.locator(".otalab-dash")
    dash.scroll_into_view_if_needed()
    return dash


@pytest.fixture
def graph(page):
    graph = page.locator(".otalab-graph").first
    graph.scroll_into_view_if_needed()
    return graph


def put(dash, name, text):
    dash.locator(f"[data-field={name}]").fill(text)
    dash.locator(f"[data-field={name}]").press("Tab")


def test_a_campaign_runs_to_its_end_and_its_rows_are_in_the_notebook(page, dash):
    """
    A hand chooses and runs; the counts, the curve and the table of the notebook agree.
    """
    dash.locator("[data-field=engine]").select_option("chain")
    put(dash, "devices", "2e5")
    dash.locator("[data-do=run]").click()

    sync_api.expect(dash.locator(".status")).to_have_text("done, 200,000 of 200,000 devices", timeout=60_000)
    dash.locator("[data-watch=bricked]").click()
    sync_api.expect(dash.locator("tr[data-end=bricked]")).to_have_class("watched")
    sync_api.expect(dash.locator("tr[data-end=bricked]")).to_contain_text("exact is inside")
    seen = dash.locator("tr[data-end=bricked] .count").inner_text().replace(",", "")
    assert seen == evaluate(page, "print((dashboard.table.end == 'bricked').sum())").strip()
    assert "bricked: after 200,000 devices" in dash.locator("svg.curve").get_attribute("aria-label")
    dash.screenshot(path=OUTPUT / "dash-light.png")
    theme(page, "JupyterLab Dark")
    dash.screenshot(path=OUTPUT / "dash-dark.png")
    theme(page, "JupyterLab Light")


def test_the_kernel_answers_while_a_campaign_runs_pauses_and_goes_on(page, dash):
    """
    Another cell is answered in the middle of it; a pause holds the numbers still, and the end is that of no pause.
    """
    dash.locator("[data-field=engine]").select_option("firmware")
    put(dash, "devices", "1e6")
    dash.locator("[data-do=run]").click()
    status = dash.locator(".status")
    sync_api.expect(status).to_have_text(re.compile(r"running, [1-9]"))

    begun, done = evaluate(page, "print(dashboard.state, dashboard.done)").split()
    assert "running" == begun and int(done) < 1_000_000
    dash.locator("[data-do=pause]").click()
    sync_api.expect(status).to_contain_text("paused, ")
    held = evaluate(page, "print(f'{len(dashboard.table):,}')").strip()
    sync_api.expect(status).to_have_text(f"paused, {held} of 1,000,000 devices")
    dash.locator("[data-do=pause]").click()
    sync_api.expect(status).to_contain_text("running, ")
    dash.locator("[data-do=stop]").click()
    sync_api.expect(status).to_contain_text("stopped, ")
    same = "from otalab.numbers.engines.engines import sample; from otalab.numbers.fleet import Fleet; "
    same += "import pandas as pd; "
    same += "first = dashboard.table.head(40); pd.testing.assert_frame_equal("
    same += "first, sample(Fleet((dashboard.study,)), 'firmware', 1, 0, len(first))); print('same', len(first) > 0)"
    assert "same True" == evaluate(page, same).strip()


def test_what_was_typed_wrong_is_answered_in_one_line(page, dash):
    """
    No traceback, nothing runs, and the line goes when it is mended.
    """
    problem = dash.locator(".problem")
    put(dash, "devices", "many")
    sync_api.expect(problem).to_contain_text("devices: a whole number is needed")
    put(dash, "devices", "1000")
    put(dash, "rate", "often")
    dash.locator("[data-do=run]").click()
    sync_api.expect(problem).to_contain_text("rate 'often'")
    dash.screenshot(path=OUTPUT / "dash-problem.png")
    put(dash, "rate", "us-2022")
    sync_api.expect(problem).to_be_hidden()
    sync_api.expect(dash.locator(".meaning")).to_contain_text("one in")


def test_a_node_is_opened_by_mouse_and_by_keyboard(page, graph):
    """
    Hovering says what a power-on finds; a click and Enter set the traits and call back with the cuts.
    """
    graph.locator("g.node[data-node='2']").hover()
    sync_api.expect(graph.locator(".words")).to_contain_text("Left in peace: bricked; no valid boot record")
    graph.locator("g.node[data-node='2']").click()
    sync_api.expect(graph.locator(".way")).to_contain_text('cuts=[[0,136,"after"]]')
    graph.screenshot(path=OUTPUT / "graph-light.png")
    assert (
        "2 [[0, 136, 'after']] [[[0, 136, 'after']]]"
        == evaluate(page, "print(view.node, view.history, opened)").strip()
    )

    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    sync_api.expect(graph.locator(".way")).to_contain_text("node 0")
    assert "0 [] 2" == evaluate(page, "print(view.node, view.history, len(opened))").strip()
    theme(page, "JupyterLab Dark")
    graph.screenshot(path=OUTPUT / "graph-dark.png")
    theme(page, "JupyterLab Light")


def test_an_edge_has_words(page, graph):
    """
    Hovering over an arrow says what it is made of.
    """
    line = graph.locator("g.edge[data-source='0'][data-target='2'] path.hit")
    page.mouse.move(*line.evaluate(MIDDLE))

    sync_api.expect(graph.locator(".words")).to_contain_text("Cut, node 0 to node 2")


def test_a_large_graph_is_opened_by_its_groups(page):
    """
    A group lists its nodes, and each of them can be opened.
    """
    graph = page.locator(".otalab-graph").nth(1)
    graph.scroll_into_view_if_needed()
    graph.get_by_role("button", name="1 cut, bricked").click()
    graph.locator("[data-open='2']").click()

    sync_api.expect(graph.locator(".words")).to_contain_text("names slot 255")
    graph.screenshot(path=OUTPUT / "graph-large.png")
    assert "2 [[0, 137, 'prefix-1']]" == evaluate(page, "print(large.node, large.history)").strip()


def test_nothing_was_complained_of(page):
    """
    No error and no warning of ours in the console.
    """
    assert [] == page.complaints

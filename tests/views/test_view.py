"""What all views share: displays with places of their own, answers, and pictures for whoever has no kernel."""

import gc
import re
import threading
import weakref
from secrets import token_hex

import ipywidgets.widgets.widget as registry
import pytest

from otalab.graph.check import check_design
from otalab.views import view as view_module
from otalab.views.player import UpdatePlayer
from otalab.views.widgets.commit_timer import CommitTimerLab
from otalab.views.widgets.dashboard import CampaignDashboard
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.sequencer import SequencerLab


def a_graph():
    return CrashGraphView(check_design("single-record", "atomic", board="tiny", budget=20, app_size=3000), node=0)


def moved_graph(view):
    view.node = 1


def moved_player(player):
    player.cuts = [[0, 160, "before"]]


KINDS = {
    "player": (lambda: UpdatePlayer("mongoose", "tiny"), moved_player),
    "records": (SequencerLab, SequencerLab.swap),
    "race": (CommitTimerLab, lambda lab: setattr(lab, "health_seconds", 61.0)),
    "graph": (a_graph, moved_graph),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def place(view):
    return {name: getattr(view, name) for name in view.PLACE}


@each_kind
def test_a_display_keeps_its_place(kind):
    """
    What the cells do later does not change what stands beside an earlier one.
    """
    make, move = KINDS[kind]
    view = make()
    shown, before = view.display(), place(view)
    assert before == place(shown)

    move(view)

    assert before == place(shown) != place(view)


@each_kind
def test_a_hand_on_a_display_moves_what_the_cells_hold(kind):
    """
    So a cell can read back what was done by hand; another display stays where it is.
    """
    make, move = KINDS[kind]
    view = make()
    shown, other = view.display(), view.display()
    before = place(view)

    move(shown)

    assert place(shown) == place(view) != before == place(other)


@each_kind
def test_a_display_that_follows_goes_where_the_cells_go(kind):
    """
    And where a hand on another display goes; it stops when it is asked to.
    """
    make, move = KINDS[kind]
    view = make()
    shown, other = view.display(follows=True), view.display()

    move(other)
    assert place(other) == place(view) == place(shown)

    late = view.display()
    before = place(late)
    late.follows = True
    shown.follows = False
    view._stand(make())
    assert place(view) == place(late) != before == place(shown)


def test_a_display_of_the_player_shows_what_its_own_place_shows():
    """
    Design, image and cuts of one display say nothing of another; each caption names what is played.
    """
    player = UpdatePlayer("mongoose", "tiny")
    first = player.display()
    player.design, player.image = "hardened", "hangs"
    second = player.display()
    player.cuts = [[0, 160, "prefix-20"]]

    assert "mongoose on tiny, image healthy, fault model all" == first.caption
    assert "hardened on tiny, image hangs, fault model all" == second.caption
    assert ([], []) == (first.cuts, second.cuts)
    second.cut_here()
    second.goto("switch")
    assert (second.step, second.sentence, second.why) == (player.step, player.sentence, player.why)
    assert first.trace != second.trace == player.trace


@pytest.mark.parametrize("kind", [*KINDS, "dashboard"])
def test_whatever_is_asked_is_answered(kind):
    """
    Who hears nothing is told that nobody is there, so somebody who is there says so.
    """
    view = CampaignDashboard(board="tiny") if kind == "dashboard" else KINDS[kind][0]()
    said = []
    view.send = lambda content, buffers=None: said.append(content)

    view._handle_custom_msg({}, [])

    assert [{"answered": True}] == said


@pytest.mark.parametrize("kind", [*KINDS, "dashboard"])
def test_a_notebook_keeps_a_picture_with_words(kind):
    """
    Beside the view stands what was seen, as HTML that asks for nothing, and as text; nothing in it is taken for markup.
    """
    view = CampaignDashboard(board="tiny") if kind == "dashboard" else KINDS[kind][0]()

    kept, _ = view._repr_mimebundle_()

    assert "application/vnd.jupyter.widget-view+json" in kept
    assert kept["text/plain"].splitlines()[0] in re.sub("<[^>]+>", "", kept["text/html"])
    assert not re.search(r"<script|<link|https?:|\son\w+=", kept["text/html"])
    assert all("aria-label=" in svg for svg in re.findall("<svg[^>]*>", kept["text/html"]))


def test_two_threads_that_tell_the_browser_lose_nothing(monkeypatch):
    """
    A kernel hears a cell and a browser at the same time: what one changes while the other is telling is told as well.
    """
    lab, told = CommitTimerLab(), {}
    changed, all_told = threading.Event(), threading.Event()

    def change_too():
        with lab.hold_sync():
            lab.health_seconds = 9.0
            changed.set()
            all_told.wait()

    other = threading.Thread(target=change_too)

    def send(message, buffers=None):
        told.update(message.get("state", {}))
        if not other.ident:
            other.start()
            changed.wait(0.3)  # for nothing, where the other one has to wait for its turn

    monkeypatch.setattr(lab, "_send", send)
    with lab.hold_sync():
        lab.health_seconds = 8.0
    all_told.set()
    other.join()

    assert 9.0 == told["health_seconds"]


class Cells:
    """
    A kernel, as far as views ask it: which cell runs, in which run.
    """

    def __init__(self, monkeypatch):
        self.kernel, self.parent = self, {}
        monkeypatch.setattr(view_module, "get_ipython", lambda: self)

    def get_parent(self, _channel):
        return self.parent

    def run(self, cell):
        self.parent = {"metadata": {"cellId": cell}, "header": {"msg_id": token_hex(4)}}


def kept():
    """
    How many widgets the kernel keeps for pages.
    """
    return len(registry._instances)


def shown(view):
    view._repr_mimebundle_()
    return view


@each_kind
def test_what_is_closed_leaves_nothing(kind):
    """
    A view, its displays and what each was made with are kept for a page no longer, and by nobody else.
    """
    before = kept()
    view = shown(KINDS[kind][0]())
    gone = [weakref.ref(one) for one in (view, *view._displays)]
    assert before < kept()

    view.close()
    assert before == kept()
    del view
    gc.collect()
    assert [None, None] == [one() for one in gone]


@each_kind
def test_a_cell_that_runs_again_lets_go_of_what_it_showed(kind, monkeypatch):
    """
    However often it runs, there is one view of it and one display.
    """
    cells, counts = Cells(monkeypatch), []
    for _ in range(3):
        cells.run("a")
        shown(KINDS[kind][0]())
        counts.append(kept())

    assert 1 == len(set(counts))


def test_what_stands_below_another_cell_stays(monkeypatch):
    """
    It goes when that cell is run again, or closed by hand.
    """
    cells = Cells(monkeypatch)
    cells.run("a")
    view = UpdatePlayer("mongoose", "tiny")
    cells.run("b")
    shown(view)
    (display,) = view._displays
    cells.run("a")
    UpdatePlayer("mongoose", "tiny")

    assert display.comm is not None is not view.comm
    cells.run("b")
    shown(view)
    assert display.comm is None
    assert 1 == len(view._displays)


def test_players_of_one_scenario_share_what_was_played():
    """
    Lives and tapes are there once for all of them, with cuts and without, and as long as one of them is.
    """
    one, two = (UpdatePlayer("single-record", "tiny") for _ in range(2))
    assert one.life is two.life
    assert one.trace is two.trace
    for player in (one, two):
        player.cuts = [[0, 160, "before"]]
    assert one.life is two.life
    assert one.recovery is two.recovery
    other = UpdatePlayer("single-record", "tiny", image="hangs")
    assert other.life is not UpdatePlayer("single-record", "tiny").life

    lived = weakref.ref(one.life)
    one.close()
    two.close()
    del one, two, player
    gc.collect()
    assert lived() is None

"""What answers in a tab says what an installation says: the same verdicts, the same lives, the same bytes."""

import json
from base64 import b64decode
from functools import cache
from itertools import takewhile

from tab import BOARDS, said_without_packages

from otalab.graph.check import check_design
from otalab.views.player.linked import player_at
from otalab.views.player.widget import UpdatePlayer
from otalab.views.widgets.graph import CrashGraphView

BARE = str(BOARDS / "tiny-bare.toml")
PLAYED = {"do": "player", "design": "mongoose", "board": "tiny-bare", "faults": "all", "image": "healthy"}
ASKED = [
    {"do": "check", "design": "in-place", "board": "tiny-bare", "faults": "atomic", "image": "healthy", "nodes": "90"},
    {"do": "custom", "view": "graph", "content": {"open": 2}},
    {"do": "check", "design": "in-place", "board": "lab-1M", "faults": "atomic", "image": "healthy", "nodes": "90"},
    {"do": "check", "design": "in-place", "board": "tiny-bare", "faults": "atomic", "image": "healthy", "nodes": "x"},
    {"do": "check", "design": "hardened", "board": "tiny-bare", "faults": "torn-erase", "image": "healthy",
     "nodes": "90", "design_page": 'name = "mine"\nsummary = "a design of mine"\n'},
    {"do": "check", "design": "hardened", "board": "tiny-bare", "faults": "atomic", "image": "healthy", "nodes": "90",
     "design_page": 'name = "mine"\nsummary = "a design of mine"\ncolour = "blue"\n'},
    PLAYED,
    {"do": "state", "view": "player", "content": {"step": 9}},
    {"do": "custom", "view": "player", "content": {"ask": "cut", "step": 9, "tear": "after"}},
    PLAYED | {"design": "hardened"},
    {"do": "custom", "view": "player", "content": {"ask": "ends"}},
]  # fmt: skip
TAB = """
import json
from base64 import b64encode
from pathlib import Path
from otalab.views.site.tab import Tab

def post(text, buffers):
    print(json.dumps([text, [b64encode(one).decode() for one in buffers]]))

tab = Tab(post, Path(sys.argv[2]))
for asked in json.loads(sys.argv[1]):
    tab.hear(json.dumps(asked))
"""


@cache
def said(folder):
    """
    What the tab said to all that was asked, with its bytes.
    """
    messages = []
    for line in said_without_packages(TAB, json.dumps(ASKED), folder):
        text, buffers = json.loads(line)
        message = json.loads(text)
        for name, bytes64 in zip(message.get("bytes", []), buffers, strict=True):
            message["state"][name] = b64decode(bytes64)
        messages.append(message)
    return messages


def of_kind(tmp_path_factory, kind):
    folder = str(tmp_path_factory.getbasetemp())
    return [message for message in said(folder) if message["kind"] == kind]


def states(tmp_path_factory, view):
    """
    What a view told the page of itself, first all of it.
    """
    return [message["state"] for message in of_kind(tmp_path_factory, "state") if message["view"] == view]


def test_a_check_says_what_an_installation_says(tmp_path_factory):
    """
    The whole cell, and a link to its counterexample.
    """
    broken, proved = of_kind(tmp_path_factory, "cell")
    expected = check_design("in-place", "atomic", board=BARE).as_object()
    names = ("verdict", "ends", "states", "transitions", "wrecks")
    assert [expected[name] for name in names] == [broken["cell"][name] for name in names]
    assert expected["counterexample"]["cuts"] == broken["cell"]["counterexample"]["cuts"]
    assert "bricked" in broken["headline"]
    assert broken["link"].startswith("player.html#p=")
    assert ("safe", "", "mine") == (proved["cell"]["verdict"], proved["link"], proved["cell"]["design"].split("@")[0])


def test_the_graph_of_a_check_is_that_of_a_notebook(tmp_path_factory):
    """
    Node by node and way by way, without numpy; a node that is opened has its words, and a link to the player there.
    """
    begun, *later = states(tmp_path_factory, "graph")
    (link,) = [message["link"] for message in of_kind(tmp_path_factory, "node")]
    view = CrashGraphView(check_design("in-place", "atomic", board=BARE))
    for name in ("nodes", "edges", "groups", "layers"):
        assert json.loads(json.dumps(getattr(view, name))) == begun[name]
    assert {"node": 2, "lines": view.tell(2)} == next(state["words"] for state in later if "words" in state)
    view.goto(2)
    there = player_at(link, tmp_path_factory.mktemp("there"))
    assert (view.history, view.choices) == (there.cuts, there.choices)


def test_what_is_wrong_is_one_line(tmp_path_factory):
    """
    A board with littlefs, a number that is none, a page with a key that means nothing.
    """
    lines = [message["text"] for message in of_kind(tmp_path_factory, "trouble")]
    assert all("\n" not in line for line in lines)
    first, second, third = lines
    assert "need an installation" in first
    assert "'x'" in second
    assert "colour" in third


def test_a_player_shows_the_same_bytes_and_does_what_a_hand_asks(tmp_path_factory):
    """
    Its life, a step, and a cut, as in a notebook; each answer says where it stands.
    """
    player = UpdatePlayer("mongoose", BARE)
    begun, *later = states(tmp_path_factory, "player")
    until_another = takewhile(lambda state: "trace" not in state, later)
    now = {name: value for state in until_another for name, value in state.items()}
    assert (player.trace, player.recovery) == (begun["trace"], begun["recovery"])
    player.step = 9
    player.cut("after")
    assert (player.recovery, player.cuts) == (now["recovery"], now["cuts"])
    assert {"answered": True} in [message["custom"] for message in of_kind(tmp_path_factory, "custom")]
    assert 5 == len(of_kind(tmp_path_factory, "link"))


def test_a_player_says_how_cuts_end(tmp_path_factory):
    """
    From the closed graph, as in a notebook, and without numpy.
    """
    shown = states(tmp_path_factory, "player")[-1]["cut_ends"]
    assert json.loads(json.dumps(UpdatePlayer("hardened", BARE).foresee())) == shown

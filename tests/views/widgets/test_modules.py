"""The modules that a browser runs: what all share is there once, in front."""

import re
from pathlib import Path

import pytest

import otalab.views
from otalab.views.player.widget import UpdatePlayer
from otalab.views.widgets.commit_timer import CommitTimerLab
from otalab.views.widgets.dashboard import CampaignDashboard
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.sequencer import SequencerLab

WIDGETS = (UpdatePlayer, CommitTimerLab, CampaignDashboard, CrashGraphView, SequencerLab)
VIEWS = Path(otalab.views.__file__).parent
MAKERS = re.compile(r"createElement(NS)?\(")


@pytest.mark.parametrize("widget", WIDGETS, ids=lambda one: one.__name__)
def test_a_module_makes_elements_in_one_way(widget):
    """
    No name at its top is defined twice: a browser would refuse the whole of it.
    """
    module = str(widget._esm)

    names = re.findall(r"^(?:function|class|const|let) (\w+)", module, re.MULTILINE)
    assert {"element", "drawn", "fill"} <= set(names)
    assert sorted(set(names)) == sorted(names)
    assert 2 == len(MAKERS.findall(module))


def test_no_script_makes_elements_by_itself():
    """
    The one place is `dom.js`.
    """
    assert ["dom.js"] == [path.name for path in VIEWS.rglob("*.js") if MAKERS.search(path.read_text(encoding="utf-8"))]

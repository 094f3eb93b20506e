"""A name that somebody gave a design is text in every view, and no page."""

import importlib
import pkgutil
import re
from dataclasses import replace
from functools import cache

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from otalab import load_design
from otalab.bench.inspection import inspect_records
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.graph.check import check_design
from otalab.numbers.campaigns.wear import survival
from otalab.numbers.study import study
from otalab.summary import Summary
from otalab.views import figures
from otalab.views.figures import graph, laws, race, records, risk, sectors, timeline
from otalab.views.figures.graph import style_verdicts, verdict_table
from otalab.views.figures.shown import as_html, described
from otalab.views.player import UpdatePlayer
from otalab.views.view import View
from otalab.views.widgets.commit_timer import CommitTimerLab
from otalab.views.widgets.dashboard import CampaignDashboard
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.sequencer import SequencerLab

HOSTILE = r"<img src=x onerror=alert(1)><!--<script>$\frac$"


@pytest.fixture(scope="module")
def case():
    return check_design(replace(load_design("hardened"), name=HOSTILE), "atomic", board="tiny")


def live(html):
    """
    Tags of the hostile name that a browser would obey, outside of what is data in a script.
    """
    return re.findall(r"<img src=x", re.sub(r"(?s)<script.*?</script>", "", html))


def test_a_table_of_verdicts_shows_the_name(case):
    """
    In its index, in its columns and in its cells.
    """
    table = verdict_table([case])
    for shown in (table, table.T, table.reset_index()):
        html = style_verdicts(shown).to_html()
        assert [] == live(html)
        assert "&lt;img src=x" in html


def test_an_inspection_shows_a_files_name():
    """
    A record file is called as somebody likes.
    """
    assert [] == live(inspect_records([(HOSTILE, bytes(512))], "cc3200")._repr_html_())


def test_the_page_of_a_player_is_not_broken(tmp_path):
    """
    `<!--<script>` in data would swallow the rest of the page.
    """
    mine, page = tmp_path / "mine.toml", tmp_path / "page.html"
    mine.write_text(replace(load_design("hardened"), name=HOSTILE).toml(), encoding="utf-8")
    UpdatePlayer(str(mine), board="tiny").html(page)
    text = page.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert [] == live(text)


@cache
def design():
    return replace(load_design("hardened"), name=HOSTILE)


@cache
def scenario():
    return set_up(design(), "tiny")


@cache
def lived():
    return life(scenario())


@cache
def weighed():
    return study(design(), 60.0, board="tiny", faults="atomic")


def records_named():
    """
    The bytes of a record, of which one field says what the name says.
    """
    table = records.record_table(design(), bytes(64))
    return table.assign(value=HOSTILE)


SUMMARIES = {
    "CrashGraph": lambda: weighed().graph,
    "Flash": lambda: scenario().flash,
    "Run": lambda: lived().runs[-1],
    "Life": lived,
    "Scenario": scenario,
}
FIGURES = {
    "plot_graph": lambda: graph.plot_graph(weighed().graph),
    "plot_race": lambda: race.plot_race(race.race_table(scenario()), title=HOSTILE),
    "plot_record_bytes": lambda: records.plot_record_bytes(records_named(), title=HOSTILE),
    "plot_convergence": lambda: risk.plot_convergence(risk.convergence_table([(100, 1)]), label=HOSTILE, title=HOSTILE),
    "plot_parts": lambda: risk.plot_parts(risk.part_table({HOSTILE: weighed()}, ["W25Q16JV"]), title=HOSTILE),
    "plot_risk_phases": lambda: risk.plot_risk_phases(risk.risk_phase_table(weighed()), title=HOSTILE),
    "plot_law": lambda: laws.plot_law(pd.DataFrame([under_law()]), title=HOSTILE),
    "plot_sensitivity": lambda: risk.plot_sensitivity(moved(), title=HOSTILE),
    "plot_survival": lambda: risk.plot_survival({HOSTILE: survival(1e-3, 1, 5)}, title=HOSTILE),
    "plot_wear": lambda: risk.plot_wear(worn(), scenario().device.board, title=HOSTILE),
    "plot_sectors": lambda: sectors.plot_sectors(
        sectors.sector_table(scenario().device.board, scenario().flash), title=HOSTILE
    ),
    "plot_phases": lambda: sectors.plot_phases(sectors.phase_table(lived()), title=HOSTILE),
    "plot_timeline": lambda: timeline.plot_timeline(timeline.timeline_table(lived()), title=HOSTILE),
}


def moved():
    """
    What a study says once an input is changed, which somebody gave a name.
    """
    row = {"end": "bad", "p": 1e-6, "p_low": 1e-7, "p_high": 1e-5, "low": 1, "high": 2}
    return pd.DataFrame([row | {"input": HOSTILE}])


def under_law():
    """
    What a law comes to at an end that somebody gave a name.
    """
    return {"end": HOSTILE, "mean": 1e-6, "low": 0.0, "high": 1e-5, "kept": 0.0}


def worn():
    """
    How often each sector of a map is erased, as `wear` says it.
    """
    count = scenario().flash.geometry.sectors
    return pd.DataFrame({"sector": range(count), "owner": HOSTILE, "erases": 1.0, "used": 0.1})


VIEWS = {
    "UpdatePlayer": lambda page: UpdatePlayer(page, board="tiny"),
    "CommitTimerLab": lambda page: CommitTimerLab(design=page),
    "SequencerLab": lambda _page: SequencerLab(design()),
    "CampaignDashboard": lambda page: CampaignDashboard(page, board="tiny"),
    "CrashGraphView": lambda _page: CrashGraphView(weighed()),
}
BASES = {"PlayedView", "CutView"}  # what the player is made of


def kinds(base):
    """
    Every class below one, by its name.
    """
    return {kind for below in base.__subclasses__() for kind in ({below} | kinds(below))}


def test_every_kind_of_page_is_among_those_that_are_tried():
    """
    Values that show themselves as a table, figures, and views.
    """
    modules = [
        importlib.import_module(f"{figures.__name__}.{one.name}") for one in pkgutil.iter_modules(figures.__path__)
    ]
    assert {kind.__name__ for kind in kinds(Summary) if "facts" in vars(kind)} == {*SUMMARIES}
    assert {name for module in modules for name in vars(module) if name.startswith("plot_")} == {*FIGURES}
    assert {kind.__name__ for kind in kinds(View) if not kind.__subclasses__()} >= {*VIEWS}
    assert {kind.__name__ for kind in kinds(View) if kind.__module__.startswith("otalab.")} - {*VIEWS} <= BASES


@pytest.mark.parametrize("kind", SUMMARIES)
def test_a_summary_shows_the_name(kind):
    """
    As text in a table.
    """
    assert [] == live(SUMMARIES[kind]()._repr_html_())


@pytest.mark.parametrize("plot", FIGURES)
def test_a_figure_shows_the_name(plot):
    """
    As text, in what is drawn and in what is said beside it; a dollar begins no formula.
    """
    ax = FIGURES[plot]()
    shown = as_html(ax.figure)
    said = described(ax.figure)
    plt.close(ax.figure)
    assert [] == live(shown)
    assert plot == "plot_graph" or HOSTILE in said


@pytest.mark.parametrize("kind", VIEWS)
def test_a_view_shows_the_name(kind, tmp_path):
    """
    In the picture that a notebook keeps of it.
    """
    page = tmp_path / "mine.toml"
    page.write_text(design().toml(), encoding="utf-8")
    view = VIEWS[kind](str(page))
    kept = view._repr_mimebundle_()[0]["text/html"]
    view.close()
    assert [] == live(kept)

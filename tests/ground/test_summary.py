"""What is large is shown in one line at a prompt, and as a small table in a notebook."""

import pytest

from otalab import check_design, life, set_up
from otalab.bench.recorded import recorded_scenario
from otalab.bench.recording import read_recording, write_recording
from otalab.hardware.flash import Flash, Mark

SCENARIO = set_up("hardened", "lab-1M")


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    lived = life(SCENARIO)
    file = tmp_path_factory.mktemp("recorded") / "update.csv"
    write_recording(life(set_up("hardened", "tiny")), file)
    return {
        "scenario": SCENARIO,
        "recorded": recorded_scenario(read_recording(file), "hardened", "tiny"),
        "life": lived,
        "run": lived.runs[0],
        "step": lived.runs[0].steps[0],
        "flash": SCENARIO.flash,
        "graph": check_design("hardened", "atomic", board="tiny").graph,
        "cell": check_design("hardened", "atomic", board="tiny"),
    }


@pytest.mark.parametrize("name", ["scenario", "recorded", "life", "run", "step", "flash", "graph", "cell"])
def test_a_value_is_shown_in_one_line(values, name):
    """Of a megabyte nobody reads more."""
    shown = repr(values[name])
    assert "\n" not in shown
    assert len(shown) < 400


@pytest.mark.parametrize("name", ["scenario", "life", "flash", "graph"])
def test_a_notebook_shows_a_table_of_the_same_facts(values, name):
    """And what a name holds is text in it."""
    html = values[name]._repr_html_()
    assert all(f"<th style='text-align:left'>{fact}</th>" in html for fact, _ in values[name].facts())


def test_what_is_shown_tells_contents_apart():
    """A flash by its digest, and by its marks."""
    flash = Flash.blank(SCENARIO.flash.geometry)
    other, weak = flash.patched(0, b"\0"), Flash(flash.geometry, flash.sectors, frozenset({Mark(3, "weak")}))
    assert 3 == len({repr(flash), repr(other), repr(weak)})
    assert "marked: weak 3" in repr(weak)

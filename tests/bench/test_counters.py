"""Boundaries of counters: a device is set up where a sequencer is about to pass one."""

from dataclasses import replace

import pytest

from otalab import designs, set_up
from otalab.bench.counters import BEFORE, BOUNDARIES
from otalab.bench.trace import life
from otalab.errors import BadInput
from otalab.firmware.catalogue import load_design
from otalab.firmware.outcome import Running
from otalab.firmware.store import codec, select
from otalab.graph.case import Case
from otalab.graph.check import check_design
from otalab.hardware.chip import Chip

BITS_OF_A_BYTE = 8
# Their records count attempts or nothing.
UNCOUNTED = ("ab-tries", "ab-tries-both", "esp8266", "esp8266-passing", "mcuboot-overwrite")
# Of a sequencer of one byte the byte is all: it has no second one to carry into.
WIDE = [design for design in designs() if codec(load_design(design)).counting.bits > BITS_OF_A_BYTE]
COUNTED = [design for design in WIDE if design not in UNCOUNTED]


def near(design, name, **more):
    return set_up(design, "tiny", app_size=500, sequencer_near=name, **more)


@pytest.mark.parametrize("name", BOUNDARIES)
@pytest.mark.parametrize("design", COUNTED)
def test_a_device_begins_a_few_records_before_a_boundary(design, name):
    """
    The record that counts is the same but for its sequencer, and the update begins.
    """
    what, plain = near(design, name), set_up(design, "tiny", app_size=500)
    device = what.device
    found, was = (select(Chip(device.board, one.flash), device.records) for one in (what, plain))
    counting = device.families[0].codec.counting
    to_go = (what.boundary - found.record.sequencer) * counting.step

    assert (was.place, was.config) == (found.place, found.config)
    kept_back = device.records.reserve if name == "end" else 0
    assert BEFORE <= to_go - kept_back <= BEFORE + device.families[0].codec.stride
    assert isinstance(life(what).last.outcome, Running)


@pytest.mark.parametrize("design", UNCOUNTED)
def test_a_record_without_a_sequencer_has_no_boundary(design):
    """
    Said in one line.
    """
    with pytest.raises(BadInput, match=f"a sequencer near byte: the boot records of {design} have none"):
        near(design, "byte")


@pytest.mark.parametrize("name", [name for name in BOUNDARIES if name != "end"])
def test_the_default_design_passes_every_boundary(name):
    """
    Two updates take it beyond, with any cuts.
    """
    cell = check_design("hardened", "atomic", board="tiny", app_size=500, sequencer_near=name, updates=2)
    assert "safe" == cell.verdict


def test_a_sequencer_that_is_used_up_is_said_to_be():
    """
    The default design keeps eight back, and ends as a device that lives and takes no more updates: with no cut at all.
    """
    cell = check_design("hardened", "atomic", board="tiny", app_size=500, sequencer_near="end", updates=3)
    bad = cell.graph.counterexample
    assert ("not-updatable", []) == (bad.end, bad.cuts)
    assert "Boot sequencer used up" in bad.reason


def test_sixteen_bits_without_a_reserve_lose_a_device_at_their_end():
    """
    The same, where nothing is kept back: it is lost, and not one cut was needed.
    """
    short = replace(load_design("hardened"), name="short", sequencer_bits=16, reserve=0)
    cell = check_design(short, "atomic", board="tiny", app_size=500, sequencer_near="end", updates=2)
    bad = cell.graph.counterexample
    assert ("unsafe", []) == (cell.verdict, bad.cuts)
    assert "Boot sequencer used up" not in bad.reason


def test_an_id_says_where_the_sequencer_was():
    """
    And is read as it was written; no other place than those that there are.
    """
    cell = check_design("hardened", "atomic", board="tiny", app_size=500, sequencer_near="half")
    assert "hardened/tiny/atomic/healthy/until-taken:app=500:near=half" == cell.case.text
    assert cell.case.options == Case.parse(f"{cell.case.text}/-")[0].options
    with pytest.raises(BadInput, match="boundary of a sequencer"):
        near("hardened", "middle")

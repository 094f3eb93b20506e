"""Why a record counts: one sentence, and player, report, labs and `inspect` all say that one."""

from functools import cache

import pytest

from otalab import designs, load_design, run, set_up
from otalab.bench.inspection import inspect_records
from otalab.bench.sector_states import ERASED_STATE, STALE, WHOLE, SectorStates
from otalab.firmware import store
from otalab.firmware.explain import explain
from otalab.firmware.outcome import Bricked
from otalab.formats.records.record import Invalid, Record, counted
from otalab.hardware.chip import Chip
from otalab.hardware.flash import ERASED
from otalab.views.player.records import records, why
from otalab.views.player.widget import UpdatePlayer
from otalab.views.widgets.record_pair import Pair, WrittenPlace, formats

BOARDS = {"esp8266": "esp8266-4M", "esp32": "esp32-4M"}
every_design = pytest.mark.parametrize("design", designs())


@cache
def updated(design):
    """
    A device of the design, and its flash once the update was written.
    """
    what = set_up(design, BOARDS.get(design, "lab-1M"), app_size=3000)
    return what, run(what).flash


def areas(what, flash):
    size = what.device.board.geometry.sector_size
    return [flash.read(area.address, size) for area in what.device.board.records]


def laid(what, flash, first, second):
    sector = what.device.board.geometry.sector_size
    for area, data in zip(what.device.board.records, (first, second), strict=True):
        flash = flash.with_sector(area.address // sector, data[:sector].ljust(sector, bytes([ERASED])))
    return flash


BREAKS = {
    "as updated": lambda one, two, _size: (one, two),
    "turned": lambda one, two, _size: (two, one),
    "the same twice": lambda one, _two, _size: (one, one),
    "the other one twice": lambda _one, two, _size: (two, two),
    "erased": lambda _one, _two, _size: (b"", b""),
    "zeros": lambda one, _two, _size: (bytes(len(one)), bytes(len(one))),
    "the second erased": lambda one, _two, _size: (one, b""),
    "the first torn": lambda one, two, size: (one[: size // 2], two),
    "the second torn": lambda one, two, size: (one, two[: size // 2]),
    "both torn": lambda one, two, size: (one[: size // 3], two[: size // 3]),
}
every_break = pytest.mark.parametrize("broken", BREAKS)


def broken_flash(design, broken):
    what, flash = updated(design)
    size = store.codec(what.device.design).size
    return what, laid(what, flash, *BREAKS[broken](*areas(what, flash), size))


@every_design
@every_break
def test_the_sentence_names_what_the_store_selects(design, broken):
    """
    Its place, or none; and what it says of each place is what the store reads there.
    """
    what, flash = broken_flash(design, broken)
    board, form = what.device.board, store.codec(what.device.design)
    chip = Chip(board, flash)
    selected, found = store.select(chip, what.device.design), store.read(chip, what.device.design)

    told = explain(chip, what.device.design)

    head = "No record counts: " if selected is None else f"Record {selected.place} counts: "
    assert told.reason.startswith(head)
    assert (None if selected is None else selected.place) == told.selected
    assert found == [place.found for place in told.places]
    assert list(store.places(board, what.device.design)) == [place.address for place in told.places]
    for place in told.places:
        assert flash.read(place.address, form.size) == place.data
        if isinstance(place.found, Invalid):
            assert place.found.reason in place.sentence
        else:
            assert place.found.config.summary in place.sentence
            assert (place.number == told.selected) == place.sentence.startswith(f"Record {place.number} counts: ")


@every_design
@every_break
def test_the_player_shows_what_the_store_reads(design, broken):
    """
    Every place that tells something, at its own address, with its own bytes; and what the loader does without a record.
    """
    what, flash = broken_flash(design, broken)
    chip, form = Chip(what.device.board, flash), store.codec(what.device.design)
    told = explain(chip, what.device.design)

    shown = records(what.device, flash)

    assert why(what.device, flash) == shown["why"]
    assert shown["why"].startswith(told.reason)
    assert (-1 if told.selected is None else told.selected) == shown["selected"]
    places, found = store.places(what.device.board, what.device.design), store.read(chip, what.device.design)
    for row in shown["records"]:
        address, record = places[row["number"]], found[row["number"]]
        assert f"0x{address:06x}" == row["address"]
        assert flash.read(address, min(form.size, 16)).hex(" ") == row["bytes"]
        if isinstance(record, Record):
            fields = dict(row["fields"])
            assert (str(record.config.active), record.config.state) == (fields["starts slot"], fields["state"])
            assert fields.get("sequencer", counted(record.sequencer)) == counted(record.sequencer)
        else:
            assert [["", record.reason]] == row["fields"]
    hidden = set(range(len(places))) - {row["number"] for row in shown["records"]}
    assert all(isinstance(found[n], Invalid) and told.places[n].blank for n in hidden)


@every_design
@every_break
def test_what_is_said_of_no_record_is_what_the_device_does(design, broken):
    """
    It halts, or starts slot 0, or writes a default: as its own loader has it, whatever the other designs do.
    """
    what, flash = broken_flash(design, broken)
    text = why(what.device, flash)
    taken = run(what, flash)

    if text.startswith("No record counts"):
        assert isinstance(taken.outcome, Bricked) == ("the boot loader halts: " in text)
        if "starts slot" in text:
            slot = text.partition("starts slot ")[2][0]
            assert any(line.endswith(f" in slot {slot}") for _, line in taken.log if line.startswith("Starting"))
    else:
        assert "the boot loader" not in text


@every_design
@every_break
def test_the_map_and_the_table_agree_on_a_record_sector(design, broken):
    """
    The sector of the record that counts is whole, one with an older record stale, a blank one erased.
    """
    what, flash = broken_flash(design, broken)
    size, told = what.device.board.geometry.sector_size, explain(Chip(what.device.board, flash), what.device.design)
    states = SectorStates(what.device)
    states.power_on(flash)

    for sector in {place.address // size for place in told.places}:
        own = [place for place in told.places if place.address // size == sector]
        if any(place.number == told.selected for place in own):
            assert WHOLE == states.states[sector]
        elif any(isinstance(place.found, Record) for place in own):
            assert STALE == states.states[sector]
        elif flash.sectors[sector].count(ERASED) == size:
            assert ERASED_STATE == states.states[sector]


@every_design
@every_break
def test_inspect_says_the_same_of_the_same_bytes(design, broken):
    """
    Given as files, in order, in the format of the design.
    """
    what, flash = broken_flash(design, broken)
    told = explain(Chip(what.device.board, flash), what.device.design)
    files = [(f"area {n}", data) for n, data in enumerate(areas(what, flash)[: what.device.design.records])]

    found = inspect_records(files, design)

    assert told.reason == found.reason
    assert [place.found for place in told.telling] == [one.found for one in found.records]
    chosen = None if found.selected is None else found.records[found.selected].found
    assert (None if told.selected is None else told.places[told.selected].found) == chosen


@pytest.mark.parametrize("design", [one.name for one in formats() if one.name in designs()])
@every_break
def test_the_sequencer_lab_says_the_same_of_the_same_bytes(design, broken):
    """
    Also on its own board.
    """
    what, flash = broken_flash(design, broken)
    size = store.codec(what.device.design).size
    first, second = (WrittenPlace(data[:size]) for data in areas(what, flash))

    pair = Pair(load_design(design), (first, second))

    assert explain(Chip(what.device.board, flash), what.device.design).reason == pair.explain().reason


@every_design
def test_at_every_step_the_player_names_the_record_that_counts(design):
    """
    From power-on to the end of an update, with a cut in the switch.
    """
    player = UpdatePlayer(design, BOARDS.get(design, "lab-1M"), app_size=3000)
    player.goto("switch", 1)
    player.cut("before")
    for position in range(0, len(player.life), 7):
        player.step = position
        selected = store.select(Chip(player.scenario.device.board, player.flash), player.scenario.device.design)
        assert player.why.startswith("No record" if selected is None else f"Record {selected.place} counts")
        assert player.records["why"] == player.why

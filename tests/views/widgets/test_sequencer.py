"""The sequencer lab without a browser: it shows what the firmware's store finds, whatever a hand does."""

from dataclasses import replace

import pytest

from otalab import designs, load_design
from otalab.errors import BadInput
from otalab.firmware import store
from otalab.firmware.bootloader import Start, boot
from otalab.firmware.explain import explain
from otalab.formats.records.catalogue import LAB_RECORDS
from otalab.formats.records.record import FIRST_SEQUENCER, BootConfig, Record, Selection, SlotFacts
from otalab.hardware.flash import ERASED
from otalab.views.widgets.record_pair import Pair, WrittenPlace, formats, lamp
from otalab.views.widgets.sequencer import MOVES, SequencerLab

FORMATS = {design.name: design for design in formats()}
NAMES = list(FORMATS)
# The lab's own formats, whose fields have the same names.
LAB = [name for name, design in FORMATS.items() if design.record in LAB_RECORDS]
ACTIONS = [
    ("erase", 0), ("erase", 1), ("zero", 0), ("zero", 1), ("tear", 0, 3), ("tear", 1, 8), ("tear", 1, 12),
    ("equal",), ("near_zero",), ("wrapped",), ("swap",), ("write",), ("reset",), ("poke", 1, 8, 0),
    ("edit", 0, "sequencer", 5),
]  # fmt: skip
# One field more that only this format has, or that means something else in it.
OWN = {
    "cc3200": ("edit", 1, "flags", 1 << 31),
    "esp-idf": ("edit", 1, "state", 4),
    "esp32": ("edit", 1, "boot application", 0x12),
    **dict.fromkeys(LAB, ("edit", 1, "slot 1 version", "2.0.1")),
}
CASES = [(name, action) for name in NAMES for action in (*ACTIONS, OWN[name])]


def do(lab, name, *values):
    getattr(lab, name)(*values)
    return lab


def test_formats_are_those_of_the_catalogue():
    """
    Every way in which the catalogue keeps records is there once, and a check of 16 bits besides.

    Left out are a journal, which is no pair of records, and what has no sequencer: rBoot's, a boot control, a trailer.
    """
    known = {(d.records, d.record, d.guard) for d in map(load_design, designs())}
    known -= {(2, "mgos-boot", "own"), (1, "rboot", "none"), (2, "boot-control", "own"), (2, "mcuboot", "own")}

    assert known | {(2, "complete", "crc16")} == {(d.records, d.record, d.guard) for d in formats()}
    assert ["mongoose", "cc3200", "esp-idf", "esp32", "hardened", "hardened-crc16", "single-record"] == NAMES


@pytest.mark.parametrize("design, action", CASES, ids=str)
def test_what_is_shown_is_what_the_store_selects(design, action):
    """
    For every design and every button, the lab says what `store.select` says of the same bytes.
    """
    chosen = FORMATS[design]
    lab = do(SequencerLab(chosen), *action)

    chip = Pair(chosen, (WrittenPlace(lab.first), WrittenPlace(lab.second))).chip()
    found = store.select(chip, chosen)
    assert (None if found is None else found.place) == lab.selected
    assert lab.reason.startswith("No record counts" if found is None else f"Record {found.place} counts")


@pytest.mark.parametrize("design, action", CASES, ids=str)
def test_what_starts_is_what_the_boot_loader_starts(design, action):
    """
    The sentence about the next power-on names the slot that the firmware's own loader starts, or its halt.
    """
    chosen = FORMATS[design]
    lab = do(SequencerLab(chosen), *action)

    chip = Pair(chosen, (WrittenPlace(lab.first), WrittenPlace(lab.second))).chip()
    routine = boot(chip, chosen)
    try:
        while True:
            chip.apply(next(routine))
    except StopIteration as end:
        result = end.value
    expected = f"starts slot {result.slot}:" if isinstance(result, Start) else f"halts: {result.reason}"
    assert expected in lab.start


@pytest.mark.parametrize("design", NAMES)
def test_the_other_designs_are_asked_about_the_same_two_records(design):
    """
    What the table says of a design is what the lab says when the design is chosen.
    """
    for action in [("tear", 1, 12), ("erase", 0), ("equal",)]:
        lab = do(SequencerLab("hardened"), *action)
        row = next(row for row in lab.others if row["design"] == design)
        lab.design = design
        assert (row["selected"], row["reason"], row["start"]) == (lab.selected, lab.reason, lab.start)


def test_the_published_design_believes_a_torn_record():
    """
    Eight bytes are enough for `mongoose`; a check sees it.

    The CC3200's loader takes it by its sequencer, then finds a flag that says invalid, and has nothing left.
    """
    lab = do(SequencerLab("mongoose"), "tear", 1, 8)

    assert 1 == lab.selected
    assert "halts: the boot record names slot 255" in lab.start
    guarded = dict.fromkeys(["hardened", "hardened-crc16", "single-record", "esp-idf", "esp32"], 0)
    assert {"mongoose": 1, "cc3200": None, **guarded} == {row["design"]: row["selected"] for row in lab.others}
    reason = next(row["reason"] for row in lab.others if row["design"] == "cc3200")
    assert reason.startswith("No record counts: record 1 is taken by its sequencer, and only then seen to be invalid")


@pytest.mark.parametrize("design", LAB)
def test_an_edited_field_gives_what_the_codec_encodes(design):
    """
    Editing a field of a whole record is encoding the record with that field changed.
    """
    lab, form = SequencerLab(FORMATS[design]), store.codec(FORMATS[design])
    record = form.decode(lab.first)

    lab.edit(0, "sequencer", "2**64-77")
    lab.edit(0, "active", 1)
    lab.edit(0, "interval", "0x10")

    config = replace(record.config, active=1, interval=16)
    # The published record has no byte for "nothing to go back to": it then names the active slot.
    config = replace(config, previous=form.decode(lab.first).config.previous)
    assert form.encode(Record(2**64 - 77, config)) == lab.first


@pytest.mark.parametrize(
    ("design", "field", "value", "change"),
    [
        ("cc3200", "flags", "0x0", {"committed": True, "first": False, "merge": False}),
        ("cc3200", "sequencer", "2**64-1", {"withdrawn": True}),
        ("esp-idf", "state", 2, {"committed": True, "first": False, "tried": 0}),
        ("esp-idf", "sequencer", 3, {"active": 0, "previous": 1}),
        ("esp32", "boot application", 0x10, {"active": 0}),
    ],
)
def test_an_edited_field_of_a_real_loader_means_what_it_says(design, field, value, change):
    """
    The record with this field changed, and nothing else, is what the codec then reads.
    """
    lab, form = SequencerLab(design), store.codec(load_design(design))
    before = form.decode(lab.second)

    lab.edit(1, field, value)

    after = form.decode(lab.second)
    assert replace(before.config, **change) == after.config
    assert before.config != after.config


def test_a_byte_is_set_and_nothing_else():
    """
    A poked byte breaks the check, where there is one, and is undone by poking it back.
    """
    lab = SequencerLab("hardened")
    before = lab.second

    lab.poke(1, 8, 0)
    assert [8] == [n for n, (old, new) in enumerate(zip(before, lab.second, strict=True)) if old != new]
    assert 0 == lab.selected
    lab.poke(1, 8, 1)
    assert 1 == lab.selected


def test_a_tear_can_be_moved():
    """
    A torn record still knows what it was meant to be: tear it later, and more of it is there; at its end it is whole.
    """
    lab = SequencerLab("hardened")
    whole = lab.second

    for kept in (0, 8, 40, len(whole)):
        lab.tear(1, kept)
        assert whole[:kept] + bytes([ERASED]) * (len(whole) - kept) == lab.second


def test_traits_may_be_set():
    """
    Bytes that are set decide, also a whole sector of them; a design is chosen by its name.
    """
    lab = SequencerLab("hardened")
    whole = lab.second

    lab.second = whole[:20]
    assert "its last 64 of 84 bytes are erased" in lab.reason
    lab.second = whole + bytes([ERASED]) * (4096 - len(whole))
    assert 1 == lab.selected
    lab.design = "in-place"
    assert 1 == lab.selected
    lab.second = whole
    lab.reset()
    assert whole == lab.second


def test_records_from_a_dump_are_taken_as_they_are():
    """
    Bytes given at the start are read as they stand; of slots that the lab does not have it says nothing.
    """
    form = store.codec(load_design("hardened"))
    record = Record(7, BootConfig(1, True, (SlotFacts(), SlotFacts(5, 6, "x"))))
    lab = SequencerLab("hardened", first=form.encode(record))

    assert 0 == lab.selected
    assert "record 1 is erased" in lab.reason
    assert "" == lab.start
    lab.erase(0)
    assert lab.selected is None
    lab.reset()
    assert form.encode(record) == lab.first[: form.size]


@pytest.mark.parametrize(
    "design, lines",
    [
        ("mongoose", ["Record 0 counts: its sequencer 0 is smaller", "Record 0 counts: record 1 is invalid"]),
        ("hardened", ["Record 1 counts: record 0 is invalid (its sequencer is zero)"] * 2),
    ],
)
def test_a_sequencer_that_came_down_to_zero_is_the_end(design, lines):
    """
    What the firmware writes after zero never counts.
    """
    lab = do(SequencerLab(design), "near_zero")

    for line in lines:
        lab.write()
        assert lab.reason.startswith(line)


def test_a_written_record_is_the_firmware_s():
    """
    One more record goes to the place that does not count, with the next sequencer and the same configuration.
    """
    lab = SequencerLab("hardened")
    form = store.codec(load_design("hardened"))
    newest = form.decode(lab.second)

    lab.write()

    assert 0 == lab.selected
    assert Record(FIRST_SEQUENCER - 2, newest.config) == form.decode(lab.first)


@pytest.mark.parametrize(
    "action, words",
    [
        (("edit", 0, "active", 256), "does not go into 1 bytes"),
        (("edit", 0, "active", "one"), "is no number"),
        (("edit", 0, "check", 1), "no field that can be edited"),
        (("edit", 0, "slot 1 version", "x" * 25), "25 bytes are given"),
        (("tear", 0, 85), "a record has 84"),
        (("poke", 0, 84, 0), "bytes 0 to 83"),
    ],
)
def test_misuse_says_what_is_possible(action, words):
    """
    It raises for Python, stands beside the buttons for a hand, and changes nothing.
    """
    lab = SequencerLab("hardened")
    before = lab.first, lab.second

    with pytest.raises(BadInput, match=words):
        do(lab, *action)
    lab._asked(lab, {"do": action[0], "with": list(action[1:])}, [])
    assert words in lab.problem
    assert before == (lab.first, lab.second)


def test_what_a_button_asks_is_what_python_does():
    """
    Every move of the browser is a method, and clears an old complaint.
    """
    asked, called = SequencerLab("mongoose"), SequencerLab("mongoose")
    assert {name for name, *_ in ACTIONS} == set(MOVES)

    for name, *values in ACTIONS:
        asked._asked(asked, {"do": name, "with": values}, [])
        do(called, name, *values)
        assert (called.first, called.second, "") == (asked.first, asked.second, asked.problem)


def test_nothing_counts_and_nothing_is_written():
    """
    With both places erased the firmware does not know what to write.
    """
    lab = do(do(SequencerLab("hardened"), "erase", 0), "erase", 1)

    assert "No record counts: record 0 is erased; record 1 is erased." == lab.reason
    assert "the boot loader halts: no valid boot record" == lab.start
    with pytest.raises(BadInput, match="nothing counts"):
        lab.write()


def test_too_many_bytes_are_refused():
    """
    More than a sector is no record.
    """
    with pytest.raises(BadInput, match="4096"):
        SequencerLab("hardened", first=bytes(5000))


def test_an_explanation_is_told_and_not_decided(monkeypatch):
    """
    Were the store to select the larger sequencer, the sentence would say so.
    """
    chip, hardened = Pair.shipped(load_design("hardened")).chip(), load_design("hardened")
    found = store.read(chip, hardened)

    monkeypatch.setattr(store, "select", lambda _chip, _design: Selection(0, found[0]))

    assert "Record 0 counts: its sequencer 2**64-2 is larger than 2**64-3" in explain(chip, hardened).reason


def test_the_lamp_is_at_the_switch():
    """
    The records that the lab opens with are those of an update whose new image was not started yet.
    """
    scenario, flash = lamp()
    form = store.codec(scenario.device.design)
    first, second = (form.decode(flash.read(place.address, form.size)) for place in scenario.device.board.records)

    assert (0, True) == (first.config.active, first.config.committed)
    assert (1, False, 0) == (second.config.active, second.config.committed, second.config.previous)

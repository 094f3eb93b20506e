"""Functions of one's own: in a notebook one is written again and again, and the newest of a name counts."""

from dataclasses import replace
from zlib import crc32

import pytest

from otalab.bench.setup import set_up
from otalab.errors import PartFault
from otalab.firmware import record_writes, store
from otalab.firmware.catalogue import load_design
from otalab.firmware.own_part import with_part, without_part
from otalab.formats.records.guard import Guarded
from otalab.graph.check import check_design
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Wait


@pytest.fixture
def own():
    """
    Forget afterwards.
    """
    yield lambda function: with_part(replace(load_design("hardened"), name="mine"), "guard", function, "mine")
    without_part("guard", "mine")


def test_the_newest_function_of_a_name_is_the_one_that_reads(own):
    """
    Whatever was kept of the one before: a record that the first check accepts the second one refuses.
    """
    first = own(lambda codec: Guarded(codec, crc32, 4))
    shipped = set_up(first, "tiny", app_size=300)
    seen = store.select(Chip(shipped.device.board, shipped.flash), first)
    second = own(lambda codec: Guarded(codec, lambda data: crc32(data) ^ 1, 4))
    unseen = store.select(Chip(shipped.device.board, shipped.flash), second)

    assert first == second
    assert (0, None) == (seen.place, unseen)


# What such a function may not do


@pytest.fixture
def writes():
    """
    Have another way to write records, and forget it afterwards.
    """
    yield lambda function: with_part(load_design("hardened"), "write", function, "mine")
    without_part("write", "mine")


def refused(design):
    with pytest.raises(PartFault) as fault:
        check_design(design, "atomic", board="tiny", app_size=300, files={})
    return str(fault.value)


def test_one_that_raises_is_told_by_its_name(writes):
    """
    In one line, with the line that it comes from; nobody catches an exception in firmware.
    """

    def careless(chip, design, place, data):
        yield Erase(place + 1000 // len(data[:0]))

    said = refused(writes(careless))
    assert said.startswith("write = 'mine': the function raises ZeroDivisionError: ")
    assert "firmware has nobody to catch it" in said


def test_one_that_remembers_over_a_power_on_is_told(writes):
    """
    A power cut takes what RAM held: what differs from one equal run to the next is found at once.
    """
    written = []

    def counting(chip, design, place, data):
        written.append(place)
        if len(written) % 5 == 0:
            return False
        return (yield from record_writes.read_back(chip, design, place, data))

    assert refused(writes(counting)).startswith("write = 'mine': two equal runs differ")


def test_one_that_reads_past_the_notes_is_told(writes):
    """
    A search merges by what was seen to be read.
    """

    def peeping(chip, design, place, data):
        if chip.flash.sectors[chip.board.sectors_of(chip.board.slots[1].app).stop - 1][-1] == 0xFF:
            yield Wait("peeping", 1.0)
        return (yield from record_writes.read_back(chip, design, place, data))

    assert "reads flash past the chip's notes" in refused(writes(peeping))


def test_one_that_keeps_to_the_rules_is_proved(writes):
    """
    As the lab's own.
    """

    def twice(chip, design, place, data):
        yield from record_writes.read_back(chip, design, place, data)
        return (yield from record_writes.read_back(chip, design, place, data))

    assert "safe" == check_design(writes(twice), "atomic", board="tiny", app_size=300, files={}).verdict

"""Flash is a value: erase makes ones, program makes zeros, and nothing else changes a chip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from otalab.errors import BadInput
from otalab.hardware.effects import Erase, Program, pages
from otalab.hardware.flash import Flash
from otalab.hardware.geometry import Geometry

SMALL = Geometry(sector_size=64, sectors=4, page_size=16)
UNITS = Geometry(sector_size=64, sectors=4, page_size=32, program_unit=8)


class Chip(RuleBasedStateMachine):
    """The value agrees with a plain list of bytes under any sequence of erases and programs."""

    def __init__(self) -> None:
        super().__init__()
        self.flash = Flash.blank(SMALL)
        self.model = [0xFF] * SMALL.size

    @rule(sector=st.integers(0, 3))
    def erase(self, sector: int) -> None:
        self.flash = self.flash.after(Erase(sector))
        self.model[sector * 64 : sector * 64 + 64] = [0xFF] * 64

    @rule(page=st.integers(0, 15), start=st.integers(0, 15), data=st.binary(min_size=1, max_size=16))
    def program(self, page: int, start: int, data: bytes) -> None:
        address = page * 16 + start
        data = data[: 16 - start]
        self.flash = self.flash.after(Program(address, data))
        for offset, byte in enumerate(data):
            self.model[address + offset] &= byte

    @invariant()
    def same_bytes(self) -> None:
        assert bytes(self.model) == self.flash.image


TestChip = Chip.TestCase


def test_equal_bits_are_equal_chips() -> None:
    """Two ways to the same bits give one value, with one hash."""
    one = Flash.blank(SMALL).after(Program(3, b"\x0f")).after(Program(3, b"\xf0"))
    other = Flash.blank(SMALL).after(Program(3, b"\x00"))

    assert one == other
    assert 1 == len({one, other})


def test_versions_share_their_sectors() -> None:
    """A snapshot costs no copy: sectors that did not change are the same objects."""
    before = Flash.blank(SMALL)
    after = before.after(Program(0, b"\0"))

    assert [False, True, True, True] == [a is b for a, b in zip(before.sectors, after.sectors, strict=True)]


@given(st.integers(0, 255), st.binary(min_size=1, max_size=256))
def test_reading_gives_what_the_image_holds(address: int, data: bytes) -> None:
    """A read across sectors is a slice of the raw image."""
    data = data[: SMALL.size - address]
    flash = Flash.blank(SMALL).patched(address, data)

    assert data == flash.read(address, len(data)) == flash.image[address : address + len(data)]


@given(st.integers(0, 100), st.binary(max_size=150))
def test_pages_cut_data_without_loss(address: int, data: bytes) -> None:
    """Each piece stays inside one page, and the pieces joined are the data."""
    programs = list(pages(address, data, 16))

    assert data == b"".join(program.data for program in programs)
    assert all(p.address // 16 == (p.address + len(p.data) - 1) // 16 for p in programs)


@pytest.mark.parametrize(
    ("geometry", "effect"),
    [
        (SMALL, Erase(4)),
        (SMALL, Erase(-1)),
        (SMALL, Program(8, b"\0" * 9)),
        (SMALL, Program(255, b"\0\0")),
        (SMALL, Program(0, b"")),
        (UNITS, Program(4, b"\0" * 8)),
        (UNITS, Program(0, b"\0" * 7)),
    ],
)
def test_what_the_part_cannot_do_is_refused(geometry: Geometry, effect: Erase | Program) -> None:
    """Sectors, page bounds and program units of the part are respected."""
    with pytest.raises(BadInput):
        geometry.check(effect)


def test_what_the_part_can_do_is_not_refused() -> None:
    """The bounds themselves are allowed."""
    SMALL.check(Erase(3))
    SMALL.check(Program(240, b"\0" * 16))
    UNITS.check(Program(8, b"\0" * 24))

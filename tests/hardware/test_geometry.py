"""Flash in pieces whose sectors differ: who asks by address finds what a list of all sectors says."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from otalab.errors import BadInput
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash
from otalab.hardware.geometry import FlashGeometry, Geometry, MixedGeometry, geometry_of

PIECES = st.builds(
    Geometry,
    sector_size=st.sampled_from([16, 32, 64]),
    sectors=st.integers(1, 3),
    page_size=st.sampled_from([4, 8, 16]),
    program_unit=st.sampled_from([1, 2, 4]),
)
GEOMETRIES = st.lists(PIECES, min_size=1, max_size=4).map(tuple).map(geometry_of)


def listed(geometry: FlashGeometry) -> list[tuple[int, int, Geometry]]:
    """Return where each sector begins, how large it is and to what piece it belongs, counted one by one."""
    pieces = geometry.pieces if isinstance(geometry, MixedGeometry) else (geometry,)
    owners = [piece for piece in pieces for _ in range(piece.sectors)]
    starts = accumulate((piece.sector_size for piece in owners), initial=0)
    return [(start, piece.sector_size, piece) for start, piece in zip(starts, owners, strict=False)]


@given(GEOMETRIES, st.data())
def test_an_address_lies_where_the_list_of_sectors_has_it(geometry: FlashGeometry, data: st.DataObject) -> None:
    """Its sector, where that begins, its size, its page and unit; a stretch touches what it overlaps."""
    sectors = listed(geometry)
    assert (len(sectors), sum(size for _, size, _ in sectors)) == (geometry.count, geometry.size)
    address = data.draw(st.integers(0, geometry.size - 1))
    number = next(n for n, (start, size, _) in enumerate(sectors) if start <= address < start + size)
    start, size, piece = sectors[number]
    assert (number, address - start) == geometry.place_of(address)
    assert (number, start, size) == (geometry.sector_at(address), geometry.start_of(number), geometry.size_of(number))
    assert (piece.page_size, piece.program_unit) == (geometry.at(address).page_size, geometry.at(address).program_unit)
    length = data.draw(st.integers(1, geometry.size - address))
    touched = [n for n, (at, size, _) in enumerate(sectors) if at < address + length and address < at + size]
    assert touched == list(geometry.sectors_of(address, length))
    assert (address == start) == geometry.begins_sector(address)
    assert geometry.begins_sector(geometry.size)


@given(GEOMETRIES, st.data())
def test_pages_stay_inside_the_pages_of_their_piece(geometry: FlashGeometry, data: st.DataObject) -> None:
    """Joined, the programs are the data; each one may be asked of the part, but for its units."""
    address = data.draw(st.integers(0, geometry.size - 1))
    whole = data.draw(st.binary(min_size=1, max_size=geometry.size - address))
    programs = list(geometry.pages(address, whole))
    assert whole == b"".join(program.data for program in programs)
    for program in programs:
        page = next(
            piece for start, size, piece in listed(geometry) if start <= program.address < start + size
        ).page_size
        assert program.address // page == (program.address + len(program.data) - 1) // page


@given(GEOMETRIES, st.data())
@tuned(max_examples=60)
def test_a_flash_in_pieces_holds_what_a_list_of_bytes_holds(geometry: FlashGeometry, data: st.DataObject) -> None:
    """An erase takes one sector of its own size, a program is an AND, and a read is a slice of the image."""
    flash, model, sectors = Flash.blank(geometry), bytearray(b"\xff" * geometry.size), listed(geometry)
    for _ in range(data.draw(st.integers(1, 12))):
        sector = data.draw(st.integers(0, geometry.count - 1))
        start, size, piece = sectors[sector]
        if data.draw(st.booleans()):
            flash = flash.after(Erase(sector))
            model[start : start + size] = b"\xff" * size
        else:
            page = data.draw(st.integers(0, size // piece.page_size - 1)) * piece.page_size
            written = data.draw(st.binary(min_size=piece.page_size, max_size=piece.page_size))
            geometry.check(effect := Program(start + page, written))
            flash = flash.after(effect)
            for at, byte in enumerate(written, start + page):
                model[at] &= byte
    assert bytes(model) == flash.image
    address = data.draw(st.integers(0, geometry.size - 1))
    assert bytes(model[address:]) == flash.read(address, geometry.size - address)
    assert flash == Flash.of(geometry, bytes(model))
    assert flash == Flash.blank(geometry).patched(address, bytes(model[address:])).patched(0, bytes(model[:address]))


def test_pieces_that_are_alike_answer_as_one() -> None:
    """The uniform case is the simple one, not another one."""
    one, two = Geometry(64, 4, 16, 2), MixedGeometry((Geometry(64, 1, 16, 2), Geometry(64, 3, 16, 2)))
    for address in range(one.size):
        assert one.place_of(address) == two.place_of(address)
        for length in range(one.size - address + 1):
            assert one.sectors_of(address, length) == two.sectors_of(address, length)
    assert [*one.pages(5, bytes(200))] == [*two.pages(5, bytes(200))]
    assert one.sizes() == two.sizes()


@pytest.mark.parametrize(
    "effect", [Erase(3), Erase(-1), Program(8, b"\0" * 9), Program(32, b"\0" * 6), Program(127, b"\0\0")]
)
def test_what_a_piece_cannot_do_is_refused(effect: Erase | Program) -> None:
    """By its own page and unit: the second piece has units of four bytes."""
    mixed = MixedGeometry((Geometry(16, 2, 16), Geometry(96, 1, 32, 4)))
    with pytest.raises(BadInput):
        mixed.check(effect)
    mixed.check(Program(0, b"\0" * 9))
    mixed.check(Program(32, b"\0" * 8))

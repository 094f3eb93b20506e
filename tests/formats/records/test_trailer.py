"""The trailer of MCUboot: its bytes by hand, flags that need no erase, and what is read alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otalab.formats.records.record import BootConfig, Invalid, Record
from otalab.formats.records.trailer import BAD, SET, UNITS, UNSET, Trailer, TrailerCodec

FORMS = st.builds(TrailerCodec, st.sampled_from(UNITS))
FLAGS = st.sampled_from([SET, UNSET])
TRAILERS = st.builds(Trailer, FLAGS, FLAGS)


def test_a_trailer_by_hand() -> None:
    """Three flags of eight bytes each, and the magic of `docs/design.md` of MCUboot, as little-endian words."""
    magic = b"".join(word.to_bytes(4, "little") for word in (0xF395C277, 0x7FEFD260, 0x0F505235, 0x8079B62C))
    wanted = b"\xff" * 8 + b"\1" + b"\xff" * 7 + b"\1" + b"\xff" * 7 + magic
    assert wanted == TrailerCodec().encode(Record(0, BootConfig(0, True)))
    assert 40 == TrailerCodec(unit=4).size
    assert 3 * 32 + 32 == TrailerCodec(unit=32).size


def test_where_a_unit_is_large_the_magic_says_so() -> None:
    """So `BOOT_MAGIC_ARR` of MCUboot where `BOOT_MAX_ALIGN` is not 8."""
    data = TrailerCodec(unit=32).encode(Record(0, BootConfig(0, True)))
    assert bytes([32, 0, 0x2D, 0xE1, 0x5D, 0x29, 0x41, 0x0B]) == data[-16:-8]


@given(FORMS, TRAILERS)
def test_what_is_written_is_read(form: TrailerCodec, trailer: Trailer) -> None:
    """Both flags, in every write unit; without the magic there is nothing."""
    written = form.written(trailer)

    assert form.size == len(written) == sum(form.fields)
    assert trailer == form.read(written)
    assert form.read(written[:-1] + b"\0") is None
    assert form.as_read(written) == form.as_read(form.as_read(written))


@given(FORMS, TRAILERS)
def test_each_flag_has_units_of_its_own(form: TrailerCodec, trailer: Trailer) -> None:
    """No two pieces share a unit, so that one is programmed without the others, and never a second time."""
    taken = [
        unit for at, piece in form.pieces(trailer) for unit in range(at // form.unit, (at + len(piece)) // form.unit)
    ]
    assert len(taken) == len(set(taken))
    assert all((form.size - at) % form.unit == 0 for at, _ in form.pieces(trailer))


@given(st.integers(0, 255).filter(lambda byte: byte not in (SET, UNSET)))
def test_a_torn_flag_is_neither_set_nor_unset(torn: int) -> None:
    """Whatever a byte between erased and 1 is."""
    form = TrailerCodec()
    lies = bytearray(form.written(Trailer()))
    lies[16] = torn
    trailer = form.read(bytes(lies))

    assert trailer is not None
    assert BAD == trailer.image_ok
    assert form.as_read(bytes(lies)) == form.as_read(form.written(trailer))


@pytest.mark.parametrize(
    ("slot", "trailer", "says"),
    [
        (1, Trailer(), (1, False)),
        (1, Trailer(image_ok=SET), (1, True)),
        # Of what waits nobody asks whether it was copied.
        (1, Trailer(copy_done=SET), (1, False)),
        (1, Trailer(image_ok=BAD), None),
        (0, Trailer(), None),
        (0, Trailer(copy_done=SET, image_ok=SET), (0, True)),
        (0, Trailer(copy_done=SET), (0, False)),
        (0, Trailer(copy_done=BAD, image_ok=SET), None),
    ],
)
def test_it_speaks_of_the_slot_before_it(slot: int, trailer: Trailer, says: tuple[int, bool] | None) -> None:
    """By the tables of `boot_swap_type_multi`."""
    form = TrailerCodec()
    found = form.behind(slot, form.written(trailer))
    assert says == (None if isinstance(found, Invalid) else (found.config.active, found.config.committed))
    assert isinstance(form.behind(slot, b"\xff" * form.size), Invalid)

"""The flash that a board has: one part, or several one behind the other, as its page names them.

On a microcontroller with sectors of several sizes each size is a row of the parts' table; an external part follows.
"""

from __future__ import annotations

from collections.abc import Iterator

from otalab.hardware.flash import LARGEST
from otalab.hardware.geometry import FlashGeometry, Geometry, MixedGeometry, geometry_of
from otalab.hardware.part import ON_CHIP, FlashPart, other_way_round, part, parts
from otalab.settings import Settings

# So many sizes of sectors, and parts, are on no board.
MOST_PIECES = 16


def soldered(settings: Settings) -> tuple[tuple[FlashPart, ...], FlashGeometry]:
    """Return the parts of a board in the order of their addresses, and how all of its flash is divided."""
    if "flash" not in settings.table:
        chip = _part(settings)
        return (chip,), _geometry(settings, chip, "flash_size")
    for key in ("part", "flash_size"):
        if key in settings.table:
            raise settings.wrong(key, "[[flash]] tables name each part and its size: leave this out")
    chips, pieces = [], []
    for table in settings.each("flash"):
        table.known(("part", "size"))
        chips.append(_part(table))
        pieces.append(_geometry(table, chips[-1], "size"))
    whole = sum(piece.size for piece in pieces)
    if not 1 <= len(pieces) <= MOST_PIECES or whole > LARGEST:
        raise settings.wrong("flash", f"{len(pieces)} of them, 0x{whole:x} bytes: 1 to {MOST_PIECES} are taken")
    return tuple(chips), geometry_of(tuple(pieces))


def soldered_lines(chips: tuple[FlashPart, ...], geometry: MixedGeometry, prefix: str = "") -> Iterator[str]:
    """Yield the tables of TOML that several parts can be read from again."""
    for chip, piece in zip(chips, geometry.pieces, strict=True):
        yield from ("", f"[[{prefix}flash]]", f'part = "{chip.name}"', f"size = 0x{piece.size:x}")


def _part(settings: Settings) -> FlashPart:
    if reason := other_way_round(str(settings.table.get("part", ""))):
        raise settings.wrong("part", reason)
    return part(settings.choice("part", tuple(parts())))


def _geometry(settings: Settings, chip: FlashPart, key: str) -> Geometry:
    size = settings.number(key, least=chip.sector_size, most=LARGEST)
    if chip.kind == ON_CHIP and 0 < chip.size < size:
        # A serial part may stand for its larger sister; sectors on a chip are what they are.
        raise settings.wrong(
            key,
            f"0x{size:x} bytes, and {chip.name} has 0x{chip.size:x} in sectors of 0x{chip.sector_size:x}: name the "
            "other sectors by their own rows, each with its part and size in a [[flash]] table, or take another part",
        )
    if size % chip.sector_size:
        raise settings.wrong(key, f"{size} is not a multiple of the part's sector, {chip.sector_size} bytes")
    return Geometry(chip.sector_size, size // chip.sector_size, chip.page_size, chip.program_unit, chip.ecc)

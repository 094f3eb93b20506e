"""What speaks for a record format in the bytes of a place: how unlikely it is that they look so by chance.

A check that matches tells its format.  A format that nothing guards is told by what its writers write and no others do:
encoded again, a record must give the same bytes, and behind it nothing may lie but a filler.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from otalab.formats.records.boot_control import MAGIC as BCAB
from otalab.formats.records.cc3200 import FIRST_BOOT, INVALID, MERGE, NO_SLOT
from otalab.formats.records.mgos_boot import MAGIC
from otalab.formats.records.otadata import ENTRY_STATES, UNDEFINED
from otalab.formats.records.rboot_own import ROMS, rom_addresses
from otalab.formats.records.record import Codec, Counting, Invalid, Record, SlotFacts

ENOUGH = 24
"""So many bits must look as a format's writers leave them before it is taken; random bytes do so once in 2**24."""
# A record whose sequencer is further from the first one than this would be the work of centuries.
_LIFETIME = 1 << 24
_LARGEST_IMAGE = 1 << 28
# A check of so many bits tells its format; what a shorter one guards, or nothing does, is a guess.
_TELLS = 16


@dataclass(frozen=True, slots=True)
class Sign:
    """So many bits of a place look as a format's writers leave them, and in words which; `sure`: a check matches."""

    bits: int
    words: str
    sure: bool = False


def signs(kind: str, form: Codec, data: bytes) -> Sign | None:
    """Return what speaks for a format, by the name of its records, in the bytes of a place; `None`: nothing does."""
    if len(data) < form.size:
        return None
    if kind in OWN:
        return OWN[kind](form, data[: form.size])
    record = form.decode(data)
    if isinstance(record, Invalid) or form.encode(record)[: form.size] != data[: form.size]:
        return None
    bits, counted = _told(form.counting, record)
    if form.guard_bits >= 32:
        return Sign(form.guard_bits + bits, f"its CRC-{form.guard_bits} matches", sure=True)
    if bits < ENOUGH or not _sensible(record):
        return None
    guard = f"its CRC-{form.guard_bits} matches, " if form.guard_bits else ""
    words = f"{guard}{counted}, and encoded again it gives the same bytes"
    return Sign(bits + form.guard_bits, words, sure=form.guard_bits >= _TELLS)


def _told(counting: Counting, record: Record) -> tuple[int, str]:
    """Return how many bits of a sequencer are as those of a device of some years are, and that in words."""
    apart = abs(record.sequencer - counting.first)
    if apart >= _LIFETIME:
        return 0, ""
    return counting.bits - _LIFETIME.bit_length() + 1, f"its sequencer is {apart} from the first one"


def _sensible(record: Record) -> bool:
    """Say whether a record names slots that there are, and images that could be."""
    config = record.config
    if config.active not in (0, 1) or config.previous not in (0, 1, None) or config.previous == config.active:
        return False
    return all(map(_of_an_image, config.slots))


def _of_an_image(facts: SlotFacts) -> bool:
    return facts.length < _LARGEST_IMAGE and facts.version.isprintable() and (facts.length > 0 or not facts.version)


_CC3200 = struct.Struct("<QI50s2sI50s2s392s")


def _cc3200(form: Codec, data: bytes) -> Sign | None:
    """Look for two names of files, the first of which ends in a slot; the bits of the names are not counted."""
    sequencer, flags, app, _, _, files, _, unused = fields = _CC3200.unpack_from(data)
    known = not flags & ~(FIRST_BOOT | MERGE | INVALID)
    near = form.counting.erased - sequencer < _LIFETIME
    zeros = not any(b"".join((fields[3], fields[6], unused)))
    if not (near and known and zeros and _slot(app) != NO_SLOT and _named(files)):
        return None
    if form.guard_bits and isinstance(form.decode(data), Invalid):
        return None
    words = "two names of files, of which the first ends in its slot, and zeros behind them"
    return Sign(70 + form.guard_bits, words, sure=bool(form.guard_bits))


def _named(name: bytes) -> bool:
    text = name.rstrip(b"\0")
    return bool(text) and all(0x20 < byte < 0x7F for byte in text)


def _slot(name: bytes) -> int:
    return {b".0": 0, b".1": 1}.get(name.rstrip(b"\0")[-2:], NO_SLOT) if _named(name) else NO_SLOT


def _boot_control(form: Codec, data: bytes) -> Sign | None:
    """Look for the magic of Android; a slot's marks are other writers' business."""
    if data[4:8] != BCAB.to_bytes(4, "little") or isinstance(form.decode(data), Invalid):
        return None
    return Sign(64, "it has the magic BCAB, and its CRC-32 matches", sure=True)


def _trailer(form: Codec, data: bytes) -> Sign | None:
    """Look for the magic of MCUboot, sixteen bytes at the end."""
    return None if isinstance(form.decode(data), Invalid) else Sign(128, "it ends with the magic of MCUboot", sure=True)


def _journal(form: Codec, data: bytes) -> Sign | None:
    if data[:4] != MAGIC.to_bytes(4, "little"):
        return None
    if isinstance(form.decode(data), Invalid):
        return Sign(32, "it begins with MOS1")
    return Sign(64, "it begins with MOS1, and its CRC-32 matches", sure=True)


_IDF = struct.Struct("<I20sII")


def _otadata(form: Codec, data: bytes) -> Sign | None:
    """Look for an entry of ESP-IDF; the check of a sequencer that is zero is all ones, and tells nothing."""
    sequencer, label, state, check = _IDF.unpack(data)
    if sequencer == UNDEFINED or state not in ENTRY_STATES:
        return None
    if sequencer and check == int.from_bytes(form.sealed(data)[-4:], "little"):
        return Sign(48, "the CRC-32 of its sequencer matches", sure=True)
    if state == UNDEFINED or sequencer > 0xFFFF or set(label) != {0xFF}:
        return None
    return Sign(28, f"a small sequencer, an erased label and the state {ENTRY_STATES[state]}, but no check that tells")


def _otadata_mongoose(form: Codec, data: bytes) -> Sign | None:
    record = form.decode(data)
    if isinstance(record, Invalid) or not record.sequencer or any(data[8:28]):
        return None
    return Sign(64, "its CRC-32 matches", sure=True)


_RBOOT = struct.Struct("<10B2s16I I B3s")


def _rboot(form: Codec, data: bytes) -> Sign | None:
    """Look for the fields that Mongoose OS added, and for addresses and sizes that flash can have."""
    if isinstance(form.decode(data), Invalid):
        return None
    read = _RBOOT.unpack(data)
    (_, _, mode, active, gpio, count, previous, first, _, updated), words = read[:10], read[11:27]
    roms = mode <= 15 and 1 <= count <= ROMS and max(active, previous) < count and gpio <= ROMS
    places = all(not word % 0x1000 and word < _LARGEST_IMAGE for word in (*words[:4], *words[8:12]))
    sizes = all(word < _LARGEST_IMAGE for word in (*words[4:8], *words[12:16]))
    if not (roms and max(first, updated) <= 1 and places and sizes and not any(read[10])):
        return None
    return Sign(60, "it begins with e1 01, counts its ROMs, and their addresses are whole sectors")


def _rboot_own(form: Codec, data: bytes) -> Sign | None:
    """Look for ROMs that are counted and have addresses of their own, in order or not, and none behind them."""
    if isinstance(form.decode(data), Invalid):
        return None
    mode, active, gpio, count = data[2:6]
    addresses = rom_addresses(data)
    roms = mode <= 15 and 1 <= count <= ROMS and active < count and gpio <= ROMS and not any(data[6:8])
    placed = all(address and not address % 0x1000 and address < _LARGEST_IMAGE for address in addresses)
    none_more = not any(data[8 + 4 * count : 24]) or data[8 + 4 * count : 24].count(0xFF) == 16 - 4 * count
    if not (roms and placed and none_more and len(set(addresses)) == count):
        return None
    check = ", and its checksum matches" if form.guard_bits else ""
    return Sign(48 + form.guard_bits, f"it begins with e1 01, and {count} ROMs begin at whole sectors{check}")


OWN: dict[str, Callable[[Codec, bytes], Sign | None]] = {
    "boot-control": _boot_control,
    "cc3200": _cc3200,
    "mcuboot": _trailer,
    "mgos-boot": _journal,
    "otadata": _otadata,
    "otadata-mongoose": _otadata_mongoose,
    "rboot": _rboot,
    "rboot-own": _rboot_own,
    "rboot-checked": _rboot_own,
}

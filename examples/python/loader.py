"""The published design in Python: two records, the smaller sequencer is the newer, and nothing guards them.

The lab puts `ota` here: what the board says, and what can be done to its flash.  All that writes, waits or asks is a
generator: it is done by `yield from`, and the power can fail there.
"""

from struct import Struct

# Sequencer; active, previous, committed, previously committed; commit interval; of each slot: length, CRC-32, version.
RECORD = Struct("<Q4BI" + 2 * "II24s")
SEQUENCER, ACTIVE, PREVIOUS, COMMITTED, BEFORE, INTERVAL, FACTS = range(7)
ERASED = 2**64 - 1
PLACES = ota.RECORD_0, ota.RECORD_1
SLOTS = ota.SLOT_0, ota.SLOT_1
FILES = ota.FILES_0, ota.FILES_1

# RAM: gone at the next power-on.
booted = []


def selected():
    """Return the record that counts, and its place."""
    best = None, -1
    for place, address in enumerate(PLACES):
        record = [*RECORD.unpack(ota.read(address, RECORD.size))]
        if record[SEQUENCER] != ERASED and (best[0] is None or record[SEQUENCER] < best[0][SEQUENCER]):
            best = record, place
    return best


def written(record):
    """Erase the other place, and program the next record into it."""
    old, place = selected()
    record[SEQUENCER] = old[SEQUENCER] - 1
    yield from ota.erase(PLACES[not place], ota.sector_size(PLACES[not place]))
    yield from ota.program(PLACES[not place], RECORD.pack(*record))


def ota_boot():
    record, _ = selected()
    if record is None or record[ACTIVE] > 1:
        return 0
    booted[:] = record
    return SLOTS[record[ACTIVE]]


def ota_commit_within():
    return 0 if booted[COMMITTED] else booted[INTERVAL]


def ota_committed():
    record, _ = selected()
    return record is not None and bool(record[COMMITTED])


def ota_timer():
    record, _ = selected()
    if record is None or record[COMMITTED]:
        return 0
    ota.log("Rolling back: not committed in time")
    # The server first: a cut behind the record would leave the old image, and the refused update on offer.
    yield from ota.refuse("not committed in time")
    record[ACTIVE], record[COMMITTED], record[BEFORE], record[INTERVAL] = record[PREVIOUS], record[BEFORE], 1, 0
    yield from written(record)
    return 1


def ota_confirm():
    record, _ = selected()
    if record is None or record[COMMITTED]:
        return 1
    record[COMMITTED], record[PREVIOUS], record[BEFORE] = 1, record[ACTIVE], 1
    yield from written(record)
    return 0


def crc_of(address, size):
    crc, sector = 0, ota.sector_size(address)
    for at in range(0, size, sector):
        crc = ota.crc32(ota.read(address + at, min(sector, size - at)), crc)
    return crc


def taken(part, address, size):
    """Write a part of the update into a region, erasing each sector just before it; return its CRC-32, or None."""
    crc, sector, unit = 0, ota.sector_size(address), ota.program_unit(address)
    for at in range(0, size, sector):
        piece = yield from ota.download(part, at, min(sector, size - at))
        if piece is None:
            return None
        crc = ota.crc32(piece, crc)
        yield from ota.erase(address + at, sector)
        yield from ota.program(address + at, piece + b"\xff" * (-len(piece) % unit))
    return crc if crc_of(address, size) == crc else None


def ota_update():
    record, _ = selected()
    if record is None or not record[COMMITTED]:
        return 1
    old = booted[ACTIVE] if record[ACTIVE] > 1 else record[ACTIVE]
    target = 1 - old
    image = yield from ota.offer()
    if image is None or image.size > ota.SLOT_SIZE or image.files_size > ota.FILES_SIZE:
        return 2
    crc = yield from taken(ota.APPLICATION, SLOTS[target], image.size)
    if crc is None or (yield from taken(ota.FILES, FILES[target], image.files_size)) is None:
        return 3
    if (yield from ota.carry_over(FILES[old], FILES[target], ota.FILES_SIZE)) == ota.NO_ROOM:
        return 4
    record[BEFORE], record[COMMITTED] = record[COMMITTED], 0
    record[PREVIOUS], record[ACTIVE], record[INTERVAL] = old, target, image.commit_within
    at = FACTS + 3 * target
    record[at : at + 3] = image.size, crc, image.version.encode()
    # Last, and the only thing that the loader looks at.
    yield from written(record)
    return 0


def ota_factory(image):
    first = [ERASED - 1, 0, 0, 1, 1, 0, image.size, crc_of(SLOTS[0], image.size), image.version.encode(), 0, 0, b""]
    yield from ota.program(PLACES[0], RECORD.pack(*first))

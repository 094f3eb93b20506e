"""Record formats by name: the lab's own and those of real boot loaders."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from otalab.formats.records.cc3200 import Cc3200Codec
from otalab.formats.records.mgos_boot import JournalCodec
from otalab.formats.records.otadata import MongooseOtadataCodec, OtadataCodec
from otalab.formats.records.rboot import RbootCodec
from otalab.formats.records.record import Codec, CompleteCodec, Counting, Guarded, MongooseCodec, crc16

LAB_RECORDS = ("mongoose", "complete")
RECORDS: dict[str, Callable[[Counting], Codec]] = {
    "mongoose": MongooseCodec,
    "complete": CompleteCodec,
    # These count as they count.
    "cc3200": lambda _counting: Cc3200Codec(),
    "mgos-boot": lambda _counting: JournalCodec(),
    "otadata": lambda _counting: OtadataCodec(),
    "otadata-mongoose": lambda _counting: MongooseOtadataCodec(),
    "rboot": lambda _counting: RbootCodec(),
}
GUARDS: dict[str, Callable[[Codec], Codec]] = {
    "none": lambda codec: codec,
    "crc16": lambda codec: Guarded(codec, crc16, 2),
    "crc32": lambda codec: Guarded(codec, crc32, 4),
    # The format has one.
    "own": lambda codec: codec,
}
# Where a record lies: on bare flash, or in a store of files that shows one which was not closed as missing.
# SimpleLink's way of doing that is not published; a CRC-32 over the record stands for it.
KEEPERS: dict[str, Callable[[Codec], Codec]] = {
    "bare": lambda codec: codec,
    "atomic-replace": lambda codec: Guarded(codec, crc32, 4),
}

"""Record formats by name: the lab's own and those of real boot loaders; what guards a record, and where it is kept.

The first sentence of each function says what a design gets by its name, and what that costs.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32 as check_of_32_bits

from otalab.formats.records.boot_control import BootControlCodec
from otalab.formats.records.cc3200 import Cc3200Codec
from otalab.formats.records.guard import Guarded, crc16
from otalab.formats.records.lab import CompleteCodec, MongooseCodec
from otalab.formats.records.mgos_boot import JournalCodec
from otalab.formats.records.otadata import MongooseOtadataCodec, OtadataCodec
from otalab.formats.records.rboot import RbootCodec
from otalab.formats.records.rboot_own import RbootOwnCodec
from otalab.formats.records.record import Codec, Counting
from otalab.formats.records.trailer import TrailerCodec

Count = Callable[[int], Counting]


def decreasing(bits: int) -> Counting:
    """Count down: erased flash, all ones, is then older than any record."""
    return Counting(-1, bits)


def increasing(bits: int) -> Counting:
    """Count up: erased flash, all ones, must be told apart from the newest record."""
    return Counting(1, bits)


def of_64_bits(count: Count) -> Counting:
    """Give a sequencer 64 bits: no device lives to use them up."""
    return count(64)


def of_32_bits(count: Count) -> Counting:
    """Give a sequencer 32 bits: enough for four thousand million records."""
    return count(32)


def of_16_bits(count: Count) -> Counting:
    """Give a sequencer 16 bits: a device that writes often uses its 65,534 records up."""
    return count(16)


def published(counting: Counting) -> Codec:
    """Keep the fields of the published record: both slots, who is committed, the commit interval."""
    return MongooseCodec(counting)


def complete(counting: Counting) -> Codec:
    """Keep every record complete in itself, with the way back and a mark that the image was tried."""
    return CompleteCodec(counting)


def of_android(_counting: Counting) -> Codec:
    """Keep Android's boot control: priority, tries left and "successful" of each slot, a CRC-32 and no sequencer."""
    return BootControlCodec()


def of_the_cc3200(_counting: Counting) -> Codec:
    """Keep the record of the CC3200: slots by the names of their files, and a tombstone for a record that is given up.

    It counts as it counts, and so do those that follow.
    """
    return Cc3200Codec()


def of_mgos_boot(_counting: Counting) -> Codec:
    """Keep the 256 bytes of the Mongoose OS boot loader, a CRC-32 of their own included."""
    return JournalCodec()


def of_esp_idf(_counting: Counting) -> Codec:
    """Keep an entry of ESP-IDF: its sequencer names the slot, and its check covers nothing else."""
    return OtadataCodec()


def of_the_esp32(_counting: Counting) -> Codec:
    """Keep an entry as Mongoose OS has it on the ESP32: it names the slot, and does not know of commits."""
    return MongooseOtadataCodec()


def of_rboot(_counting: Counting) -> Codec:
    """Keep rBoot's configuration: one record without a sequencer or a check, in which the loader counts attempts."""
    return RbootCodec()


def of_mcuboot(_counting: Counting) -> Codec:
    """Keep a trailer of MCUboot for each slot: a magic and flags that are set one by one, without an erase."""
    return TrailerCodec()


def of_rboot_itself(_counting: Counting) -> Codec:
    """Read rBoot's configuration as its author has it: 24 bytes, four addresses."""
    return RbootOwnCodec()


def of_rboot_with_its_checksum(_counting: Counting) -> Codec:
    """Read rBoot's configuration with the checksum that `BOOT_CONFIG_CHKSUM` puts behind it."""
    return RbootOwnCodec(checked=True)


def unguarded(codec: Codec) -> Codec:
    """Guard a record by nothing: the loader believes what it reads."""
    return codec


def crc_of_16_bits(codec: Codec) -> Codec:
    """Put a CRC of 16 bits behind each record: of 65,536 things that a cut may leave, one passes for a record."""
    return Guarded(codec, crc16, 2)


def crc_of_32_bits(codec: Codec) -> Codec:
    """Put a CRC of 32 bits behind each record: a torn one is refused, but for one in four thousand million."""
    return Guarded(codec, check_of_32_bits, 4)


def guarded_by_its_format(codec: Codec) -> Codec:
    """Leave it to the format, which has a check of its own."""
    return codec


def bare(codec: Codec) -> Codec:
    """Keep records on bare flash, where a cut leaves what it leaves."""
    return codec


def replaced_whole(codec: Codec) -> Codec:
    """Keep records in a store of files that shows one which was not closed as missing.

    SimpleLink's way of doing that is not published; a CRC-32 over the record stands for it.
    """
    return Guarded(codec, check_of_32_bits, 4)


LAB_RECORDS = ("mongoose", "complete")
COUNTINGS: dict[str, Count] = {"decreasing": decreasing, "increasing": increasing}
WIDTHS: dict[int, Callable[[Count], Counting]] = {64: of_64_bits, 32: of_32_bits, 16: of_16_bits}
RECORDS: dict[str, Callable[[Counting], Codec]] = {
    "mongoose": published,
    "complete": complete,
    "boot-control": of_android,
    "cc3200": of_the_cc3200,
    "mgos-boot": of_mgos_boot,
    "otadata": of_esp_idf,
    "otadata-mongoose": of_the_esp32,
    "rboot": of_rboot,
    "mcuboot": of_mcuboot,
}
# Formats that are read and never written: no design has them.
READ_ONLY: dict[str, Callable[[Counting], Codec]] = {
    "rboot-own": of_rboot_itself,
    "rboot-checked": of_rboot_with_its_checksum,
}
GUARDS: dict[str, Callable[[Codec], Codec]] = {
    "none": unguarded,
    "crc16": crc_of_16_bits,
    "crc32": crc_of_32_bits,
    "own": guarded_by_its_format,
}
KEEPERS: dict[str, Callable[[Codec], Codec]] = {"bare": bare, "atomic-replace": replaced_whole}

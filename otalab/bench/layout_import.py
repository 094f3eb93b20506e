"""Layouts out of what people bring: a partition table of ESP-IDF, `pm_static.yml`, or rBoot's configuration."""

from __future__ import annotations

from itertools import pairwise
from pathlib import PurePath

from otalab.bench.layout import Layout, serial_part, whole_flash
from otalab.errors import BadInput, BundleFault
from otalab.formats import partition_table
from otalab.formats.bundle.reader import BundleReader, PartData
from otalab.formats.partition_csv import read_csv
from otalab.formats.partition_table import Partition, PartitionTable, find_table, read_table
from otalab.formats.pm_static import MappedRegion, read_map
from otalab.formats.records import rboot, rboot_own
from otalab.hardware.part import part, parts
from otalab.hardware.places import Region

SECTOR, BLOCK = 0x1000, 0x10000
RBOOT_AT, ROM_MOST = 0x1000, 0x100000
RBOOT = bytes((rboot.MAGIC, rboot.VERSION))
FILES = {0x81: "raw", 0x82: "spiffs", 0x83: "littlefs"}
NRF, NRF_SECTOR = "nRF52840", 0x1000
TEXT_MOST = 1 << 16
KEPT = 'whether an update replaces these data: "kept" says that none does, "overwritten" that each one writes over them'
ONE_IMAGE = (
    "a second slot, and none can be made up: an update over the air needs ota_0, ota_1 and otadata in the table; "
    "until then nothing is checked"
)


def imported_layout(name: str, data: bytes) -> Layout:
    """Return the layout that a file tells of; `BadInput` says what was tried where it is nothing of the kind."""
    stem = PurePath(name).stem or "mine"
    if data[:2] == b"PK":
        return of_table(stem, _in_a_bundle(name, data), None)
    small = len(data) <= SECTOR
    table = read_table(data) if small else find_table(data)
    if table:
        return of_table(stem, _checked(name, table), None if small else len(data))
    config = data if small else data[RBOOT_AT : RBOOT_AT + SECTOR]
    if config[:2] == RBOOT:
        return of_rboot(stem, name, config, None if small else len(data))
    text = _text(name, data)
    if name.endswith((".yml", ".yaml")):
        return of_map(stem, name, read_map(name, text))
    return of_table(stem, read_csv(name, text, partition_table.AT), None)


def of_table(name: str, table: PartitionTable, size: int | None) -> Layout:
    """Return the layout of a table of ESP-IDF; `size`: of the flash, where that is known."""
    end = max(row.offset + row.size for row in table.rows)
    flash = whole_flash(max(end, size or 0))
    slots = tuple(_region(row) for row in table.slots)
    factory = _region(table.factory) if table.factory else None
    unknown = {
        "platform": "which chip it is; esp32 stands for the family, and bundles must name what is written here",
        "part": f"which flash part is on the board; see otalab parts for those of at least {flash >> 20} MiB",
        "loader": "where the boot loader begins: at 0x1000 on the ESP32 and S2, at 0x0 on the S3 and C3",
    }
    if size != flash:
        unknown["flash_size"] = f"how large the flash is: the table ends at 0x{end:x}"
    if table.counted:
        unknown["offsets"] = (
            f"where the table itself lies: the offset of {', '.join(table.counted)} is left out, and counted from a "
            f"table at 0x{partition_table.AT:x}, where ESP-IDF puts it unless CONFIG_PARTITION_TABLE_OFFSET says "
            "otherwise"
        )
    if not slots and factory:
        slots, factory = (factory,), None
    if len(slots) < 2:  # one to run and one to write to
        unknown["slots"] = ONE_IMAGE
    records = _otadata(table, unknown)
    data, kind = _data(table, len(slots) + (factory is not None), unknown)
    nvs = next((row for row in table.rows if (row.type, row.subtype) == (1, 2) and row.size >= 2 * SECTOR), None)
    state = _halves(nvs.offset) if nvs else ()
    first = min(row.offset for row in table.rows)
    loader = Region(SECTOR, min(partition_table.AT, first) - SECTOR)
    summary = f"{table}, as {name} has it".replace("  ", " ")
    part_name = serial_part(flash)
    return Layout(
        *(name, summary, "esp32", part_name, flash, kind, loader, records, state, slots, factory, data),
        unknown=tuple(unknown.items()),
    )


def of_map(name: str, source: str, regions: dict[str, MappedRegion]) -> Layout:
    """Return the layout of a microcontroller with two banks for MCUboot, as the partition manager maps it."""
    wanted = ("mcuboot", "mcuboot_primary", "mcuboot_secondary")
    if missing := [name for name in wanted if name not in regions]:
        raise BadInput(
            f"{source}: no {', '.join(missing)}: a board needs a loader and two slots, named as MCUboot's are"
        )
    flash = whole_flash(max((part.address + part.size for part in regions.values() if not part.beside), default=0))
    loader, first, second = (_mapped(source, regions[name], flash) for name in wanted)
    files = regions.get("littlefs_storage")
    storage = regions.get("settings_storage") or regions.get("nvs_storage")
    beside = _beside([region for region in (*map(regions.get, wanted), files, storage) if region and region.beside])
    unknown = {
        "platform": "by which name bundles are to know the device",
        "part": f"which microcontroller it is; {NRF} has sectors of 4 KiB and words of 4 bytes",
        "flash_size": "how large the flash is: the map ends below",
        "records": "where boot records could lie: MCUboot keeps trailers in its slots, and the lab has records; "
        "they are put into the storage of settings, or left out where that is too small",
    }
    if beside:
        unknown = {key: words for key, words in unknown.items() if key not in ("part", "flash_size")} | {
            "flash.0": f"{unknown['part']}; {unknown['flash_size']}",
            "flash.1": "which external part it is, and how large: the map ends below; its addresses follow on",
            "slots": "whether code runs where it lies: MCUboot moves images to the first slot, the lab runs either one",
        }
    if files:
        unknown["data"] = KEPT
    room = storage is not None and storage.size >= 2 * NRF_SECTOR
    records = _halves(_mapped(source, storage, flash).address) if storage and room else ()
    return Layout(
        *(name, f"two banks of MCUboot, as {name} has them", "lab", NRF, flash, "littlefs", loader, records, ()),
        *((first, second), None, (_mapped(source, files, flash),) if files else ()),
        unknown=tuple(unknown.items()),
        beside=beside,
    )


def of_rboot(name: str, source: str, data: bytes, size: int | None) -> Layout:
    """Return the layout of rBoot's configuration, its own of 24 bytes or that of Mongoose OS with 84."""
    body = data.rstrip(b"\xff").ljust(84, b"\xff")
    files = tuple(rom for rom in _u32(body, 48) if rom not in (0, 0xFFFFFFFF)) if len(data.rstrip(b"\xff")) > 28 else ()
    roms = sorted(rboot.rom_addresses(body) if files else rboot_own.rom_addresses(body))
    if len(roms) < 2 or any(rom % SECTOR or rom < RBOOT_AT + SECTOR for rom in roms):  # as above
        addresses = ", ".join(f"0x{rom:x}" for rom in roms) or "none"
        raise BadInput(
            f"{source}: rBoot counts ROMs at {addresses}: two of them are needed, at whole sectors of 0x1000 bytes"
        )
    gaps = [above - below for below, above in pairwise(roms)]
    if min(gaps) < SECTOR:
        raise BadInput(f"{source}: two ROMs of rBoot lie at 0x{roms[0]:x}: each needs its own sectors")
    rom = min(*gaps, ROM_MOST)
    end = max(roms) + rom
    second = Region(end, SECTOR)
    flash = whole_flash(max(second.end, size or 0))
    unknown = {
        "part": f"which flash part is on the board; see otalab parts for those of at least {flash >> 20} MiB",
        "data": "where files lie: rBoot's configuration does not say; give each slot an fs, or both the same one",
        "records": "a second place for records: rBoot has one, and designs with one use the first; the other is free",
        "slots": f"how large the slots are: 0x{rom:x} bytes is as far as the next one",
    }
    if size != flash:
        unknown["flash_size"] = "how large the flash is: the last slot ends below"
    return Layout(
        *(name, f"{len(roms)} ROMs of rBoot, as {name} has them", "esp8266", serial_part(flash), flash, "spiffs"),
        *(Region(0, RBOOT_AT), (Region(RBOOT_AT, SECTOR), second), ()),
        *(tuple(Region(rom_at, rom) for rom_at in roms), None, ()),
        unknown=tuple(unknown.items()),
    )


def _otadata(table: PartitionTable, unknown: dict[str, str]) -> tuple[Region, ...]:
    if table.otadata and table.otadata.size >= 2 * SECTOR:
        return _halves(table.otadata.offset)
    unknown["records"] = "where boot records lie: the table has no otadata of two sectors"
    return ()


def _data(table: PartitionTable, places: int, unknown: dict[str, str]) -> tuple[tuple[Region, ...], str]:
    """Return the data of the slots: one each where there are as many, the first one for all, or none."""
    rows = [row for row in table.rows if row.type == 1 and row.subtype in FILES]
    if not rows:
        return (), "raw"
    if len(rows) != places or places < 2:  # one slot shares with nobody
        others = ", ".join(row.label for row in rows[1:])
        unknown["data"] = KEPT + (f"; of several the first is taken, and {others} is left out" if others else "")
        rows = rows[:1]
    row = rows[0]
    kind = "littlefs" if "littlefs" in row.label.lower() else FILES[row.subtype]
    unknown["file_system"] = f"what is really in {row.label}: a table names a kind, and firmware mounts what it likes"
    return tuple(map(_region, rows)), kind


def _checked(name: str, table: PartitionTable) -> PartitionTable:
    if table.checked is False:
        raise BadInput(f"{name}: the MD5 of its partition table does not match: read it anew, or bring its CSV")
    ends = sorted(table.rows, key=lambda row: row.offset)
    for below, above in pairwise(ends):
        if below.offset + below.size > above.offset:
            raise BadInput(f"{name}: its partition {above.label} begins inside {below.label}: bring its CSV")
    return table


def _in_a_bundle(name: str, data: bytes) -> PartitionTable:
    reader, table_bytes = BundleReader(), bytearray()
    try:
        for event in reader.feed(data):
            if isinstance(event, PartData) and "pt" in (event.part.name, event.part.role):
                table_bytes += event.data
    except BundleFault as fault:
        raise BadInput(f"{name}: the bundle cannot be read: {fault}") from fault
    table = read_table(bytes(table_bytes))
    if table is None:
        raise BadInput(
            f"{name}: the bundle has no part pt with a partition table in it: bring partitions.csv, or a dump"
        )
    return _checked(name, table)


def _text(name: str, data: bytes) -> str:
    nothing = f"{name}: no partition table, no rBoot configuration at 0x0 or 0x1000, and no text of CSV or YAML"
    if len(data) > TEXT_MOST or b"\0" in data:
        raise BadInput(f"{nothing}; bring partitions.csv, the table's own bytes, a whole dump or pm_static.yml")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{nothing}: byte {error.start} is no UTF-8") from error


def _region(row: Partition) -> Region:
    return Region(row.offset, row.size)


def _beside(outside: list[MappedRegion]) -> tuple[str, int] | None:
    """Return the external part of a map, by its name there if the table has it, and its bytes; `None` without one."""
    if not outside:
        return None
    size = whole_flash(max(region.address + region.size for region in outside))
    named = (name for region in outside if region.device for name in parts() if name.startswith(region.device.upper()))
    fitting = (name for name in named if size <= parts()[name].size and parts()[name].sector_size == NRF_SECTOR)
    return next(fitting, serial_part(size)), size


def _mapped(source: str, region: MappedRegion, inside: int) -> Region:
    """Return where a region lies on the board, on which external flash follows that of the controller."""
    sector = part(NRF).sector_size
    if region.address % sector or region.size % sector:
        raise BadInput(
            f"{source}: {region.name} lies at 0x{region.address:x} with 0x{region.size:x} bytes: no whole sectors of "
            f"{sector}"
        )
    return Region(region.address + inside * region.beside, region.size)


def _halves(address: int) -> tuple[Region, ...]:
    return Region(address, SECTOR), Region(address + SECTOR, SECTOR)


def _u32(data: bytes, at: int) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[at + 4 * n : at + 4 * n + 4], "little") for n in range(4))

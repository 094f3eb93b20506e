"""Boards out of what people bring: ESP-IDF's tables in text and in bytes, `pm_static.yml`, rBoot's configuration."""

import hashlib
import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from otalab.bench.layout_import import imported_layout
from otalab.bench.observer import judge
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.cli.main import main
from otalab.formats.bundle.build import PartSource, bundle_bytes
from otalab.formats.partition_csv import read_csv
from otalab.graph.check import check_design
from otalab.hardware.board import Board, load_board
from otalab.hardware.part import parts

NVS = "nvs,data,nvs,0x9000,0x5000,\notadata,data,ota,0xe000,0x2000,\n"
SPIFFS = NVS + "app0,app,ota_0,0x10000,{app},\napp1,app,ota_1,,{app},\nspiffs,data,spiffs,,{data},\n"
TABLES = {
    "single": "nvs,data,nvs,0x9000,0x6000\nphy_init,data,phy,0xf000,0x1000\nfactory,app,factory,0x10000,1M\n",
    "factory-and-two": (
        "# Name, Type, SubType, Offset, Size\nnvs, data, nvs, , 0x4000,\notadata, data, ota, , 0x2000,\n"
        "phy_init, data, phy, , 0x1000,\nfactory, app, factory, , 1M,\n"
        "ota_0, app, ota_0, , 1M,\nota_1, app, ota_1, , 1M,\n"
    ),
    "two": "nvs,data,nvs,,16K\notadata,data,ota,,8K\nphy_init,data,phy,,4K\nota_0,app,ota_0,,1M\nota_1,app,ota_1,,1M\n",
    "min-spiffs": SPIFFS.format(app="0x1E0000", data="0x20000"),
    "8M": SPIFFS.format(app="0x330000", data="0x180000"),
    "16M": SPIFFS.format(app="0x640000", data="0x360000"),
}
MAP = """
mcuboot: {address: 0x0, size: 0xc000, region: flash_primary}
mcuboot_primary: {address: 0xc000, end_address: 0x82000, orig_span: [app], region: flash_primary}
mcuboot_secondary: {address: 0x82000, size: 0x76000, region: flash_primary}
settings_storage: {address: 0xfc000, size: 0x4000, region: flash_primary}
sram_primary: {address: 0x20000000, size: 0x40000, region: sram_primary}
"""


def rboot(*roms: int) -> bytes:
    return struct.pack("<6B2x4I", 0xE1, 1, 0, 0, 0, len(roms), *(*roms, 0, 0, 0, 0)[:4])


def packed(label: str, kind: int, subtype: int, offset: int, size: int) -> bytes:
    return struct.pack("<HBBII16sI", 0x50AA, kind, subtype, offset, size, label.encode(), 0)


def binary(text: str, *, md5: bytes | None = None) -> bytes:
    """Return a table as `gen_esp32part.py` packs it, with its row of MD5."""
    table = read_csv("t.csv", text, 0x8000)
    rows = b"".join(packed(row.label, row.type, row.subtype, row.offset, row.size) for row in table.rows)
    return (rows + b"\xeb\xeb" + b"\xff" * 14 + (md5 or hashlib.md5(rows).digest())).ljust(0xC00, b"\xff")


def bundled(name: str, table: bytes) -> bytes:
    every = [PartSource(name, name, f"{name}.bin", table, {}), PartSource("app", "app", "a.bin", b"a" * 64, {})]
    return bundle_bytes(name="lamp", platform="esp32", version="1", build_id="1", parts=every)


def board_of(name: str, data: bytes, folder: Path) -> Board:
    page = folder / "mine.toml"
    page.write_text(imported_layout(name, data).toml())
    return load_board(str(page))


@pytest.mark.parametrize("table", [one for one in TABLES if one != "single"])
def test_a_common_table_is_a_board_that_takes_an_update(table: str, tmp_path: Path) -> None:
    """Its data stay where they are, its part is large enough, and ESP-IDF's flow on it is proved safe."""
    board = board_of(f"{table}.csv", TABLES[table].encode(), tmp_path)
    what = set_up("esp-idf", board, app_size=4096)
    assert "updated" == judge(what, life(what)).name
    assert "safe" == check_design("esp-idf", board=board, faults="atomic", app_size=4096).verdict
    assert ("none" if "spiffs" not in TABLES[table] else "kept") == board.data
    assert (table == "factory-and-two") == board.factory
    assert {"M25": 1, "W25Q16JV": 2, "W25Q128JV": 16}[board.part.name] << 20 >= board.geometry.size


def test_a_table_with_one_image_is_written_and_says_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No second slot is made up for it; whoever loads it is told in one line what that means, and what to do."""
    layout = imported_layout("single.csv", TABLES["single"].encode())
    assert {"slots", "records"} <= dict(layout.unknown).keys()
    assert "ota_0, ota_1 and otadata" in layout.toml()
    (tmp_path / "mine.toml").write_text(layout.toml())
    for command in ("check", "trace", "risk"):
        rate = ("--rate", "1/day") if command == "risk" else ()
        assert 2 == main([command, "esp-idf", "--board", str(tmp_path / "mine.toml"), *rate])
        said = capsys.readouterr()
        assert ("", 1) == (said.out, said.err.count("\n"))
        assert re.search(r"mine\.toml:\d+: slots: there is one, .* the first cut leaves none that starts", said.err)
        assert "Take a table with two (in ESP-IDF ota_0, ota_1 and otadata" in said.err


@pytest.mark.parametrize("table", TABLES)
def test_bytes_a_bundle_and_a_dump_tell_the_same_as_the_text(table: str) -> None:
    """But for the size of the flash, which a dump knows, and for offsets that a text leaves out and bytes have."""
    text, data = imported_layout("x.csv", TABLES[table].encode()), binary(TABLES[table])
    unknown = dict(text.unknown)
    counted = unknown.pop("offsets", "")
    assert ("counted from a table at 0x8000" in counted) == (table in ("factory-and-two", "two"))
    assert ("# NOT KNOWN: where the table itself lies" in text.toml()) == bool(counted)
    text = replace(text, unknown=tuple(unknown.items()))
    assert text == imported_layout("x.bin", data)
    assert text == imported_layout("x.zip", bundled("pt", data))
    dump = imported_layout("x.bin", (b"\xff" * 0x8000 + data).ljust(1 << 24, b"\xff"))
    assert 1 << 24 == dump.flash_size
    assert "flash_size" not in dict(dump.unknown)
    assert (text.slots, text.factory, text.records, text.data) == (dump.slots, dump.factory, dump.records, dump.data)


def test_a_map_of_two_banks_is_a_board(tmp_path: Path) -> None:
    """Loader and slots lie where MCUboot has them; records are a guess, and called one."""
    board = board_of("pm_static.yml", MAP.encode(), tmp_path)
    assert ([0xC000, 0x82000], 0x76000) == ([slot.app.address for slot in board.slots], board.slots[0].app.size)
    assert "# NOT KNOWN: where boot records could lie" in imported_layout("pm_static.yml", MAP.encode()).toml()
    what = set_up("hardened", board, app_size=4096)
    assert "updated" == judge(what, life(what)).name
    assert "safe" == check_design("hardened", board=board, faults="atomic", app_size=4096).verdict


@pytest.mark.parametrize(("device", "part"), [("MX25R64", "MX25R6435F"), ("GD25Q128", "W25Q16JV"), ("", "W25Q16JV")])
def test_a_second_slot_on_an_external_part_is_on_the_board(device: str, part: str, tmp_path: Path) -> None:
    """Its addresses follow those of the controller; which part it is goes by the map's name for it, or is a guess."""
    there = f"0x0, size: 0x76000, region: external_flash, device: {device}"
    data = MAP.replace("0x82000, size: 0x76000, region: flash_primary", there).encode()
    board = board_of("pm_static.yml", data, tmp_path)
    assert ([0xC000, 0x100000], f"nRF52840, {part}") == ([slot.app.address for slot in board.slots], board.part_names)
    page = imported_layout("pm_static.yml", data).toml()
    assert all(f"# NOT KNOWN: {words}" in page for words in ("which external part", "whether code runs where it lies"))
    what = set_up("hardened", board, app_size=4096)
    assert "updated" == judge(what, life(what)).name
    assert "safe" == check_design("hardened", board=board, faults="atomic", app_size=4096).verdict


def test_an_external_part_that_holds_nothing_of_an_update_is_left_out(tmp_path: Path) -> None:
    """The board has one flash then, and another part may stand for it."""
    more = "external_flash: {address: 0x0, size: 0x800000, region: external_flash}\n"
    assert board_of("pm_static.yml", MAP.encode(), tmp_path) == board_of(
        "pm_static.yml", (MAP + more).encode(), tmp_path
    )


@pytest.mark.parametrize("dump", [False, True])
def test_a_map_of_rboot_is_a_board(dump: bool, tmp_path: Path) -> None:
    """Its ROMs are slots; a design with one record uses the place that rBoot has."""
    data = rboot(0x2000, 0x82000)
    board = board_of("rboot.bin", (b"\0" * 0x1000 + data).ljust(1 << 20, b"\xff") if dump else data, tmp_path)
    assert [0x2000, 0x82000] == [slot.app.address for slot in board.slots]
    assert 0x1000 == board.records[0].address
    what = set_up("single-record", board, app_size=4096)
    assert "updated" == judge(what, life(what)).name
    found = check_design("single-record", board=board, faults="atomic", app_size=4096, budget=40).graph.counterexample
    assert found is not None
    assert "bricked" == found.end


def test_the_command_writes_once_and_marks_what_it_could_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --out the page is printed; with it, the page is a board for the other commands."""
    monkeypatch.chdir(tmp_path)
    Path("partitions.csv").write_text(TABLES["min-spiffs"])
    assert 0 == main(["board", "import", "partitions.csv"])
    assert imported_layout("partitions.csv", TABLES["min-spiffs"].encode()).toml() == capsys.readouterr().out
    assert 0 == main(["board", "import", "partitions.csv", "--out", "mine.toml"])
    assert "not known, and marked there" in capsys.readouterr().out
    assert 0 == main(["trace", "esp-idf", "--board", "mine.toml", "--summary", "--format", "csv"])


ROW = "app0,app,ota_0,0x10000,1M\n"
HEAD, LAST = binary(TABLES["two"])[:64], binary(TABLES["two"])[64:]
MALFORMED = {
    "empty.csv": (b"", "no line of it is a partition"),
    "comment.csv": (b"# nothing\n\n", "no line of it is a partition"),
    "columns.csv": (b"app0,app,ota_0\n", "columns.csv:1: 3 columns, and a partition has five"),
    "type.csv": (b"app0,ap,ota_0,0x10000,1M\n", "type 'ap' is not one of app, data"),
    "subtype.csv": (b"x,data,ota_0,0x10000,1M\n", "subtype 'ota_0' is not one of ota, phy, nvs"),
    "offset.csv": (b"app0,app,ota_0,start,1M\n", "offset 'start' is not a number of bytes such as"),
    "size.csv": (b"app0,app,ota_0,0x10000,\n", "size '' is not a number of bytes"),
    "unit.csv": (b"app0,app,ota_0,0x10000,1G\n", "size '1G' is not a number"),
    "negative.csv": (b"app0,app,ota_0,0x10000,-1\n", "size '-1' is not a number"),
    "zero.csv": (b"app0,app,ota_0,0x10000,0\n", "are not whole steps of 0x10000"),
    "aligned.csv": (b"app0,app,ota_0,0x11000,1M\n", "app0: offset 0x11000 and size 0x100000 are not whole steps"),
    "huge.csv": (b"app0,app,ota_0,0x10000,4096M\n", "no flash is larger than 0x10000000"),
    "overlap.csv": (f"{ROW}app1,app,ota_1,0x20000,1M\n".encode(), "csv:2: app1 begins at 0x20000, before 0x110000"),
    "table.csv": (b"nvs,data,nvs,0x1000,4K\n", "nvs begins at 0x1000, before 0x9000: move it up"),
    "nameless.csv": (b",app,ota_0,0x10000,1M\n", "a partition needs a name"),
    "latin.csv": ("käse,app,ota_0,0x10000,1M\n".encode("latin-1"), "byte 1 is no UTF-8"),
    "zeros.bin": (bytes(4096), "no partition table, no rBoot configuration at 0x0 or 0x1000"),
    "erased.bin": (b"\xff" * 4096, "no partition table"),
    "noise.bin": (hashlib.shake_256(b"noise").digest(1 << 18), "bring partitions.csv, the table's own bytes"),
    "md5.bin": (binary(TABLES["two"], md5=bytes(16)), "the MD5 of its partition table does not match"),
    "bit.bin": (HEAD + b"\x01" + LAST, "no partition table|the MD5|begins inside"),
    "inside.bin": (HEAD + packed("ota_0", 0, 0x10, 0xE000, 0x10000), "its partition ota_0 begins inside otadata"),
    "dump.bin": ((b"\xff" * 0x8000 + binary(TABLES["two"], md5=bytes(16))).ljust(1 << 20, b"\xff"), "MD5"),
    "one.conf": (rboot(0x2000), "rBoot counts ROMs at 0x2000: two of them are needed"),
    "none.conf": (rboot(), "rBoot counts ROMs at none"),
    "odd.conf": (rboot(0x2001, 0x82000), "at whole sectors of 0x1000 bytes"),
    "same.conf": (rboot(0x2000, 0x2000), "two ROMs of rBoot lie at 0x2000"),
    "cut.zip": (bundled("pt", b"x")[:80], "the bundle"),
    "no-pt.zip": (bundled("fs", b"x"), "the bundle has no part pt"),
    "bad-pt.zip": (bundled("pt", b"x" * 64), "the bundle has no part pt with a partition table in it"),
    "not.yml": (b"a: [", "not.yml:1: not YAML|not.yml:2: not YAML"),
    "list.yml": (b"[1, 2]", "no map of partitions"),
    "scalar.yml": (b"mcuboot: 12", "'mcuboot' is no partition: it needs an address and a size"),
    "missing.yml": (b"mcuboot: {address: 0, size: 0x1000}", "no mcuboot_primary, mcuboot_secondary"),
    "text.yml": (MAP.replace("0x76000", "large").encode(), "mcuboot_secondary: address 532480 and size 'large' are no"),
    "outside.yml": (MAP.replace("0x82000, size: 0x76000, region: flash_primary",
                                "0x10, size: 0x76000, region: external_flash").encode(),
                    "mcuboot_secondary lies at 0x10 with 0x76000 bytes: no whole sectors"),
    "halves.yml": (MAP.replace("size: 0xc000", "size: 0xc100").encode(), "no whole sectors of 4096"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_what_cannot_be_read_gets_one_line_with_the_way_out(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the file, and the line of it where there is one; nothing is written, and the status is 2."""
    data, says = MALFORMED[name]
    (tmp_path / name).write_bytes(data)
    assert 2 == main(["board", "import", str(tmp_path / name), "--out", str(tmp_path / "mine.toml")])
    told = capsys.readouterr()
    assert "" == told.out
    assert 1 == len(told.err.splitlines())
    assert any(one in told.err for one in says.split("|")), told.err
    assert name in told.err
    assert not (tmp_path / "mine.toml").exists()


def test_parts_for_imported_boards_are_in_the_table() -> None:
    """A board that nobody has named a part for gets one that is there."""
    assert {"W25Q16JV", "W25Q128JV", "MT25QU01G-sfdp", "nRF52840"} <= parts().keys()

"""Recognition is honest: what somebody brings is read right, as a guess that is called one, or not at all."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from functools import cache
from hashlib import md5
from pathlib import Path
from zlib import crc32

import pytest
from deep import latin
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from spiffs_shapes import FILES, SHAPES, made

from otalab.bench.contents import default_bundle
from otalab.bench.inspection import Inspection, formats, inspect_dump, inspect_records
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.firmware import store
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.controller import Controller
from otalab.firmware.design import Design
from otalab.formats.filesystems.kinds import build_image
from otalab.formats.records.record import BootConfig, Record, SlotFacts
from otalab.formats.records.trailer import TrailerCodec
from otalab.hardware.board import load_board
from otalab.hardware.flash import Flash

VERSIONS = ("1.0", "2.0", "1.2.3", "20260102-1", "v3")
PLAIN = load_design("hardened")
DESIGNS = {name: load_design(name) for name in designs()} | {
    "complete-unguarded": replace(PLAIN, guard="none"),
    "complete-crc16": replace(PLAIN, guard="crc16"),
    "cc3200-files": replace(load_design("cc3200"), store="atomic-replace"),
}
AT_HOME = {"esp32": "esp32-4M", "esp-idf": "esp32-4M", "esp8266": "esp8266-4M"}
CELLS = [(name, board) for name in DESIGNS for board in dict.fromkeys(("lab-1M", AT_HOME.get(name, "tiny")))]


@cache
def left_by(name: str, board: str, version: str) -> tuple[Design, tuple[Flash, ...]]:
    """What a real update to a version leaves in flash: just switched, and at its end."""
    design = DESIGNS[name]
    bundle = default_bundle(load_board(board), version, 500, own_check=design.image_check == "own")
    lived = life(set_up(design, board, app_size=500, bundle=bundle))
    switched = next(run.flash for run in lived.runs if any(step.phase == "switch" for step in run.steps))
    return design, (switched, lived.last.flash)


def truth(design: Design, board: str, flash: Flash) -> tuple[int, bool] | None:
    selected = store.select(Controller(load_board(board), flash), design)
    return None if selected is None else (selected.config.active, selected.config.committed)


def told(found: Inspection) -> tuple[int | None, bool] | None:
    one = None if found.selected is None else found.records[found.selected].as_object()
    return None if one is None else (one["active_slot"], one["committed"])


@pytest.mark.parametrize(("cell", "version"), latin(CELLS, VERSIONS, always=[(cell, VERSIONS[0]) for cell in CELLS]))
def test_a_dump_after_an_update_is_read_as_what_it_is(cell: tuple[str, str], version: str) -> None:
    """Whatever the version is called: format, slot and commit are those that the firmware itself has."""
    board, (design, flashes) = cell[1], left_by(*cell, version)
    for flash in flashes:
        found = inspect_dump("dump.bin", b"".join(flash.sectors))

        assert design.record == found.design.record
        assert truth(design, board, flash) == told(found)


@pytest.mark.parametrize("version", VERSIONS[:3])
@pytest.mark.parametrize(("name", "board"), CELLS)
def test_record_files_alone_are_right_or_not_known(name: str, board: str, version: str) -> None:
    """The areas as files, whole and cut to the record; one of them alone is right for what it is, or not known."""
    design, flashes = left_by(name, board, version)
    form = store.codec(design)
    for flash in flashes:
        files = [
            (f"record.{number}", flash.read(area.address, area.size))
            for number, area in enumerate(load_board(board).records[: design.records])
        ]
        found = inspect_records(files)
        assert (design.record, truth(design, board, flash)) == (found.design.record, told(found))
        for where, data in files:
            alone = data[: form.size * design.journal]
            found = known([(where, alone)])
            record = form.decode(alone[: form.size])
            if found and found.selected is not None and isinstance(record, Record) and design.journal == 1:
                config = record.config
                assert (config.active, config.committed) == told(found)


def known(files: list[tuple[str, bytes]]) -> Inspection | None:
    try:
        return inspect_records(files)
    except BadInput:
        return None


def fillings(size: int) -> dict[str, bytes]:
    chance = random.Random(size)
    return {
        "zeros": bytes(size),
        "ones": b"\xff" * size,
        "text": (b"The quick brown fox jumps over the lazy dog. 0123456789\n" * (size // 50 + 1))[:size],
        "random": chance.randbytes(size),
        "numbers": b"".join(struct.pack("<I", number) for number in range(size // 4)),
        "halves": struct.pack("<H", 1) * (size // 2),
        "json": (b'{"wifi": {"ssid": "lamp"}}' * (size // 20 + 1))[:size],
    }


IMAGES = {
    **{f"spiffs-{number}": made(FILES, 0x20000, **shape) for number, shape in enumerate(SHAPES)},
    "littlefs": build_image(FILES, 0x20000),
    "spiffs of the lab": build_image(FILES, 0x20000, kind="spiffs"),
}
OTHERS = {
    f"{what} {size}": data
    for size in (32, 100, 512, 4096, 8192, 65536, 1 << 20)
    for what, data in fillings(size).items()
}


@pytest.mark.parametrize("name", [*IMAGES, *OTHERS])
def test_what_is_no_record_is_not_known(name: str, tmp_path, capsys) -> None:
    """File systems, zeros, ones, text, numbers, random bytes: exit status 2, one line, the formats that were tried."""
    place = tmp_path / "brought.bin"
    place.write_bytes((IMAGES | OTHERS)[name])

    assert 2 == main(["inspect", str(place)])
    said = capsys.readouterr().err
    assert "no format makes sense of it" in said
    assert 1 == len(said.splitlines())


@tuned(max_examples=100)
@given(st.binary(max_size=600), st.sampled_from(["", "fill", "twice"]))
def test_bytes_by_chance_are_no_records(data: bytes, more: str) -> None:
    """Alone, with blank flash behind them, or with as many before them."""
    data = data.ljust(4096, b"\xff") if more == "fill" else data * 2 if more == "twice" else data
    if any(data):
        assert known([("brought", data)]) is None


RECORDS = st.builds(
    lambda active, committed, back, length, version: BootConfig(
        active, committed, (SlotFacts(length, 7, version), SlotFacts(9000, 8, "1.0")), 1 - active if back else None
    ),
    st.integers(0, 1),
    st.booleans(),
    st.booleans(),
    st.integers(1, 1 << 20),
    st.sampled_from(VERSIONS),
)


@tuned(max_examples=80)
@given(st.sampled_from([name for name in formats() if not name.startswith("rboot-")]), RECORDS, st.integers(0, 40))
def test_a_record_of_any_format_is_right_or_not_known(name: str, config: BootConfig, steps: int) -> None:
    """Read as what it is; where nothing tells two formats apart, only what both say."""
    design = formats()[name]
    form = store.codec(design)
    record = Record(form.counting.first + form.counting.step * steps, config)
    if design.record == "otadata":
        record = form.follow(record, config)
    data = form.encode(record)
    # A file alone is that of the first place, and a trailer that lies there tells of slot 0 alone.
    wanted = form.behind(0, data) if isinstance(form, TrailerCodec) else form.decode(data)
    found = known([("record", data)])
    if found and isinstance(wanted, Record):
        assert (wanted.config.active, wanted.config.committed) == told(found)
        assert found.design.record == design.record or (found.guess and name in found.others)


def row(label: str, kind: int, subtype: int, offset: int, size: int) -> bytes:
    return b"\xaa\x50" + struct.pack("<BBII", kind, subtype, offset, size) + label.encode().ljust(16, b"\0") + bytes(4)


def with_table(size: int, slots: int, otadata: int, *, factory: bool = False, at: int = 0x8000) -> bytearray:
    """A dump with a binary partition table and its MD5."""
    rows = row("nvs", 1, 2, 0x9000, 0x4000) + row("otadata", 1, 0, otadata, 0x2000)
    rows += row("factory", 0, 0, 0x10000, 0x10000) if factory else b""
    for slot in range(slots):
        rows += row(f"ota_{slot}", 0, 0x10 + slot, 0x20000 + 0x10000 * slot, 0x10000)
    dump = bytearray(b"\xff" * size)
    rows += b"\xeb\xeb" + b"\xff" * 14 + md5(rows, usedforsecurity=False).digest()
    dump[at : at + len(rows)] = rows
    return dump


def entry(sequencer: int, state: int = 2) -> bytes:
    number = struct.pack("<I", sequencer)
    return number + b"\xff" * 20 + struct.pack("<II", state, crc32(number, 0xFFFFFFFF))


@pytest.mark.parametrize("slots", [1, 2, 3, 5, 16])
@pytest.mark.parametrize("size", [0x40000, 0x200000, 0x400000, 0x1000000])
def test_a_dump_names_its_own_otadata(size: int, slots: int) -> None:
    """Where its table has it, in a dump of any size; slot = (sequencer - 1) mod the number of OTA slots."""
    dump = with_table(size, slots, 0xE000)
    dump[0xE000:0xE020], dump[0xF000:0xF020] = entry(6), entry(7)
    found = inspect_dump("dump.bin", bytes(dump))

    assert ("otadata", 1, (6 % slots, True)) == (found.format, found.selected, told(found))
    assert found.records[1].as_object()["revert_slot"] is None
    assert f"{slots} OTA slots" in " ".join(found.notes)
    assert not found.guess


@pytest.mark.parametrize("at", [0x9000, 0x10000])
def test_a_table_elsewhere_counts_with_its_check(at: int) -> None:
    """A project may put it behind a larger boot loader."""
    dump = with_table(0x100000, 2, 0x30000, at=at)
    dump[0x30000:0x30020] = entry(2)
    assert (1, True) == told(inspect_dump("dump.bin", bytes(dump)))


def test_a_part_of_a_dump_is_taken_with_its_offset(tmp_path, capsys) -> None:
    """The table and what it names lie where the flash has them."""
    dump = with_table(0x400000, 3, 0xE000)
    dump[0xE000:0xE020], dump[0xF000:0xF020] = entry(4), entry(3)
    place = tmp_path / "part.bin"
    place.write_bytes(dump[0x8000:0x20000])

    assert 0 == main(["inspect", str(place), "--offset", "0x8000", "--json"])
    assert '"active_slot": 0' in capsys.readouterr().out
    assert 2 == main(["inspect", str(place), "--offset", "0x20000"])
    assert "its otadata does not lie whole in these 98304 bytes; say with --offset" in capsys.readouterr().err
    assert 2 == main(["inspect", str(place), "--offset", "0x700000"])
    said = capsys.readouterr().err
    assert "hold the records of no board; name one with --board: " in said
    assert "esp32-4M (4194304)" in said


def test_table_and_board_that_disagree_are_told() -> None:
    """The table rules: it is what the device has."""
    dump = with_table(0x400000, 2, 0xE000)
    dump[0xE000:0xE020], dump[0xF000:0xF020] = entry(3), entry(4)
    found = inspect_dump("dump.bin", bytes(dump), load_board("esp32-4M"))

    assert (1, (1, True)) == (found.selected, told(found))
    assert "Board esp32-4M has its records at 0xd000: table and board disagree." in found.notes


def test_a_dump_that_was_never_updated_says_what_the_loader_starts() -> None:
    """Both entries are erased: the factory image, or the first slot that is whole."""
    plain, factory = (inspect_dump("d", bytes(with_table(0x200000, 2, 0xE000, factory=one))) for one in (False, True))

    assert [None, None] == [plain.selected, factory.selected]
    assert plain.guess
    assert "the first slot whose image passes its check" in plain.next
    assert "Start the factory image at 0x10000, which no update replaces." == factory.next


@pytest.mark.slow
@pytest.mark.parametrize("board", ["lab-1M", "esp32-4M", "esp8266-4M"])
def test_the_first_megabytes_of_a_chip_and_a_larger_chip_are_taken(board: str) -> None:
    """What follows, or lacks, holds no records."""
    for name in ("mongoose", "hardened", "mgos-boot"):
        flash = b"".join(left_by(name, board, "2.0")[1][1].sectors)
        for dump in (flash[: len(flash) // 2 - 0x1000], flash + b"\xff" * 0x100000, flash * 2):
            assert (1, True) == told(inspect_dump("dump.bin", dump))


def rboot(active: int, addresses: tuple[int, ...], *, checked: bool = False) -> bytes:
    """rBoot's own configuration, as its header has it."""
    body = struct.pack("<6B2x4I", 0xE1, 1, 0, active, 0, len(addresses), *addresses, *[0] * (4 - len(addresses)))
    check = 0xEF
    for byte in body:
        check ^= byte
    return body + bytes((check, 0, 0, 0)) * checked


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("addresses", [(0x2000,), (0x2000, 0x82000), (0x2000, 0x102000, 0x202000, 0x302000)])
def test_the_configuration_of_rboot_itself_is_read(addresses: tuple[int, ...], checked: bool) -> None:
    """24 bytes, or 28 with a checksum: the ROM, all addresses, no way back, as a file and in a dump at 0x1000."""
    for active in range(len(addresses)):
        data = rboot(active, addresses, checked=checked)
        dump = bytearray(b"\xff" * 0x100000)
        dump[0x1000 : 0x1000 + len(data)] = data
        files = [("rboot.bin", data)], [("rboot.bin", data.ljust(4096, b"\xff"))]
        for found in (*map(inspect_records, files), inspect_dump("dump.bin", bytes(dump))):
            shown = found.records[0].as_object()
            assert ("rboot-checked" if checked else "rboot-own") == found.format
            assert (active, None, list(addresses)) == tuple(
                shown[key] for key in ("active_slot", "revert_slot", "slot_addresses")
            )
    broken = bytes((*data[:9], data[9] ^ 0x10, *data[10:]))
    assert not checked or known([("rboot.bin", broken)]) is None


CASES = Path(__file__).parents[3] / "shared" / "cases"
TIES = [
    ("tie", "both sequencers are 3, and of two equal ones the first counts", 0, (0, True)),
    ("crc0", "its CRC-32 does not match", None, None),
    ("bothbad", "its CRC-32 does not match", None, None),
    ("aborted", "its state is aborted", None, None),
    ("seq0", "record 1 is erased", 0, (1, False)),
]


@pytest.mark.parametrize(("name", "why", "selected", "means"), TIES)
def test_entries_from_the_field_are_otadata_and_say_what_happens_next(name, why, selected, means) -> None:
    """As a dump and as a pair of files, one of which may be blank: the first of a tie, and the loader's next step."""
    place = CASES / "01-otadata-tie"
    if not place.is_dir():
        pytest.skip(f"no {place.name} in {CASES.name}/ beside the checkout")
    pair = [(f"{name}.{number}", (place / f"{name}.{number}").read_bytes()) for number in range(2)]
    dump = (place / f"{name}.bin").read_bytes()
    for found in (inspect_records(pair), inspect_dump(name, dump, load_board("esp32-4M"), "otadata")):
        assert ("otadata", selected, means) == (found.format, found.selected, told(found))
        assert why in found.reason
        assert (selected is None) == ("the first slot whose image passes its check" in found.next)


def test_the_pair_that_cc3200_bundles_ship_is_theirs() -> None:
    """Record 0 as its maker writes it, with the names of the application, and record 1 of zeros."""
    names = b"lamp.bin.0", b"spiffs.img.0"
    first = struct.pack("<QI50s2xI50s2x392x", 2**64 - 2, 0, names[0], 0x20000000, names[1])
    found = inspect_records([("mg-boot.cfg.0", first), ("mg-boot.cfg.1", bytes(512))])

    assert ("cc3200", 0, (0, True)) == (found.format, found.selected, told(found))
    assert found.guess
    assert "its sequencer is zero" in found.reason
    shown = [one.as_object() for one in found.records]
    assert [2**64 - 2, None] == [one["sequencer"] if one["valid"] else None for one in shown]

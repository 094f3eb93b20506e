"""Boot records from elsewhere: the format is recognised, the fields are read, and the loader's choice is told."""

from __future__ import annotations

import json
import struct
from binascii import crc32
from pathlib import Path

import pytest
from bundles import ESP32, real

from otalab.bench.inspection import Inspection, design_of, formats, inspect_dump, inspect_records, is_dump
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.firmware.catalogue import designs, load_design
from otalab.formats.bundle.reader import PartData, bundle_events
from otalab.views.widgets.sequencer import SequencerLab

BOARDS = {"esp32": "esp32-4M", "esp-idf": "esp32-4M", "esp8266": "esp8266-4M"}


def cc3200(sequencer: int, flags: int, slot: int) -> bytes:
    """Return `mg-boot.cfg` as the format's table has it, written by hand."""
    names = f"app.bin.{slot}".encode().ljust(52, b"\0"), f"spiffs.img.{slot}".encode().ljust(52, b"\0")
    return (struct.pack("<QI", sequencer, flags) + names[0] + struct.pack("<I", 0x20000000) + names[1]).ljust(
        512, b"\0"
    )


def otadata(sequencer: int, state: int) -> bytes:
    """Return an entry of ESP-IDF 4, written by hand: the check covers the sequencer."""
    number = struct.pack("<I", sequencer)
    return number + b"\xff" * 20 + struct.pack("<II", state, crc32(number, 0xFFFFFFFF))


N = 2**64 - 7
ERASED = b"\xff" * 512
PAIRS = [
    (cc3200(2**64 - 2, 0, 0), cc3200(0, 0, 0), 0),
    (cc3200(N, 0, 0), cc3200(N - 1, 3, 1), 1),
    (cc3200(N, 0, 0), cc3200(2**64 - 1, 3, 1), 0),
    (cc3200(2**64 - 1, 0, 0), cc3200(2**64 - 1, 0, 1), 1),
    (cc3200(N, 0, 0), cc3200(N, 0, 1), 1),
    (cc3200(N, 0, 0), cc3200(N - 1, 0, 1)[:100], 0),
    (cc3200(N, 0, 0), cc3200(N - 1, 1 << 31, 1), None),
    (ERASED, ERASED, None),
    (bytes(512), bytes(512), None),
]


@pytest.mark.parametrize(("first", "second", "selected"), PAIRS)
def test_the_cc3200_takes_what_its_rules_say(first: bytes, second: bytes, selected: int | None) -> None:
    """The smaller sequencer, the second of two that are the same, and a record that is marked invalid stops it."""
    found = inspect_records([("cfg.0", first), ("cfg.1", second)], "cc3200")

    assert selected == found.selected


def test_fields_are_those_of_the_table() -> None:
    """Sequencer, slot and flags, as they stand in the bytes."""
    found = inspect_records([("cfg.0", cc3200(N, 0, 0)), ("cfg.1", cc3200(N - 1, 3, 1))])

    assert "cc3200" == found.format
    assert [(N, 0, True, False, False), (N - 1, 1, False, True, True)] == [
        tuple(one[key] for key in ("sequencer", "active_slot", "committed", "first_boot", "merge"))
        for one in found.as_object()["records"]
    ]
    assert "2**64-8 is smaller than 2**64-7" in found.reason


def test_an_otadata_file_has_both_entries() -> None:
    """8192 bytes, an entry at the beginning of each sector; an aborted one does not count."""
    entries = [otadata(5, 2), otadata(6, 4)]
    found = inspect_records([("otadata.bin", b"".join(one.ljust(4096, b"\xff") for one in entries))])

    assert ("otadata", 0) == (found.format, found.selected)
    assert ["otadata.bin", "otadata.bin+0x1000"] == [one.where for one in found.records]
    assert "its state is aborted" == found.as_object()["records"][1]["reason"]


def test_the_otadata_of_a_real_bundle_is_recognised() -> None:
    """Entry 1 names slot 0, and the other place is erased."""
    events = [event for event in bundle_events([real(ESP32)]) if isinstance(event, PartData)]
    found = inspect_records([("otadata.bin", b"".join(one.data for one in events if one.part.name == "otadata"))])

    assert ("otadata-mongoose", 0) == (found.format, found.selected)
    assert [(1, 0), (None, None)] == [(one["sequencer"], one["active_slot"]) for one in found.as_object()["records"]]


@pytest.mark.parametrize("design", [name for name in designs() if name not in ("hardened-plus", "in-place")])
def test_the_flash_of_every_design_is_read_back(design: str) -> None:
    """The dump of an updated device: its format is recognised, and slot 1 is committed."""
    board = BOARDS.get(design, "tiny")
    scenario = set_up(design, board, app_size=500)
    dump = b"".join(life(scenario).last.flash.sectors)
    found = inspect_dump("dump.bin", dump)
    taken = found.records[found.selected or 0]

    assert is_dump(dump)
    assert load_design(design).record == found.design.record
    slot = 0 if design == "mcuboot-overwrite" else 1
    assert (slot, True) == (taken.as_object()["active_slot"], taken.as_object()["committed"])


def test_a_journal_shows_what_was_written() -> None:
    """Four records of sixteen places, the last one taken."""
    dump = b"".join(life(set_up("mgos-boot", "tiny", app_size=500)).last.flash.sectors)
    found = inspect_dump("dump.bin", dump)

    assert [1, 2, 3, 4] == [one.sequencer for one in found.records]
    assert (3, "dump.bin+0x1000+0x300") == (found.selected, found.records[3].where)


def test_every_format_has_a_name_and_so_has_every_design() -> None:
    """`--format` takes either; anything else is told what there is."""
    assert {*formats()} == {name for name in formats() if design_of(name)}
    assert load_design("hardened") == design_of("hardened")
    with pytest.raises(BadInput, match="format 'elf' is unknown; one of: complete"):
        design_of("elf")


def test_two_records_open_in_the_sequencer_lab() -> None:
    """With the bytes that were inspected, and the same choice."""
    found = inspect_records([("cfg.0", otadata(5, 2)), ("cfg.1", otadata(6, 2))])
    lab = SequencerLab(found.design, *found.areas)

    assert found.selected == lab.selected == 1


def test_a_notebook_shows_a_table() -> None:
    """With what a dump may hold made harmless."""
    found: Inspection = inspect_records([("<b>", cc3200(N, 0, 0))])

    assert "&lt;b&gt;" in found._repr_html_()


def test_what_is_larger_than_any_flash_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Four gigabytes of nothing: its size is looked at first."""
    with (tmp_path / "sparse.bin").open("wb") as file:
        file.truncate(2**32)
    assert 2 == main(["inspect", str(tmp_path / "sparse.bin")])
    assert "sparse.bin: has more than 268435456 bytes" in capsys.readouterr().err


def test_the_command_tells_and_returns_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 and a table, 1 if none is taken, 2 and one line for what cannot be read."""
    good, bad, empty = tmp_path / "good", tmp_path / "bad", tmp_path / "empty"
    good.write_bytes(cc3200(N, 0, 0))
    bad.write_bytes(b"\x5a" * 300)
    empty.write_bytes(b"")

    assert 0 == main(["inspect", str(good)])
    assert "cc3200: Record 0 counts" in capsys.readouterr().out
    assert 1 == main(["inspect", "--format", "otadata", "--json", str(bad)])
    told = json.loads(capsys.readouterr().out)
    assert told["selected"] is None
    assert {"format", "records", "selected", "reason", "guess", "speaks_for_it", "others", "next", "notes"} == set(told)
    for arguments, complaint in (
        ([str(bad)], "it is 0x5a throughout; no format makes sense of it; name one with --format"),
        ([str(empty)], "the file is empty"),
        ([str(good)] * 3, "3 files"),
        ([str(good), "--board", "tiny"], "512 bytes, and board tiny has 118784"),
        ([str(tmp_path / "none")], "no such file"),
    ):
        assert 2 == main(["inspect", *arguments])
        assert complaint in capsys.readouterr().err

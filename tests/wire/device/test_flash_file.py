"""A flash in a file: one owner, made whole or not at all, and a write that is in it before the next one begins."""

import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otalab import Erase, Program, set_up
from otalab.errors import BadInput
from otalab.one_owner import Claims
from otalab.wire.device import flash_file
from otalab.wire.device.flash_file import BEGUN, FlashFile, OpenFiles
from otalab.wire.device.open import open_device
from otalab.wire.device.options import DeviceOptions

SHIPPED = set_up("mongoose").flash
GEOMETRY, SIZE = SHIPPED.geometry, SHIPPED.geometry.size

# What a power cut may leave of a file that was being made.
LEFT = {
    "nothing": b"",
    "the mark": bytes(SIZE) + BEGUN,
    "half the flash": SHIPPED.image[: SIZE // 2] + bytes(SIZE - SIZE // 2) + BEGUN,
    "all of it": SHIPPED.image + BEGUN,
}
OTHERS = """
import sys
from pathlib import Path
from otalab.wire.device.flash_file import FlashFile
from otalab import set_up
flash = set_up("mongoose").flash
FlashFile(Path(sys.argv[1]), flash.geometry, flash)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lamp.bin"


@pytest.mark.parametrize("left", LEFT.values(), ids=[*LEFT])
def test_a_file_that_was_begun_is_made_anew(path, left):
    """
    It was never a device, so the next one is a shipped device.
    """
    path.write_bytes(left)
    file = FlashFile(path, GEOMETRY, SHIPPED)
    file.close()

    assert file.is_new
    assert SHIPPED == file.flash
    assert SHIPPED.image == path.read_bytes()


@pytest.mark.parametrize("size", [1, SIZE - 1, SIZE + 1, SIZE + len(BEGUN)])
def test_a_file_of_another_size_is_refused_and_left_alone(path, size):
    """
    It is somebody else's.
    """
    path.write_bytes(bytes(size))

    with pytest.raises(BadInput, match=f"has {size} bytes"):
        FlashFile(path, GEOMETRY, SHIPPED)
    assert bytes(size) == path.read_bytes()


def test_has_one_owner_until_it_is_closed(path):
    """
    In this process and in others.
    """
    first = FlashFile(path, GEOMETRY, SHIPPED)
    with pytest.raises(BadInput, match="is in use by another device"):
        FlashFile(path, GEOMETRY, SHIPPED)
    ran = subprocess.run([sys.executable, "-c", OTHERS, path], capture_output=True, text=True, check=False)
    assert "is in use by another device" in ran.stderr
    first.close()

    FlashFile(path, GEOMETRY, SHIPPED).close()


def test_what_is_written_is_in_the_file_at_once(path):
    """
    Erased or programmed, whoever opens it anew finds what the chip would hold.
    """
    file, after = FlashFile(path, GEOMETRY, SHIPPED), SHIPPED
    for effect in (Erase(3), Program(3 * GEOMETRY.sector_size + 5, b"lamp")):
        after = after.after(effect)
        file.write(effect, after)
        assert after.image == path.read_bytes()
    file.close()

    again = FlashFile(path, GEOMETRY, SHIPPED)
    again.close()
    assert (False, after.image) == (again.is_new, again.flash.image)


@pytest.mark.parametrize(("sync", "synced"), [(True, 3), (False, 0)])
def test_nothing_is_forced_to_disk_where_nobody_asked_for_it(path, monkeypatch, sync, synced):
    """
    Neither what is written nor, one by one, the new files of a fleet.
    """
    forced = []
    monkeypatch.setattr(flash_file.os, "fsync", forced.append)
    monkeypatch.setattr(flash_file, "_on_disk", forced.append)
    file = FlashFile(path, GEOMETRY, SHIPPED, sync=sync)
    file.write(Erase(3), SHIPPED.after(Erase(3)))
    file.close()

    assert synced == len(forced)
    assert SHIPPED.after(Erase(3)).image == path.read_bytes()


def test_nor_is_what_is_noted_beside_it(tmp_path, monkeypatch):
    """
    A notebook that is on disk before a flash that is not would be of use to nobody.
    """
    forced = []
    monkeypatch.setattr(os, "fsync", forced.append)
    for no_sync in (True, False):
        open_device(DeviceOptions(flash=tmp_path / f"{no_sync}.bin", board="tiny", no_sync=no_sync)).file.close()
        assert no_sync is not bool(forced)


SMALL = set_up("mongoose", "tiny").flash
EFFECTS = st.one_of(
    st.builds(Erase, st.integers(0, 2)),
    st.builds(
        lambda page, count, letter: [Program(256 * (page + n), letter * 256) for n in range(count)],
        st.integers(0, 40),
        st.integers(1, 5),
        st.sampled_from([b"\xf0", b"\x3c"]),
    ),
)


@given(parts=st.lists(EFFECTS, min_size=1, max_size=8), flushed=st.sets(st.integers(0, 30)))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kill_leaves_what_some_effect_left(path, parts, flushed):
    """
    Effects that take no time are noted, and written a few at a time; after each write the file is as one of them left
    the chip, and after the last as the last one did.
    """
    effects = [one for part in parts for one in (part if isinstance(part, list) else [part])]
    path.unlink(missing_ok=True)
    file = FlashFile(path, SMALL.geometry, SMALL, sync=False)
    after, left, seen = SMALL, [SMALL.image], []
    write = flash_file._write_at

    def watched(number, data, address):
        written = write(number, data, address)
        seen.append(path.read_bytes())
        return written

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flash_file, "_write_at", watched)
        for number, effect in enumerate(effects):
            after = after.after(effect)
            left.append(after.image)
            file.hold(effect, after)
            if number in flushed:
                file.flush()
                assert (False, after.image) == (file.is_behind, path.read_bytes())
        file.flush()
    file.close()
    assert after.image == path.read_bytes()
    at = 0
    for contents in seen:
        at = left.index(contents, at)


@pytest.mark.skipif(not Claims.there, reason="only Linux has claims by name")
def test_many_files_are_ours_and_few_of_them_open(tmp_path, monkeypatch):
    """
    Each has its one owner, in this process and for others, and what is written is in it at once.
    """
    monkeypatch.setattr(OpenFiles, "MOST", 2)
    files, after = OpenFiles(tmp_path), SHIPPED.after(Erase(3))
    lamps = [FlashFile(tmp_path / f"{n}.bin", GEOMETRY, SHIPPED, sync=False, files=files) for n in range(4)]
    for lamp in (*lamps, lamps[0]):
        lamp.write(Erase(3), after)
        assert after.image == lamp.path.read_bytes()
        assert 2 >= len(files._open)
    others = OpenFiles(tmp_path)
    for also in ({}, {"files": others}):
        with pytest.raises(BadInput, match="is in use by another device"):
            FlashFile(lamps[1].path, GEOMETRY, SHIPPED, **also)
    alone = FlashFile(tmp_path / "4.bin", GEOMETRY, SHIPPED)
    with pytest.raises(BadInput, match="is in use by another device"):
        FlashFile(alone.path, GEOMETRY, SHIPPED, files=files)
    alone.close()
    files.close()

    FlashFile(lamps[1].path, GEOMETRY, SHIPPED, files=others).close()
    others.close()

"""The notebook of images: what a kill left of it, and what it does not know."""

from pathlib import Path

import pytest
from devices import BUNDLE, by_leaps, told

from otalab import set_up
from otalab.cli.main import main
from otalab.errors import BadInput
from otalab.firmware.image import Image
from otalab.wire.device import known_images
from otalab.wire.device.flash_file import BEGUN
from otalab.wire.device.known_images import KnownImages
from otalab.wire.device.open import open_device
from otalab.wire.device.options import DeviceOptions
from otalab.wire.device.ota import NO_ROOM, Bytes, Committed

ONE, TWO = Image.of("1", "one", b"one"), Image.of("2", "two", b"two")


def notebook(tmp_path, *images):
    known = KnownImages(tmp_path / "lamp.bin")
    for image in images:
        known.add(image)
    return known


@pytest.mark.parametrize("length", [1, 10, 50])
def test_a_line_that_was_torn_is_cut_off(tmp_path, length):
    """What is written next begins a line of its own, and the notebook can be read again and again."""
    known = notebook(tmp_path, ONE, TWO)
    lines = known.path.read_bytes().splitlines(keepends=True)
    known.path.write_bytes(lines[0] + lines[1][:length])

    again = KnownImages(tmp_path / "lamp.bin")
    again.load()
    assert (ONE,) == again.images
    again.add(TWO)
    last = KnownImages(tmp_path / "lamp.bin")
    last.load()
    assert (ONE, TWO) == last.images


def test_a_line_that_is_no_image_is_said_with_its_place(tmp_path):
    """It stands in the middle, so nobody tore it."""
    known = notebook(tmp_path, ONE)
    known.path.write_text("nonsense\n" + known.path.read_text())
    with pytest.raises(BadInput, match=r"lamp.bin.images:1: not an image"):
        KnownImages(tmp_path / "lamp.bin").load()


@pytest.mark.parametrize("left", [b"", b"other"])
@pytest.mark.parametrize("design", ["mongoose", "hardened"])
def test_an_image_that_the_notebook_has_lost_is_known_by_its_record(tmp_path, design, left):
    """A whole image is no brick, whatever became of a file beside the flash."""
    options = DeviceOptions(flash=tmp_path / "lamp.bin", design=design, board="tiny", no_sync=True)
    old = set_up(design, "tiny").old
    open_device(options).file.close()
    known = KnownImages(tmp_path / "lamp.bin")
    known.path.unlink()
    if left:
        known.add(Image.of("9", "another", left))

    device = open_device(options)
    device.file.close()
    assert old.digest in {image.digest for image in device.known.images}


@pytest.mark.parametrize("piece", [200, 4096, 1 << 20])
@pytest.mark.parametrize("mask, known", [(0, False), (-1, True)])
def test_a_refused_bundle_leaves_no_word_of_itself(tmp_path, piece, mask, known):
    """The firmware takes the manifest first: a forged name for an image that is here already comes to nothing."""

    async def story(ota, _events):
        before = ota.device.known.images
        report = await ota.update(Bytes(BUNDLE, piece=piece))
        return report.fine, ota.device.known.images != before

    assert (known, known) == by_leaps(tmp_path, story, sig_req_mask=mask)


@pytest.mark.parametrize("size, said", [(0, "is empty, and lamp.bin.images tells"), (100, "it was cut short")])
def test_a_device_whose_flash_was_lost_is_refused(tmp_path, capsys, size, said):
    """It does not become a new device, and its notebook is as it was; with both gone it is one."""
    options = DeviceOptions(flash=tmp_path / "lamp.bin", board="tiny", no_sync=True)
    open_device(options).file.close()
    notebook = tmp_path / "lamp.bin.images"
    before = notebook.read_bytes()
    (tmp_path / "lamp.bin").write_bytes(bytes(size))
    with pytest.raises(BadInput, match=said):
        open_device(options)
    assert 2 == main(["serve", "--flash", str(options.flash), "--board", "tiny", "--port", "0", "--check"])
    assert said in capsys.readouterr().err
    assert (before, size) == (notebook.read_bytes(), (tmp_path / "lamp.bin").stat().st_size)
    notebook.unlink()
    (tmp_path / "lamp.bin").unlink()
    open_device(options).file.close()


FULL = Path("/dev/full")
on_a_full_disk = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")


@on_a_full_disk
def test_an_image_that_cannot_be_written_down_is_refused(tmp_path):
    """One line, the firmware goes on, and where there is room again the same update goes in."""
    lines = []

    async def story(ota, events):
        ota.device.tell = lines.append
        known, before = ota.device.known, ota.device.chip.flash
        place, known.path = known.path, FULL
        report = await ota.update(Bytes(BUNDLE))
        known.path = place
        slot = ota.device.device.board.slots[0]
        same = before.read(slot.app.address, slot.app.size) == ota.device.chip.flash.read(
            slot.app.address, slot.app.size
        )
        again = await ota.update(Bytes(BUNDLE))
        await told(events, Committed)
        return report, same, again.fine

    report, same, again = by_leaps(tmp_path, story)
    assert (False, NO_ROOM) == (report.fine, report.message)
    assert (True, True) == (same, again)
    assert 1 == len([line for line in lines if "No space left" in line])


@on_a_full_disk
def test_a_flash_file_that_cannot_be_written_is_waited_for(tmp_path):
    """To the firmware the chip is slow; nothing is lost, and the update goes on when there is room."""
    waits = []

    async def story(ota, events):
        file = ota.device.file
        place = file._file

        def tell(line):
            if "waiting until it can" in line:
                waits.append(line)
                if len(waits) == 3:
                    file._file = place

        ota.device.tell = tell
        with FULL.open("r+b", buffering=0) as full:  # noqa: ASYNC230  # a device that never waits
            file._file = full
            report = await ota.update(Bytes(BUNDLE))
            await told(events, Committed)
        return report.fine, file.path.read_bytes() == ota.device.chip.flash.image

    assert (True, True) == by_leaps(tmp_path, story)
    assert 3 == len(waits)
    assert "lamp.bin: cannot be written: No space left on device" in waits[0]


def test_a_flash_is_whole_once_its_notebook_is(tmp_path, monkeypatch):
    """Killed before that, the file bears its mark still, and is made anew: no flash is without word of whose it is."""
    at_the_time = []

    def written(path, data, **how):
        at_the_time.append((Path(path).name, (tmp_path / "lamp.bin").read_bytes(), data.count("\n")))
        raise BadInput("killed")

    monkeypatch.setattr(known_images, "write_whole", written)
    with pytest.raises(BadInput, match="killed"):
        open_device(DeviceOptions(flash=tmp_path / "lamp.bin", board="tiny", no_sync=True))
    ((name, flash, lines),) = at_the_time
    assert ("lamp.bin.images", True, 2) == (name, flash.endswith(BEGUN), lines)

    monkeypatch.undo()
    (tmp_path / "lamp.bin").write_bytes(flash)
    open_device(DeviceOptions(flash=tmp_path / "lamp.bin", board="tiny", no_sync=True)).file.close()
    assert set_up("mongoose", "tiny").flash.image == (tmp_path / "lamp.bin").read_bytes()
    with pytest.raises(BadInput, match="is the flash of board tiny and design mongoose"):
        open_device(DeviceOptions(flash=tmp_path / "lamp.bin", board="tiny", design="mgos-boot", no_sync=True))

"""The notebook of images: what a kill left of it, and what it does not know."""

import pytest
from devices import BUNDLE, by_leaps

from otalab import set_up
from otalab.errors import BadInput
from otalab.firmware.image import Image
from otalab.wire.device.known_images import KnownImages
from otalab.wire.device.open import open_device
from otalab.wire.device.options import DeviceOptions
from otalab.wire.device.ota import Bytes

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
    known.clear()
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

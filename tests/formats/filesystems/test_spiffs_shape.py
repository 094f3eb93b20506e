"""SPIFFS in all its shapes: told by what lies there, read, and written as it was found."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from spiffs_images import FILES as REAL
from spiffs_images import image
from spiffs_shapes import FILES, SHAPES, made

from otalab.formats.filesystems.scratch import FileSystemFault, Scratch
from otalab.formats.filesystems.spiffs import Spiffs
from otalab.formats.filesystems.spiffs_layout import Shape
from otalab.formats.filesystems.spiffs_shape import shape_on

SIZE = 0x20000


def digests(fs):
    return {name: (len(data), sha256(data).hexdigest()) for name in fs.names() for data in [fs.read(name)]}


def said(shape):
    return shape.name_size, shape.meta_size, shape.packed, shape.length_magic, shape.block_size


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape.values())))
def test_every_shape_is_read_file_by_file_and_written_as_it_was_found(shape):
    """Size and SHA-256 of every file, before and after others are added and deleted, also behind a broken block."""
    wanted = {name: (len(data), sha256(data).hexdigest()) for name, data in FILES.items()}
    scratch = Scratch(made(FILES, SIZE + 2112, **shape))
    fs = Spiffs(scratch)
    assert (*shape.values(),) == said(fs.shape)
    assert wanted == digests(fs)

    more = bytes(range(255)) * 120
    fs.write("more.bin", more)
    fs.remove("ca.pem")
    again = Spiffs(Scratch(scratch.contents))
    assert fs.shape == again.shape
    wanted["more.bin"] = len(more), sha256(more).hexdigest()
    del wanted["ca.pem"]
    assert wanted == digests(again)
    assert b"\xff" * 2112 == scratch.contents[SIZE:]


@pytest.mark.parametrize("name", REAL)
def test_real_images_have_the_shape_of_mongoose_os(name):
    """Names of 48 bytes, metadata of 8, aligned, the magic without the length."""
    assert Shape(len(image(name))) == shape_on(Scratch(image(name)))


@pytest.mark.parametrize("length", [False, True])
@pytest.mark.parametrize("blocks", [8, 31, 32, 62])
def test_a_file_system_that_ends_before_its_region_is_as_large_as_it_was_made(blocks, length):
    """What follows is blank and stays so; the one last block that lacks is one whose erase was cut short."""
    fs = Spiffs(Scratch(made({"a": b"x"}, blocks * 4096, length=length).ljust(64 * 4096, b"\xff")))
    assert blocks == fs.shape.blocks
    assert {"a": (1, sha256(b"x").hexdigest())} == digests(fs)


@pytest.mark.parametrize("shape", SHAPES[::5], ids=lambda shape: "-".join(map(str, shape.values())))
@pytest.mark.parametrize("lost", [0, 5, -1])
def test_one_block_without_magic_is_an_erase_cut_short_in_every_shape(shape, lost):
    """Mended where it was, with the magic that belongs there; two are no SPIFFS."""
    blocks, block = SIZE // shape["block"], shape["block"]
    flash = bytearray(made({}, SIZE, **shape))
    whole, at = bytes(flash), lost % blocks * block
    flash[at : at + block] = bytes(block)
    fs = Spiffs(Scratch(bytes(flash)))
    assert whole[at : at + 254] == fs.scratch.contents[at : at + 254]

    other = (lost + 2) % blocks * block
    flash[other : other + block] = bytes(block)
    with pytest.raises(FileSystemFault, match="its magic number is missing"):
        Spiffs(Scratch(bytes(flash)))


PAGES = st.integers(0, 251 * 130)


@tuned(max_examples=60)
@given(st.sampled_from(SHAPES), st.lists(PAGES, min_size=1, max_size=4), st.data())
def test_no_shape_is_taken_for_another(shape, sizes, data):
    """Whatever lies in it, one file of one page is enough; a torn byte changes nothing where whole entries remain."""
    files = {f"{number}": bytes([number + 1]) * size for number, size in enumerate(sizes)}
    flash = bytearray(made(files | {"kept": bytes(5 * 251)}, 2 * SIZE, **shape))
    assert (*shape.values(),) == said(shape_on(Scratch(bytes(flash))))

    at = data.draw(st.integers(0, len(flash) - 1))
    flash[at] &= data.draw(st.integers(0, 255))
    assert (*shape.values(),) == said(shape_on(Scratch(bytes(flash))))


@given(st.binary(max_size=400), st.integers(4, 20))
def test_what_is_no_spiffs_has_no_shape(data, blocks):
    """Zeros, ones, text, random bytes."""
    for filler in (b"\xff", b"\0", b"text "):
        flash = (data + filler * (blocks * 4096))[: blocks * 4096]
        with pytest.raises(FileSystemFault, match="its magic number is missing"):
            shape_on(Scratch(flash))

"""Both file systems through the same door, and littlefs held against a littlefs that the lab did not set up."""

from __future__ import annotations

import gc
import signal
from functools import partialmethod

import pytest
from bundles import ESP32, ESP8266
from littlefs import LittleFS
from spiffs_images import FILES, image

from otalab.errors import BadInput
from otalab.formats.filesystems.kinds import build_image, geometry, mount, read_files, recognised
from otalab.formats.filesystems.scratch import BlockErase, BlockProgram, BlockRead, FileSystemFault, Scratch

KINDS = ("littlefs", "spiffs")
SIZE, BLOCK = 64 * 1024, 4096
WANTED = {"conf0.json": b"{}", "empty": b"", "page.html": bytes(range(256)) * 20}


def independent(contents=None):
    """
    A littlefs with a context of its own, at the geometry of the lab's boards.
    """
    fs = LittleFS(block_size=BLOCK, block_count=SIZE // BLOCK, mount=contents is None)
    if contents is not None:
        fs.context.buffer = bytearray(contents)
        fs.mount()
    return fs


def test_a_littlefs_of_the_lab_mounts_elsewhere():
    """
    Folders and files are read by littlefs in another context.
    """
    wanted = WANTED | {"logs/1.txt": b"first"}
    fs = independent(build_image(wanted, SIZE, BLOCK))
    found = {}
    for top, _, names in fs.walk("/"):
        for name in names:
            path = f"{top}/{name}".strip("/")
            with fs.open(path, "rb") as file:
                found[path] = file.read()

    assert wanted == found


def test_a_littlefs_from_elsewhere_is_read_by_the_lab():
    """
    And written to: what the lab adds is read elsewhere again.
    """
    fs = independent()
    for name, data in WANTED.items():
        with fs.open(name, "wb") as file:
            file.write(data)
    scratch = Scratch(bytes(fs.context.buffer), BLOCK)
    assert WANTED == read_files(scratch.contents, BLOCK)

    mount("littlefs", scratch).write("more", b"added")
    with independent(scratch.contents).open("more", "rb") as file:
        assert b"added" == file.read()


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_holds_what_it_was_given(kind):
    """
    And is recognised for what it is by what a manifest says of it.
    """
    made = build_image(WANTED, SIZE, BLOCK, kind)
    found = recognised(made, geometry(kind, SIZE, BLOCK))

    assert SIZE == len(made)
    assert WANTED == read_files(made, BLOCK, kind)
    assert found is not None
    assert (kind, sorted(WANTED)) == (found[0], found[1].names())
    assert read_files(made, BLOCK, next(other for other in KINDS if other != kind)) is None


@pytest.mark.parametrize("name", [ESP8266, ESP32])
def test_a_real_image_is_recognised(name):
    """
    Also inside the container of a platform, and where the manifest says nothing but its size.
    """
    found = recognised(image(name) + bytes(64), {"fs_size": 262144})

    assert found is not None
    assert ("spiffs", sorted(FILES[name])) == (found[0], found[1].names())


@pytest.mark.parametrize(
    "told", [{"fs_size": 1 << 40}, {"fs_block_size": 3}, {"fs_page_size": 7}, {"fs_size": -1}, {"fs_size": "x"}]
)
def test_what_a_manifest_says_can_do_no_harm(told):
    """
    A geometry that cannot be is no file system.
    """
    assert recognised(b"\xff" * SIZE, told) is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_journal_does_to_another_copy_what_was_done_to_the_first(kind):
    """
    Erases and programs in order, bits only ever cleared, and every block looked at is noted.
    """
    before = build_image(WANTED, SIZE, BLOCK, kind)
    scratch = Scratch(before, BLOCK)
    fs = mount(kind, scratch)
    fs.write("more", b"m" * 700)
    fs.remove("page.html")
    flash, seen = bytearray(before), set()
    for entry in scratch.drain():
        match entry:
            case BlockRead(block):
                seen.add(block)
            case BlockErase(block):
                flash[block * BLOCK : (block + 1) * BLOCK] = b"\xff" * BLOCK
            case BlockProgram(offset, data):
                old = flash[offset : offset + len(data)]
                flash[offset : offset + len(data)] = bytes(a & b for a, b in zip(old, data, strict=True))

    assert scratch.contents == flash
    assert seen
    assert [] == scratch.drain()


def test_a_raw_region_holds_no_files():
    """
    Whatever lies there.
    """
    with pytest.raises(FileSystemFault, match="raw holds no files"):
        mount("raw", Scratch(build_image(WANTED, SIZE)))


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_of_broken_blocks_is_bad_input(kind):
    """
    One line with the size and the rule.
    """
    with pytest.raises(BadInput, match=f"a {kind} of 5000 bytes is not two or more whole blocks of 4096"):
        build_image({}, 5000, 4096, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_system_may_be_smaller_than_its_region(kind):
    """
    It is mounted, and written to, in the size in which it was made; what follows it stays blank.
    """
    scratch = Scratch(build_image(WANTED, SIZE, BLOCK, kind).ljust(2 * SIZE, b"\xff"), BLOCK)
    mount(kind, scratch).write("more", b"m" * 5000)

    assert WANTED | {"more": b"m" * 5000} == read_files(scratch.contents[:SIZE], BLOCK, kind)
    assert b"\xff" * SIZE == scratch.contents[SIZE:]


def test_a_littlefs_is_not_larger_than_its_region():
    """
    Its superblock names more blocks than there are.
    """
    with pytest.raises(FileSystemFault, match="its superblock names 16 blocks, and there are 8"):
        mount("littlefs", Scratch(build_image({}, SIZE, BLOCK)[: SIZE // 2], BLOCK))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("region", "mounted"),
    [(lambda image: image, 1), (lambda image: image + b"\xff" * 8192, 1), (lambda _: bytes(8192), 0)],
)
def test_a_littlefs_gives_back_what_it_has_taken(monkeypatch, region, mounted):
    """
    Its library has buffers of its own, which only an unmount frees, once: of each that was mounted, and of no other.
    """
    contents, real, freed = region(build_image({"a": b"x"}, 8192)), LittleFS.unmount, []
    gc.collect()
    monkeypatch.setattr(LittleFS, "unmount", lambda self: freed.append(real(self)))
    read_files(contents, 4096, "littlefs")
    gc.collect()

    assert [0] * mounted == freed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operations", [("read", "read_block"), ("program",), ("erase",)], ids=lambda names: names[0])
def test_an_interrupt_is_not_lost_on_its_way_through_a_file_system(kind, operations, monkeypatch):
    """
    littlefs swallows what its callbacks raise, and would go on with bytes that were never read.
    """

    def pressed(scratch, *what, operation):
        signal.raise_signal(signal.SIGINT)
        return operation(scratch, *what)

    for name in operations:
        monkeypatch.setattr(Scratch, name, partialmethod(pressed, operation=getattr(Scratch, name)))
    with pytest.raises(KeyboardInterrupt):
        build_image(WANTED, SIZE, BLOCK, kind)

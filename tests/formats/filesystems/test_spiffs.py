"""SPIFFS: two real images, what the lab writes, and what of it survives a cut."""

from __future__ import annotations

import json
import struct
import zlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st
from spiffs_images import FILES, image

from otalab.errors import BadInput
from otalab.formats.filesystems.kinds import build_image, read_files
from otalab.formats.filesystems.scratch import BlockErase, BlockProgram, FileSystemFault, Scratch
from otalab.formats.filesystems.spiffs import Leftover, Spiffs
from otalab.formats.filesystems.spiffs_layout import INDEX_BIT, PageHeader, Shape, name_in

KIB = 1024
# What alignment leaves to chance in an index header: a device writes there what lay on its stack.
CHANCE = (5, 6, 7, 69)


def empty(blocks: int = 8) -> Spiffs:
    return Spiffs(Scratch(b"\xff" * blocks * 4096), make=True)


def again(fs: Spiffs) -> Spiffs:
    """The same flash after a restart."""
    return Spiffs(Scratch(fs.scratch.contents))


def contents(fs: Spiffs) -> dict[str, bytes]:
    return {name: fs.read(name) for name in fs.names()}


def programs(fs: Spiffs) -> list[tuple[int, bytes]]:
    return [(entry.offset, entry.data) for entry in fs.scratch.drain() if isinstance(entry, BlockProgram)]


@pytest.mark.parametrize("name", FILES)
def test_a_real_image_is_read_file_by_file(name):
    """
    Every file with its size and the digest of its contents; nothing is left over in a fresh image.
    """
    fs = Spiffs(Scratch(image(name)))

    assert FILES[name] == {file: (len(data), sha256(data).hexdigest()[:32]) for file, data in contents(fs).items()}
    assert [] == fs.leftovers()


@pytest.mark.parametrize("name", FILES)
def test_the_files_of_a_real_image_are_what_their_names_say(name):
    """
    JSON parses, every chunk of the PNG has the checksum it carries, the icon is as long as it says, pages are closed.
    """
    files = contents(Spiffs(Scratch(image(name))))
    for file, data in files.items():
        match file.rpartition(".")[2]:
            case "json":
                assert isinstance(json.loads(data), dict)
            case "html":
                assert data.startswith(b"<!DOCTYPE html>") and data.rstrip().endswith(b"</html>")
            case "js":
                assert data.decode().count("{") == data.decode().count("}")
            case "png":
                assert b"IEND" == chunks(data)[-1]
            case "ico":
                size, start = struct.unpack_from("<II", data, 14)
                assert len(data) == start + size
    if "conf1.json" in files:
        # As the project's own repository has it.
        pins = b'{\n "i2c": {\n  "enable": true,\n  "freq": 100000,\n  "sda_gpio": 23,\n  "scl_gpio": 22\n }\n}'
        assert pins.replace(b"\n", b"\r\n") == files["conf1.json"]


def chunks(png: bytes) -> list[bytes]:
    """The kinds of the chunks of a PNG, whose checksums are right."""
    at, kinds = 8, []
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        body, (check,) = png[at + 4 : at + 8 + length], struct.unpack_from(">I", png, at + 8 + length)
        assert zlib.crc32(body) == check
        kinds.append(body[:4])
        at += 12 + length
    return kinds


@pytest.mark.parametrize("name", FILES)
def test_what_the_lab_writes_is_what_mkspiffs_wrote_byte_for_byte(name):
    """
    The same files in the same order make the same image, but for the bytes that alignment leaves to chance.
    """
    real = image(name)
    pages = [real[start : start + 256] for start in range(0, len(real), 256)]
    headers = [
        (number, name_in(page))
        for number, page in enumerate(pages)
        if number % 16 and PageHeader.of(page).lists and PageHeader.of(page).object & INDEX_BIT
    ]
    before, made = Spiffs(Scratch(real)), empty(64)
    for _, file in headers:
        made.write(file, before.read(file), 1 << 20)

    found, expected = bytearray(made.scratch.contents), bytearray(real)
    for number, _ in headers:
        for at in CHANCE:
            found[number * 256 + at] = expected[number * 256 + at] = 0
    assert expected == found


def test_an_empty_one_is_lookup_pages_and_nothing_else():
    """
    Each block says how often it was erased, never, and that it is SPIFFS.
    """
    block = b"\xff" * 252 + b"\x29\x04" + bytes(2) + b"\xff" * 3840

    assert block * 8 == empty().scratch.contents


def test_the_order_of_programs_is_the_real_one():
    """
    A page is taken, then named, then filled; the index has its size last, in one program over what was ones.
    """
    fs = empty()
    fs.scratch.drain()
    fs.write("a", b"xyz")
    (lookup, header, data_lookup, data_header, data, index) = programs(fs)

    assert (0, b"\x01\x80") == lookup
    assert (256, b"\x01\x80\x00\x00\xf8" + b"\xff" * 7 + b"\x01a" + bytes(47)) == (header[0], header[1][:61])
    assert [(2, b"\x01\x00"), (512, b"\x01\x00\x00\x00\xfc"), (517, b"xyz")] == [data_lookup, data_header, data]
    assert (256, header[1][:8] + b"\x03\x00\x00\x00" + header[1][12:] + b"\x02\x00") == (index[0], index[1][:72])


def test_a_longer_file_has_a_new_header_and_the_old_one_goes_last():
    """
    Page, lookup, final; then the old one is deleted, in its lookup and in its flags.
    """
    fs = empty()
    fs.write("a", b"x" * 128)
    fs.scratch.drain()
    fs._append(fs._found("a"), b"y")
    data, page, lookup, final, gone, flag = programs(fs)

    assert (512 + 5 + 128, b"y") == data
    assert (768, 0xFA) == (page[0], page[1][4])
    assert [(4, b"\x01\x80"), (768 + 4, b"\xf8"), (0, bytes(2)), (256 + 4, b"\x7e")] == [lookup, final, gone, flag]


def test_deleting_marks_the_header_first_and_deletes_it_last():
    """
    From the first program on no directory shows the file.
    """
    fs = empty()
    fs.write("a", b"xyz")
    fs.scratch.drain()
    fs.remove("a")

    assert [(260, b"\xb8"), (2, bytes(2)), (516, b"\x7e"), (0, bytes(2)), (260, b"\x7e")] == programs(fs)
    assert ([], [Leftover("a", "deleted")]) == (again(fs).names(), again(fs).leftovers())


def test_what_a_cut_left_of_a_file_can_be_seen():
    """
    Unfinished is a header that was written and not taken, or taken and not final; a finished deletion is deleted.
    """
    fs = empty()
    fs.write("a", b"x" * 128)
    fs.scratch.drain()
    before = fs.scratch.contents
    fs._append(fs._found("a"), b"y")
    seen = [[]]
    for at, data in programs(fs):
        old = before[at : at + len(data)]
        before = before[:at] + bytes(a & b for a, b in zip(old, data, strict=True)) + before[at + len(data) :]
        seen.append(Spiffs(Scratch(before)).leftovers())

    unfinished = [Leftover("a", "unfinished")]
    assert [[], [], unfinished, unfinished, [], [], []] == seen


def test_a_file_that_spans_several_index_pages_is_read_and_deleted_whole():
    """
    The header names 93 pages, each index page 124 more.
    """
    fs, data = empty(40), bytes(range(256)) * 256
    fs.write("long", data, 4096)
    fs.write("next", b"here")

    assert {"long": data, "next": b"here"} == contents(again(fs))
    fs.remove("long")
    assert {"next": b"here"} == contents(again(fs))
    assert 2 == again(fs)._pages.allocated


NAMES = st.sampled_from(["a", "conf9.json", "x" * 47, "ä.txt", "log/1"])
STEP = st.tuples(
    NAMES, st.one_of(st.none(), st.tuples(st.integers(0, 255), st.sampled_from([0, 1, 250, 251, 252, 3000])))
)


@tuned(max_examples=60)
@given(st.lists(STEP, max_size=40))
def test_what_is_written_and_deleted_is_what_a_restart_reads(steps):
    """
    Names, sizes and contents, over many writes and deletions and the garbage that they make.
    """
    fs, expected = empty(6), {}
    for name, what in steps:
        if what is not None:
            expected[name] = bytes([what[0]]) * what[1]
            fs.write(name, expected[name])
        elif expected.pop(name, None) is not None:
            fs.remove(name)

    assert expected == contents(fs) == contents(again(fs))


def test_a_file_written_over_and_over_never_fills_it_up():
    """
    Garbage is collected, every block bears its part, and the file beside it stays whole.
    """
    fs, still = empty(6), bytes(range(250)) * 4
    fs.write("still", still)
    for number in range(400):
        fs.write("counter", b"%d" % number)
    erases = [fs._pages.erase_count(block) for block in range(6)]

    assert {"still": still, "counter": b"399"} == contents(fs) == contents(again(fs))
    assert all(erases)
    assert any(isinstance(entry, BlockErase) for entry in fs.scratch.journal)


def test_a_full_one_says_so_and_keeps_what_it_has():
    """
    One fault, the same each time; what fits still goes in.
    """
    fs = empty(6)
    fs.write("kept", b"k" * 2000)
    for _ in range(3):
        with pytest.raises(FileSystemFault, match=r"^SPIFFS could not write big: it is full$"):
            fs.write("big", b"b" * 20_000)
    fs.remove("big")
    fs.write("small", b"s" * 600)

    assert {"kept": b"k" * 2000, "small": b"s" * 600} == contents(again(fs))


def test_a_copy_that_does_not_fit_is_taken_back():
    """
    As the real merge does; the other file system is not touched.
    """
    fs, other = empty(6), empty(16)
    other.write("big", b"b" * 30_000)
    before = other.scratch.contents

    with pytest.raises(FileSystemFault, match=r"^SPIFFS could not copy big: it is full$"):
        fs.copy_from(other, "big")
    assert ([], before) == (again(fs).names(), other.scratch.contents)


@pytest.mark.parametrize("name", ["", "x" * 48, "ä" * 24, "nul\0"])
def test_a_name_that_does_not_fit_is_refused_before_anything_is_written(name):
    """
    47 bytes are the most; the zero behind them is a part of the format.
    """
    fs = empty()
    fs.scratch.drain()

    with pytest.raises(FileSystemFault, match="a name has 1 to 47 bytes"):
        fs.write(name, b"")
    assert [] == programs(fs)


def test_what_is_not_there_is_said():
    """
    By name.
    """
    for asked in (empty().read, empty().remove):
        with pytest.raises(FileSystemFault, match="nowhere: no such file"):
            asked("nowhere")


def test_a_mount_finishes_one_erase_that_was_cut():
    """
    One block without a magic number is erased; its neighbours' files are as they were.
    """
    fs = empty()
    fs.write("a", b"xyz")
    flash = bytearray(fs.scratch.contents)
    flash[5 * 4096 : 6 * 4096] = bytes(4096)
    mended = Spiffs(Scratch(bytes(flash)))
    block = b"\xff" * 252 + b"\x29\x04\x01\x00" + b"\xff" * 3840

    assert {"a": b"xyz"} == contents(mended)
    assert block == mended.scratch.contents[5 * 4096 : 6 * 4096]
    flash[6 * 4096 : 7 * 4096] = bytes(4096)
    assert read_files(bytes(flash), kind="spiffs") is None


@pytest.mark.parametrize(
    "size, block, page", [(8192, 4096, 256), (40_000, 4096, 256), (65536, 65536, 256), (65536, 4096, 100)]
)
def test_a_geometry_that_cannot_be_is_refused(size, block, page):
    """
    Four blocks at least, whole pages, and lookup entries that fit one page.
    """
    with pytest.raises(FileSystemFault, match=f"^no SPIFFS has {size} bytes in blocks of {block}, pages of {page}"):
        Shape(size, block, page)


def test_files_that_do_not_fit_an_image_are_bad_input():
    """
    With the file system's reason.
    """
    with pytest.raises(BadInput, match="do not fit a file system of 32768 bytes: SPIFFS could not write a: it is full"):
        build_image({"a": bytes(40 * KIB)}, 32 * KIB, kind="spiffs")


@given(st.binary(max_size=40), st.integers(0, 32 * KIB - 40))
def test_damage_is_a_fault_or_other_contents_and_never_a_crash(scrap, at):
    """
    Whatever bytes lie over an image, reading it ends, and writing to it too.
    """
    fs = empty()
    fs.write("a", b"x" * 3000)
    fs.write("b", b"")
    flash = bytearray(fs.scratch.contents)
    flash[at : at + len(scrap)] = scrap
    read_files(bytes(flash), kind="spiffs")
    try:
        hurt = Spiffs(Scratch(bytes(flash)))
        hurt.write("a", b"new")
        hurt.remove("b")
    except FileSystemFault:
        pass

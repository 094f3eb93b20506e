"""Files: one sentence for each way in which they cannot be read, and written whole or not at all."""

import errno
import os
import secrets
import stat
import subprocess
import sys

import pytest
from places import NOBODY, NOT_FILES, ROOT, on_a_small_disk, somebody

from otalab.errors import BadInput
from otalab.files import MADE, Output, is_file, made_here, read_bytes, read_text, try_folder, try_place, write_whole

POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows has neither modes nor such files")


def names(folder):
    return sorted(one.name for one in folder.iterdir())


# Reading


@pytest.mark.parametrize(
    "name, said",
    [
        ("nowhere", "nowhere: no such file"),
        ("file/below", "below: no such file"),
        ("folder", "folder: is a folder, and a file is needed"),
        ("x" * 300, "cannot be read: File name too long"),
        ("a\0b", "is no name of a file"),
        ("latin", "latin: is not text in UTF-8: byte 3 is 0xfc"),
        ("long", "long: has more than 10 bytes; is it the right file?"),
    ],
)
def test_each_way_in_which_reading_fails_has_its_sentence(tmp_path, name, said):
    """
    Always one line, which names the file.
    """
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin").write_bytes("für".encode("latin-1")[:1] + b"ar\xfc")
    (tmp_path / "long").write_bytes(bytes(11))

    with pytest.raises(BadInput) as refused:
        read_text(f"{tmp_path}/{name}", 10)
    assert said in str(refused.value)
    assert 1 == len(str(refused.value).splitlines())
    assert (name in {"latin", "long"}) == is_file(f"{tmp_path}/{name}")


@POSIX
def test_what_may_not_be_read_says_so():
    """
    And whatever may not be written, however that is forbidden.
    """
    with somebody() as folder:
        for place, act, doing in [
            ("secret", read_bytes, "read"),
            ("theirs", try_place, "written"),
            ("new", try_place, "written"),
        ]:
            with pytest.raises(BadInput, match=f"{place}: cannot be {doing}: this user has no permission"):
                act(folder / place)
        with pytest.raises(BadInput, match="no permission"):
            try_folder(folder / "new" / "deeper")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_is_the_same_whatever_ends_its_lines(tmp_path, end):
    """
    With a mark of UTF-8 at its beginning, or without.
    """
    for mark in ("", "\N{BOM}"):
        (tmp_path / "text").write_bytes(f"{mark}für{end}zwei".encode())
        assert "für\nzwei" == read_text(tmp_path / "text")


def test_what_is_as_long_as_it_may_be_is_read(tmp_path):
    """
    The limit is the last that is taken.
    """
    (tmp_path / "file").write_bytes(bytes(10))
    assert bytes(10) == read_bytes(tmp_path / "file", 10) == read_bytes(tmp_path / "file")


# Writing


def test_a_file_is_written_and_nothing_else(tmp_path):
    """
    New, and in the place of an old one.
    """
    for text in ("one", "two"):
        write_whole(tmp_path / "file", text)
        assert (["file"], text) == (names(tmp_path), read_text(tmp_path / "file"))


@POSIX
def test_a_new_file_has_the_mode_of_any_new_file(tmp_path):
    """
    What the user's mask leaves.
    """
    write_whole(tmp_path / "file", b"")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "plain").stat().st_mode == (tmp_path / "file").stat().st_mode


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_a_mode_and_an_owner_stay(tmp_path, mode, monkeypatch):
    """
    And the draft is never open to more people than the file.
    """
    place, seen = tmp_path / "file", []
    place.write_bytes(b"old")
    place.chmod(mode)
    owner = NOBODY if ROOT else os.getuid()
    os.chown(place, owner, -1)
    opened = os.open

    def watched(name, flags, asked=0o777, **more):
        seen.append(asked)
        return opened(name, flags, asked, **more)

    monkeypatch.setattr(os, "open", watched)
    write_whole(place, b"new", sync=False)

    assert (b"new", mode, owner) == (place.read_bytes(), stat.S_IMODE(place.stat().st_mode), place.stat().st_uid)
    assert [mode] == seen


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(tmp_path, there):
    """
    What it leads to is written, in its own folder, whether it is there already or not.
    """
    (tmp_path / "far").mkdir()
    if there:
        (tmp_path / "far" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("far/file")
    (tmp_path / "second").symlink_to("link")

    write_whole(tmp_path / "second", b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "second").is_symlink()
    assert b"new" == (tmp_path / "far" / "file").read_bytes()
    assert (["far", "link", "second"], ["file"]) == (names(tmp_path), names(tmp_path / "far"))


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("what", NOT_FILES)
@POSIX
def test_what_is_no_ordinary_file_is_refused_and_stays(tmp_path, what, linked, monkeypatch):
    """
    A device node above all, which root could replace by a file; also behind a link.
    """
    monkeypatch.chdir(tmp_path)
    NOT_FILES[what]((tmp_path / "place").relative_to(tmp_path))
    place = tmp_path / ("link" if linked else "place")
    if linked:
        place.symlink_to("place")
    before = os.lstat("place").st_mode

    for act in (try_place, lambda path: write_whole(path, b"new"), lambda path: Output(path, force=True)):
        with pytest.raises(BadInput, match=f"{place.name}: is {what}, and an ordinary file is needed"):
            act(place)
    assert before == os.lstat("place").st_mode
    assert names(tmp_path) == sorted({"place", place.name})


@pytest.mark.parametrize(
    "name, said",
    [
        ("nowhere/file", "there is no folder .*nowhere"),
        ("file/below", "there is no folder .*file"),
        ("x" * 300, "cannot be written: File name too long"),
        ("a\0b", "is no name of a file"),
    ],
)
def test_a_place_that_is_none_is_refused_before_the_work(tmp_path, name, said):
    """
    In the same words as after it.
    """
    (tmp_path / "file").write_bytes(b"old")
    for act in (try_place, lambda path: write_whole(path, b"new"), Output):
        with pytest.raises(BadInput, match=said):
            act(f"{tmp_path}/{name}")
    assert ["file"] == names(tmp_path)


def test_a_place_that_was_tried_is_as_before(tmp_path):
    """
    Nothing is made, and what is there keeps its time.
    """
    (tmp_path / "file").write_bytes(b"old")
    before = (tmp_path / "file").stat()
    try_place(tmp_path / "file")
    try_place(tmp_path / "new")
    try_folder(tmp_path / "folder" / "deeper")
    assert (["file"], before.st_mtime_ns) == (names(tmp_path), (tmp_path / "file").stat().st_mtime_ns)
    with pytest.raises(BadInput, match="file: is a file, and a folder is needed"):
        try_folder(tmp_path / "file")


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("accident", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_nothing_half_written_stays(tmp_path, monkeypatch, call, accident):
    """
    The old file is there as before, whatever ends the writing and when.
    """
    (tmp_path / "file").write_bytes(b"old")

    def broken(*_arguments):
        raise accident

    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else ("pathlib.Path.replace",)), broken)
    with pytest.raises((BadInput, KeyboardInterrupt)) as ended:
        write_whole(tmp_path / "file", b"new")

    assert isinstance(accident, KeyboardInterrupt) or "No space left on device" in str(ended.value)
    assert (["file"], b"old") == (names(tmp_path), (tmp_path / "file").read_bytes())


WRITE = "import sys; from otalab.files import write_whole; write_whole(sys.argv[1], bytes(int(sys.argv[2])))"


def test_a_full_disk_keeps_the_old_file():
    """
    A real one; what fits is written, what does not leaves what was there.
    """
    one = f"{sys.executable} -c '{WRITE}' file"
    ran = on_a_small_disk(["sh", "-c", f"{one} 20000 && {one} 60000; stat -c %s file"])
    assert "cannot be written: No space left on device" in ran.stderr
    assert ["20000", "left:", "file"] == ran.stdout.split()


@POSIX
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path):
    """
    Whatever number of bytes had been written.
    """
    killed = (
        "import os, sys, otalab.files as files\n"
        "def fill(draft, data, *, sync):\n"
        "    draft.file.write(data[:3])\n"
        "    os.kill(os.getpid(), 9)\n"
        "files._Draft.fill = fill\n"
        "files.write_whole(sys.argv[1], b'new one')\n"
    )
    (tmp_path / "file").write_bytes(b"old")
    assert -9 == subprocess.run([sys.executable, "-c", killed, tmp_path / "file"], check=False).returncode
    assert b"old" == (tmp_path / "file").read_bytes()


@POSIX
def test_a_planted_link_is_not_followed(tmp_path, monkeypatch):
    """
    Even one whose name was guessed: the victim stays, and the writer refuses.
    """
    (tmp_path / "victim").write_bytes(b"precious")
    monkeypatch.setattr(secrets, "token_hex", lambda _count: "guessed")
    (tmp_path / ".guessed.tmp").symlink_to("victim")

    with pytest.raises(BadInput, match="File exists"):
        write_whole(tmp_path / "file", b"new")
    assert b"precious" == (tmp_path / "victim").read_bytes()
    assert [".guessed.tmp", "victim"] == names(tmp_path)


def test_no_two_drafts_have_a_name_in_common(tmp_path, monkeypatch):
    """
    Nobody can foresee one.
    """
    seen, opened = [], os.open
    monkeypatch.setattr(os, "open", lambda name, *more: seen.append(str(name)) or opened(name, *more))
    for _ in range(20):
        write_whole(tmp_path / "file", b"new", sync=False)
    assert 20 == len(set(seen))


# Writing over


@pytest.mark.parametrize("old", [f"{MADE} on a Monday\n", f"{'x' * 9000}{MADE}", ""])
def test_what_the_lab_made_is_written_over(tmp_path, old):
    """
    It says so near its beginning or its end; a file without contents is nobody's.
    """
    write_whole(tmp_path / "file", old)
    Output(tmp_path / "file").write("new")
    assert b"new" == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize("old", ["a letter", f"{'x' * 5000}{MADE}{'x' * 5000}"])
def test_what_somebody_made_is_not_written_over(tmp_path, old):
    """
    Before the work begins; unless it is said to be meant.
    """
    write_whole(tmp_path / "file", old)
    with pytest.raises(BadInput, match="was not made by otalab: take another name, or say --force"):
        Output(tmp_path / "file")
    assert old == read_text(tmp_path / "file")
    Output(tmp_path / "file", force=True).write("new")
    assert "new" == read_text(tmp_path / "file")


def test_where_there_is_no_room_for_words_the_same_may_be_written_again(tmp_path):
    """
    Raw flash says nothing of who made it; another one is asked about.
    """
    place = Output(tmp_path / "file", mark="")
    place.write(b"\xff" * 9000)
    Output(tmp_path / "file", mark="").write(b"\xff" * 9000)
    with pytest.raises(BadInput, match="--force"):
        Output(tmp_path / "file", mark="").write(b"\xfe" * 9000)
    assert b"\xff" * 9000 == (tmp_path / "file").read_bytes()


def test_what_is_not_there_may_be_made(tmp_path):
    """
    As may what a link leads to that leads nowhere yet.
    """
    (tmp_path / "link").symlink_to("nowhere")
    assert made_here(tmp_path / "file")
    assert made_here(tmp_path / "link")


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    """
    Its size is asked first: a terabyte, of which nothing is on disk, is refused at once.
    """
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(BadInput, match="sparse: has more than 1000 bytes"):
        read_bytes(tmp_path / "sparse", 1000)

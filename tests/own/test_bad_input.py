"""Bad input of code: one clear line and status 2, or how a history ends; never a traceback, nothing half-written."""

import os
import sys
from pathlib import Path

import pytest
from own_code import SLOT_0, code, needs_cc, written
from places import NOBODY, ROOT, unprivileged

from otalab.cli.main import main

pytestmark = needs_cc
FAST = "sanitize = false\nseconds = 0.1\n"
ASKED = ("--board", "tiny", "--faults", "atomic", "--image", "healthy")


def checked(capsys, folder, *words):
    status = main([*(words or ("check", *ASKED)), "--firmware", str(folder)])
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return status, said.out, said.err


REFUSED = {
    "does not compile": ("uint32_t ota_boot(void) { return slot; }", "", "loader.c:2: 'slot' undeclared"),
    "has no ota_boot": ("int other;", "", "no file of its sources defines ota_boot, and nothing starts without it"),
    "looks at the clock": (
        "#include <time.h>\nuint32_t ota_boot(void) { struct timespec n; clock_gettime(0, &n); return n.tv_nsec; }",
        "",
        "two equal runs differ before ota_boot: it looks at the clock, at chance or at memory that nobody wrote",
    ),
    "reads what nobody wrote": (
        "uint32_t ota_boot(void) { volatile uint32_t room[64]; return room[7]; }",
        "",
        "two equal runs differ before ota_boot",
    ),
    "an unknown key": (SLOT_0, "source = 1\n", "source: unknown key"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_checked_is_one_line(capsys, tmp_path, what):
    """
    With status 2, and what to look at.
    """
    source, page, line = REFUSED[what]
    written(tmp_path, source, FAST + page)
    status, out, err = checked(capsys, tmp_path)

    assert (2, "", 1) == (status, out, err.count("\n"))
    assert err.startswith("otalab check: ")
    assert line in err


ENDS = {
    "crashes": ("volatile int *none = 0; return (uint32_t)*none;", "bricked: the boot loader crashed: SIGSEGV"),
    "hangs": ("for (volatile int n = 0;; n = !n) {}", "bricked: the boot loader hangs: ota_boot does not come back"),
    "writes outside the chip": (
        "char one = 1; ota_program(OTA_FLASH_SIZE, &one, 1); return OTA_SLOT_0;",
        "bricked: the boot loader crashed: ota_program: 1 bytes at 0x1d000 cannot be asked of this part",
    ),
}


@pytest.mark.parametrize("what", ENDS)
def test_what_code_does_is_how_it_ends(capsys, tmp_path, what):
    """
    It is dead as it was shipped: nothing is proved of what cuts do to that, and the end is told.
    """
    body, end = ENDS[what]
    written(tmp_path, f"uint32_t ota_boot(void) {{ {body} }}", FAST)
    status, out, err = checked(capsys, tmp_path)

    assert (2, "", 1) == (status, out, err.count("\n"))
    assert "as it was shipped the device ends " + end in err


@pytest.fixture
def theirs(tmp_path):
    """A folder with code that belongs to somebody else: readable, whatever mask files are made with here."""
    mask = os.umask(0o022)
    code(tmp_path / "loader", SLOT_0, FAST)
    yield tmp_path / "loader"
    os.umask(mask)


def as_somebody(folder, *words):
    before = sorted(one.name for one in folder.iterdir())
    if ROOT:
        for one in (folder, *folder.iterdir()):
            os.chown(one, NOBODY, NOBODY)
    folder.chmod(0o555)
    try:
        command = [sys.executable, "-m", "otalab", *(words or ("check", *ASKED)), "--firmware", str(folder)]
        ran = unprivileged(command)
    finally:
        folder.chmod(0o755)
    assert "Traceback" not in ran.stdout + ran.stderr
    assert before == sorted(one.name for one in folder.iterdir())
    return ran.returncode, ran.stdout, ran.stderr


def test_a_folder_without_write_permission_is_one_line(theirs):
    """
    Named before anything is compiled, and nothing is left there.
    """
    status, out, err = as_somebody(theirs)

    assert (2, "", 1) == (status, out, err.count("\n"))
    assert f"otalab check: {theirs}: cannot be written: this user has no permission" in err


def test_what_is_built_there_needs_no_permission(capsys, theirs):
    """
    To run it, reading is enough.
    """
    main(["firmware", "build", str(theirs)])
    capsys.readouterr()
    status, out, _ = as_somebody(theirs, "trace", "--summary")

    assert 0 == status
    assert "update-lost" in out


@pytest.mark.parametrize("name", ["loader.c", "firmware.toml"])
def test_a_file_without_read_permission_is_one_line(theirs, name):
    """
    The file is named.
    """
    (theirs / name).chmod(0)
    status, out, err = as_somebody(theirs)

    assert (2, "", 1) == (status, out, err.count("\n"))
    assert f"{theirs / name}: cannot be read: this user has no permission" in err


@pytest.mark.parametrize("place", ["/proc", "nowhere", "file/loader", "file"])
def test_a_folder_that_is_none_is_one_line(capsys, tmp_path, monkeypatch, place):
    """
    With the way out.
    """
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("a file")
    status, out, err = checked(capsys, place)

    assert (2, "", 1) == (status, out, err.count("\n"))
    assert f"otalab check: {place}: has no firmware.toml; otalab firmware new FOLDER writes one" in err


def test_code_without_a_page_is_told_the_line_that_takes_it(capsys, tmp_path):
    """
    By who asks for the page, and by who would write another loader there; and the line is right.
    """
    (tmp_path / "boot.c").write_text(f'#include "otalab.h"\n{SLOT_0}')
    line = 'for the code that is there one line in it is enough: sources = ["boot.c"]'
    status, _, err = checked(capsys, tmp_path)
    assert (2, 1) == (status, err.count("\n"))
    assert err.endswith(f"has no firmware.toml; otalab firmware new FOLDER writes one, and {line}\n")
    assert 2 == main(["firmware", "new", str(tmp_path)])
    assert capsys.readouterr().err.endswith(f"is not empty: take another name, and {line}\n")

    (tmp_path / "firmware.toml").write_text(line.partition(": ")[2])
    assert 0 == main(["firmware", "build", str(tmp_path), "--board", "tiny"])

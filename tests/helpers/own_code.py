"""Code of one's own for tests: a folder with a few lines of C, compiled."""

import shutil
from pathlib import Path

import pytest

from otalab.own.code import CodeFirmware
from otalab.own.page import Page

needs_cc = pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler (cc) on this machine")
EXAMPLES = Path(__file__).parents[2] / "examples"

SLOT_0 = "uint32_t ota_boot(void) { return OTA_SLOT_0; }"


def written(folder, source, page=""):
    """
    A folder with these lines of C, and a page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "loader.c").write_text(f'#include "otalab.h"\n{source}\n')
    (folder / "firmware.toml").write_text(f'name = "mine"\nboard = "tiny"\nsources = ["loader.c"]\n{page}')
    return folder


def code(folder, source=SLOT_0, page=""):
    return CodeFirmware(Page.load(written(folder, source, page)))


def example(folder, name, *, sanitize=True):
    """
    An example, compiled elsewhere: its own folder stays as it is.
    """
    shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns("build"))
    if not sanitize:
        page = folder / name / "firmware.toml"
        page.write_text("sanitize = false\n" + page.read_text(encoding="utf-8"), encoding="utf-8")
    return CodeFirmware(Page.load(folder / name))

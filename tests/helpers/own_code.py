"""Code of one's own for tests: a folder with a few lines of C, compiled."""

import shutil

import pytest

from benchmarks.twins import compiled
from otalab.own.code import CodeFirmware
from otalab.own.page import Page

needs_cc = pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler (cc) on this machine")

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
    return compiled(name, folder, sanitize=sanitize)

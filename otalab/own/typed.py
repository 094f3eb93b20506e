"""Code as it is typed, without a folder of its own: it is kept in one that is gone when Python ends.

The first line of a cell names the code, and an editor counts it: what is written begins with an empty line in its
place, so that a complaint names the line that is seen.
"""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path

from otalab.errors import BadInput
from otalab.files import read_text, write_whole
from otalab.own.code import CodeFirmware, let_go
from otalab.own.page import PAGE, Page

IN_PYTHON = re.compile(r"^def \w+\(", re.MULTILINE)
_PLACES: list[tempfile.TemporaryDirectory[str]] = []


def typed(name: str, text: str, more: str = "") -> Path:
    """Return the folder of what was typed, in C or in Python; `more` are lines of its page.

    What was typed under this name before is overwritten, and what ran it is let go.
    """
    folder = _folder(name)
    source = "loader.py" if IN_PYTHON.search(text) else "loader.c"
    let_go(folder)
    write_whole(folder / source, f"\n{text}")
    write_whole(folder / PAGE, f'name = "{name}"\nsummary = "typed in a cell"\nsources = ["{source}"]\n{more}')
    return folder


def edited(code: CodeFirmware, name: str, *changes: tuple[str, str], more: str = "") -> CodeFirmware:
    """Return the same code under another name, with pieces of its first source replaced; each stands there once.

    `more` are lines that its page is to have besides.
    """
    page, folder = code.page, _folder(name)
    source = page.sources[0].relative_to(page.folder)
    text = read_text(page.folder / source)
    for old, new in changes:
        if (times := text.count(old)) != 1:
            raise BadInput(f"{page.name}: {old!r} stands {times} times in {source}, and must stand there once")
        text = text.replace(old, new)
    let_go(folder)
    for file in [*page.sources, *page.folder.rglob("*.h")]:
        write_whole(folder / file.relative_to(page.folder), read_text(file))
    write_whole(folder / source, text)
    write_whole(
        folder / PAGE, re.sub(r"^name = .*\n|^", f'name = "{name}"\n', page.text, count=1, flags=re.MULTILINE) + more
    )
    return CodeFirmware(Page.load(folder))


@cache
def _folder(name: str) -> Path:
    if not _PLACES:
        _PLACES.append(tempfile.TemporaryDirectory(prefix="otalab-"))
    folder = Path(_PLACES[0].name) / name
    folder.mkdir()
    return folder

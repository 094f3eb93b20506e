"""A place of a player as a link: all that it takes to stand there again, in the part of an address behind the `#`.

A design or a board of one's own goes along as its page, so whoever has the link needs no file.
"""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any

from otalab.bench.options import ScenarioOptions
from otalab.errors import BadInput
from otalab.files import read_text, write_whole
from otalab.graph.case import LINK_MARK
from otalab.own.page import is_page

PAGE = "player.html"
PAGES = ("design", "board")
# What is a name or a number; whatever is read from a file of the reader's is not for a link to ask for.
OPTIONS = {option.name for option in fields(ScenarioOptions)} - {"board", "bundle", "files"}
MOST = 1 << 20  # bytes of a place; a page has a few thousand


def link_of(place: Mapping[str, Any], options: Mapping[str, Any], site: str = "") -> str:
    """Return a link to a place, by its traits and the options of its scenario; `site` is where its page lies."""
    held = {name: value for name, value in options.items() if value is not None}
    if unfit := [name for name in held if name not in OPTIONS]:
        raise BadInput(f"a link does not hold {unfit[0]}: save the history and send its file")
    if is_page(place["design"]):
        raise BadInput("a link does not hold code: send its folder, and the id")
    written = dict(place) | {"options": held, "pages": _pages(place)}
    written |= {what: Path(place[what]).name for what in written["pages"]}
    packed = zlib.compress(json.dumps(written, separators=(",", ":")).encode(), 9)
    return f"{site}{PAGE}{LINK_MARK}{urlsafe_b64encode(packed).decode().rstrip('=')}"


def _pages(place: Mapping[str, Any]) -> dict[str, str]:
    """Return what is on the pages that the place names."""
    return {what: read_text(place[what]) for what in PAGES if place[what].endswith(".toml")}


def is_link(text: str) -> bool:
    """Say whether a text has a place in it."""
    return LINK_MARK in text


def place_in(link: str, folder: Path, names: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the traits of a place, of those that have these names, and the options of its scenario.

    Pages that the link brings are written into a folder, and stand there under the names they had.
    """
    written = _read(link.rpartition(LINK_MARK)[2])
    place, options = {name: written[name] for name in names if name in written}, dict(written["options"])
    if strange := [name for name in options if name not in OPTIONS]:
        raise BadInput(f"this link asks for {strange[0]}, which no link holds: set the player up by hand")
    for what in PAGES:
        if not place[what].endswith(".toml"):
            continue
        # A page of code names a compiler and what it compiles: what a stranger sends is looked at, and never run.
        if is_page(place[what]) or not isinstance(text := written["pages"].get(what), str):
            raise BadInput(f"this link names {place[what]} and does not bring its page: ask for a whole one")
        path = folder / what / PurePosixPath(place[what].replace("\\", "/")).name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
        place[what] = str(path)
    return place, options


def _read(packed: str) -> dict[str, Any]:
    try:
        reader = zlib.decompressobj()
        text = reader.decompress(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), MOST)
        written: Any = json.loads(text) if reader.eof else None
    except (ValueError, zlib.error, RecursionError) as error:
        raise BadInput(
            "this link has no place in it that can be read: it was cut off, or changed on its way"
        ) from error
    match written:
        case {"design": str(), "board": str(), "options": {}, "pages": {}}:
            return dict(written)
    raise BadInput("this link has no place of a player in it: ask for a new one")

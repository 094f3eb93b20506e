"""Settings files: TOML in which every complaint names its line.

`tomllib` forgets where a key stood, so the line is looked up in the text again when it is needed.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from otalab.errors import BadInput, unknown
from otalab.files import is_file, read_text
from otalab.text import meant

DATA = Path(__file__).parent / "_data"
if not DATA.is_dir():
    # A checkout, where the data lie beside the package.
    DATA = Path(__file__).parent.parent / "data"
EXAMPLES = Path(__file__).parent / "_examples"
if not EXAMPLES.is_dir():
    EXAMPLES = Path(__file__).parent.parent / "examples"


def names(what: str) -> list[str]:
    """Return the names of what the lab brings: "design" or "board"."""
    return list(_names(DATA / f"{what}s"))


@cache
def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def place_of(what: str, name: str) -> Path:
    """Return the file of a design or a board: by its name among those that the lab brings, or by its path."""
    if not isinstance(name, str):
        raise BadInput(f"{what} {name!r}: a name is needed, or the path of a TOML file")
    if name.endswith(".toml"):
        return Path(name)
    if name in names(what):
        return DATA / f"{what}s" / f"{name}.toml"
    if is_file(name):
        raise BadInput(f"{name}: the name of a file of TOML ends in .toml")
    if {"/", os.sep} & set(name):
        raise BadInput(f"{name}: no such file")
    raise unknown(what, name, names(what), ", or the path of a TOML file")


@dataclass(frozen=True, slots=True)
class Settings:
    """One table of a TOML file, with the way that leads to it (`("slots", 1, "app")`)."""

    source: str
    text: str
    table: dict[str, Any]
    way: tuple[str | int, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Settings:
        """Read a file; a file that is missing or is not TOML is `BadInput`."""
        text = read_text(path)
        try:
            return cls(str(path), text, tomllib.loads(text))
        except (ValueError, RecursionError) as error:
            # What follows in a sentence of Python's own is advice on Python.
            raise BadInput(f"{path}: not TOML: {str(error).partition('; use ')[0]}") from error

    def wrong(self, key: str, problem: str) -> BadInput:
        """Return the complaint about one key, with its line."""
        dotted = ".".join(str(part) for part in (*self.way, key))
        return BadInput(f"{self.source}:{self.line(key)}: {dotted}: {problem}")

    def line(self, key: str) -> int:
        """Return the line on which a key stands; of one that is missing, that of its table."""
        lines, here = self.text.splitlines(), 0
        for part in (*self.way, key) if key in self.table else self.way:
            pattern = (
                rf"^\s*(\[+\s*)?([\w.-]+\.)?\"?{re.escape(str(part))}\"?\s*(=|\]|\.)|[{{,]\s*{re.escape(str(part))}\s*="
            )
            skip = 0
            if isinstance(part, int):
                # The n-th table of an array: its header was already found once for the first.
                header, skip = lines[here] if here < len(lines) else "", part
                pattern = re.escape(header.strip())
            matches = [n for n in range(here, len(lines)) if re.search(pattern, lines[n])]
            here = matches[skip] if len(matches) > skip else here
        return here + 1

    def known(self, allowed: Collection[str]) -> None:
        """Refuse keys that mean nothing here: a misspelt choice must not be read as its default."""
        for key in self.table:
            if key not in allowed:
                raise self.wrong(key, f"unknown key; allowed: {', '.join(allowed)}{meant(key, allowed)}")

    def inside(self, key: str) -> Settings:
        """Return the table under `key`."""
        value = self.required(key)
        if not isinstance(value, dict):
            raise self.wrong(key, f"a table is needed here, not {value!r}")
        return Settings(self.source, self.text, value, (*self.way, key))

    def each(self, key: str) -> Iterator[Settings]:
        """Yield the tables of the array under `key`."""
        value = self.required(key)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(key, "an array of tables is needed here")
        for number, item in enumerate(value):
            yield Settings(self.source, self.text, item, (*self.way, key, number))

    def required(self, key: str) -> Any:
        """Return a value that must be there."""
        if key not in self.table:
            raise self.wrong(key, "missing")
        return self.table[key]

    def words(self, key: str) -> str:
        """Return a string that is not empty."""
        value = self.required(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, f"a text is needed here, not {value!r}")
        if not value.isprintable():
            raise self.wrong(key, f"{value!r} holds what cannot be printed")
        return value

    def number(self, key: str, least: int = 0, most: int = 2**32) -> int:
        """Return an integer within bounds."""
        value = self.required(key)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(key, f"an integer from {least} to {most} is needed here, not {value!r}")
        return value

    def choice(self, key: str, allowed: Collection[Any]) -> Any:
        """Return one of the allowed values; `true` is not 1."""
        value = self.required(key)
        if not any(value == item and type(value) is type(item) for item in allowed):
            one_of = ", ".join(map(str, allowed))
            raise self.wrong(key, f"{value!r} is not allowed; one of: {one_of}{meant(value, allowed)}")
        return value

"""The page of a folder with code: `firmware.toml` names the sources, the board, and the record format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from otalab.errors import BadInput
from otalab.files import is_file, read_bytes, read_text
from otalab.firmware.design import Design
from otalab.own.record_page import records_of
from otalab.settings import Settings

PAGE = "firmware.toml"
KEYS = ("name", "summary", "board", "sources", "sanitize", "seconds", "self_checking", "records")
MOST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Page:
    """What a folder says of its code: name, sources, board, how its records are read, and its limits.

    `sanitize`: whether the compiler watches over memory and undefined behaviour; `seconds`: processor time of one call;
    `self_checking`: whether its images carry a check of their own; `digest` is of everything that is compiled, `text`
    is the page itself.
    """

    folder: Path
    name: str
    summary: str
    sources: tuple[Path, ...]
    board: str | None
    records: Design | None
    sanitize: bool
    seconds: float
    self_checking: bool
    digest: str
    text: str

    @property
    def in_python(self) -> bool:
        """Whether it is a module of Python, in place of files of C."""
        return self.sources[0].suffix == ".py"

    @property
    def identity(self) -> str:
        """The name by which an id recognises the code, sources included."""
        return f"{self.name}@{self.digest}"

    @classmethod
    def load(cls, folder: str | Path) -> Page:
        """Read the page of a folder; what is missing, misspelt or not there is `BadInput`."""
        folder = Path(folder)
        if not is_file(folder / PAGE):
            raise BadInput(f"{folder}: has no {PAGE}; otalab firmware new FOLDER writes one{beside(folder)}")
        page = Settings.load(folder / PAGE)
        page.known(KEYS)
        name = page.words("name") if "name" in page.table else folder.resolve().name
        if not name or not set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."):
            raise page.wrong("name", f"{name!r}: letters, digits and - _ . are needed, for it stands in ids")
        sources = _sources(page, folder)
        return cls(
            folder,
            name,
            page.words("summary") if "summary" in page.table else f"code of {folder.name}",
            sources,
            _board(page, folder),
            records_of(page, name),
            _flag(page, "sanitize", default=True),
            _seconds(page),
            _flag(page, "self_checking", default=False),
            _digest(folder, sources),
            read_text(folder / PAGE),
        )


def page_in(folder: str | Path) -> str:
    """Return the path of a folder's page, by which code is named wherever a design is."""
    return str(Path(folder) / PAGE)


def is_page(name: str) -> bool:
    """Say whether a name is the path of a page of code."""
    return Path(name).name == PAGE


def beside(folder: Path) -> str:
    """Return what would make a page for the C files that lie in a folder; nothing where none do."""
    try:
        there = sorted(path.name for path in folder.iterdir() if path.suffix == ".c" and path.name.isprintable())
    except (OSError, ValueError):
        there = []  # what is wrong with the folder is told by who asks for its page
    names = ", ".join(json.dumps(name) for name in there)
    return f", and for the code that is there one line in it is enough: sources = [{names}]" if there else ""


def page_of(name: str) -> Page:
    """Return the page by its path."""
    return Page.load(Path(name).parent)


def _sources(page: Settings, folder: Path) -> tuple[Path, ...]:
    listed = page.table.get("sources", [])
    if not isinstance(listed, list) or not listed or not all(isinstance(name, str) for name in listed):
        raise page.wrong("sources", 'a list of C files is needed, such as ["loader.c"]')
    for name in listed:
        if not is_file(folder / name):
            raise page.wrong("sources", f"{name} is not in {folder}")
    if any(name.endswith(".py") for name in listed) and len(listed) > 1:
        raise page.wrong("sources", "code in Python is one module, and this names several files")
    return tuple(folder / name for name in listed)


def _board(page: Settings, folder: Path) -> str | None:
    if "board" not in page.table:
        return None
    named = page.words("board")
    return str(folder / named) if named.endswith(".toml") else named


def _flag(page: Settings, key: str, *, default: bool) -> bool:
    value = page.table.get(key, default)
    if not isinstance(value, bool):
        raise page.wrong(key, f"true or false is needed here, not {value!r}")
    return value


def _seconds(page: Settings) -> float:
    value = page.table.get("seconds", 1)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_SECONDS:
        raise page.wrong("seconds", f"{value!r}: processor time for one call, above 0 and at most {MOST_SECONDS}")
    return float(value)


def _digest(folder: Path, sources: tuple[Path, ...]) -> str:
    """Return the digest of the page, the sources and the headers beside them."""
    files = sorted({folder / PAGE, *sources, *folder.rglob("*.h")})
    parts = (str(path.relative_to(folder)).encode() + b"\0" + sha256(read_bytes(path)).digest() for path in files)
    return sha256(b"".join(parts)).hexdigest()[:12]

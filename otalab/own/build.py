"""Building: the system's C compiler makes a runner of somebody's code and the lab's own part of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from otalab.errors import BadInput
from otalab.files import read_bytes, try_folder
from otalab.hardware.board import Board
from otalab.hardware.geometry import MixedGeometry
from otalab.own.page import Page

HERE = Path(__file__).parent
# Where the lab's part is kept while Python runs.
_PLACES: list[tempfile.TemporaryDirectory[str]] = []
HEADER, RUNNER = HERE / "otalab.h", HERE / "runner.c"
PLAIN = ("-std=gnu11", "-g", "-fno-omit-frame-pointer")
WATCHED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
MISSING_LIBRARY = re.compile(r"cannot find .*lib(a|ub)san|unsupported option '-fsanitize|unrecognized.*-fsanitize")
COMPLAINT = re.compile(r"^(?P<where>[^\s:]+:\d+)(:\d+)?: (fatal )?error: (?P<what>.*)$", re.MULTILINE)
SAID = re.compile(
    r"^(?P<file>[^\s:]+):(?P<line>\d+)(:\d+)?: (fatal )?(?P<kind>error|warning): (?P<what>.*)$", re.MULTILINE
)
# What holds at an address, where there is no constant for all of flash.
SIZES = ("SECTOR_SIZE", "PAGE_SIZE", "PROGRAM_UNIT")
UNDEFINED = re.compile(r"undefined reference to `(?P<what>[^']+)'|Undefined symbols.*\n\s+\"_(?P<mac>[^\"]+)\"")


class Complaint(NamedTuple):
    """What a compiler says of one line of a file: `kind` is `error` or `warning`."""

    file: str
    line: int
    kind: str
    what: str

    @property
    def text(self) -> str:
        """The same as a compiler writes it."""
        return f"{self.file}:{self.line}: {self.kind}: {self.what}"


def built(page: Page, board: Board) -> Path:
    """Return the runner for a board, compiled if it was not yet, or what it is made of has changed."""
    folder = page.folder / "build" / f"{board.name}-{_key(page, board)}"
    program = folder / "runner"
    if not program.is_file():
        compiler = found_compiler()
        try_folder(page.folder)
        with tempfile.TemporaryDirectory() as place:
            made = _compiled(page, board, compiler, Path(place))
            _moved(made, program)
    return program


def found_compiler() -> str:
    """Return the system's C compiler; where there is none, or code cannot be run, that is said with the way out."""
    if os.name != "posix":
        raise BadInput("code in C is run on Linux and macOS only: name a design, or use a machine that has one of them")
    compiler = shutil.which("cc")
    if compiler is None:
        raise BadInput(
            "cc is not on this system, and code in C needs it: install a C compiler (Debian: apt install gcc)"
        )
    return compiler


def macros(board: Board) -> dict[str, int]:
    """Return what the board says to the code: where things lie, in bytes; of a size only what holds everywhere."""
    slots, records = board.slots, board.records
    named = {
        "FLASH_SIZE": board.geometry.size,
        "SLOT_SIZE": slots[0].app.size,
        "FILES_SIZE": slots[0].fs.size,
    }
    named |= {name: sizes.pop() for name, sizes in divided(board).items() if len(sizes) == 1}
    named |= {f"RECORD_{number}": area.address for number, area in enumerate(records)}
    named |= {f"STATE_{number}": area.address for number, area in enumerate(board.state)}
    named |= {f"SLOT_{number}": slot.app.address for number, slot in enumerate(slots)}
    named |= {f"FILES_{number}": slot.fs.address for number, slot in enumerate(slots)}
    return {f"OTA_{name}": value for name, value in named.items()}


def divided(board: Board) -> dict[str, set[int]]:
    """Return the sizes of sectors, pages and program units that there are on a board, by their names in code."""
    pieces = board.geometry.pieces if isinstance(board.geometry, MixedGeometry) else (board.alike,)
    return {
        "SECTOR_SIZE": {piece.sector_size for piece in pieces},
        "PAGE_SIZE": {piece.page_size for piece in pieces},
        "PROGRAM_UNIT": {piece.program_unit for piece in pieces},
    }


def complaints(page: Page, board: Board) -> list[Complaint]:
    """Return all that the compiler complains of, warnings too, in its order; nothing of code in Python."""
    if page.in_python:
        return []
    options = [*PLAIN, "-Wall", "-Wextra", *_defined(board), f"-I{HERE}", "-I."]
    said = _said([found_compiler(), "-fsyntax-only", *options, *_sources(page)], page).stderr
    return [Complaint(place["file"], int(place["line"]), place["kind"], place["what"]) for place in SAID.finditer(said)]


def _key(page: Page, board: Board) -> str:
    """Return a digest of all that decides what is built."""
    parts = (page.digest, str(sorted(_defined(board))), str(page.sanitize), str(page.sources))
    whole = "\0".join(parts).encode() + read_bytes(HEADER) + read_bytes(RUNNER)
    return sha256(whole).hexdigest()[:12]


def _compiled(page: Page, board: Board, compiler: str, place: Path) -> Path:
    watched = WATCHED if page.sanitize else ()
    options = [*PLAIN, "-O1", "-Wall", "-Wextra", *watched, *_defined(board), f"-I{HERE}", "-I."]
    program = place / "runner"
    _run([compiler, *options, *_sources(page), str(_labs_part(page, board, compiler)), "-o", str(program)], page)
    return program


def _labs_part(page: Page, board: Board, compiler: str) -> Path:
    """Return the lab's part for a board, compiled once for all code that is built here.

    It is not watched: it is quick, and what goes wrong in it is told where it was called.
    """
    defined = _defined(board)
    digest = sha256("\0".join((compiler, *defined)).encode() + read_bytes(HEADER) + read_bytes(RUNNER)).hexdigest()
    if not _PLACES:
        _PLACES.append(tempfile.TemporaryDirectory(prefix="otalab-"))
    part = Path(_PLACES[0].name) / f"{digest}.o"
    if not part.is_file():
        draft = part.with_suffix(f".{os.getpid()}")
        _run([compiler, *PLAIN, "-O2", *defined, f"-I{HERE}", "-c", str(RUNNER), "-o", str(draft)], page)
        draft.replace(part)
    return part


def _defined(board: Board) -> list[str]:
    pieces = [f"-DOTA_PIECES={_pieces(board.geometry)}"] if isinstance(board.geometry, MixedGeometry) else []
    return [*(f"-D{name}={value}u" for name, value in macros(board).items()), *pieces]


def _pieces(geometry: MixedGeometry) -> str:
    """Return where each piece of flash begins, with which sector, and how it is divided, as C has it."""
    rows, begin = list[str](), 0
    for piece in geometry.pieces:
        row = begin, geometry.sector_at(begin), piece.sector_size, piece.page_size, piece.program_unit
        rows.append("{" + ",".join(f"{value}u" for value in row) + "}")
        begin += piece.size
    return ",".join(rows)


def _sources(page: Page) -> list[str]:
    return [str(source.relative_to(page.folder)) for source in page.sources]


def _said(command: list[str], page: Page) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(
        command, cwd=page.folder, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False
    )


def _run(command: list[str], page: Page) -> None:
    ran = _said(command, page)
    if ran.returncode:
        raise BadInput(complaint(ran.stderr, page))


def complaint(said: str, page: Page) -> str:
    """Return the first thing that a compiler complains of, with file and line, as one line."""
    if match := COMPLAINT.search(said):
        return f"{page.folder / match['where']}: {match['what']}{differs(match['what'])}"
    if MISSING_LIBRARY.search(said):
        return f"{page.folder}: this compiler has no sanitizers: install them, or write sanitize = false in the page"
    if match := UNDEFINED.search(said):
        name = match["what"] or match["mac"]
        return f"{page.folder}: {name} is called and defined nowhere: name its file in sources, or write a stub"
    lines = [line for line in said.splitlines() if line.strip()]
    return f"{page.folder}: the compiler failed: {lines[0] if lines else 'it said nothing'}"


def differs(what: str, calls: str = "ota_") -> str:
    """Return what to ask in place of a constant that this board does not have."""
    constant = next((name for name in SIZES if name in what), "")
    return f"; it differs by address on this board: ask {calls}{constant.lower()}(address)" if constant else ""


def _moved(made: Path, program: Path) -> None:
    """Put what was made in its place whole: two builds at the same time do not meet half of each other."""
    try:
        program.parent.mkdir(parents=True, exist_ok=True)
        draft = program.with_name(f"{program.name}.{os.getpid()}")
        shutil.copy(made, draft)
        draft.replace(program)
    except OSError as error:
        raise BadInput(f"{program}: cannot be written: {error.strerror}") from error

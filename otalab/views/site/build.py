"""The site as files: pages, the lab as Python that a tab unpacks, and the Python that runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from otalab.errors import BadInput
from otalab.faults.models import FAULTS
from otalab.files import read_text, write_whole
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.image import TEMPERS
from otalab.hardware.board import boards, load_board
from otalab.settings import DATA
from otalab.views.modules import DOM
from otalab.views.player.widget import UpdatePlayer
from otalab.views.site.runtime import INTEGRITY, RUNTIME_FILES, SERVED_FROM
from otalab.views.style import page_theme, variables
from otalab.views.widgets.commit_timer import CommitTimerLab
from otalab.views.widgets.graph import CrashGraphView
from otalab.views.widgets.sequencer import SequencerLab

HERE, PACKAGE = Path(__file__).parent, Path(__file__).parents[2]
PAGES = ("index", "check", "player", "records", "race", "glossary")
# The modules that a notebook loads, letter by letter, and their styles.
MODULES = {
    "player": UpdatePlayer._esm,
    "records": SequencerLab._esm,
    "race": CommitTimerLab._esm,
    "graph": CrashGraphView._esm,
}
VIEWS = HERE.parent
STYLES = (
    HERE / "site.css",
    VIEWS / "player" / "player.css",
    *(VIEWS / "widgets" / f"{name}.css" for name in ("sequencer", "commit_timer", "graph")),
)
# What a tab has of the lab; the other floors need packages, a network or a terminal.
FLOORS = ("hardware", "formats", "firmware", "own", "bench", "faults", "graph", "views")
OF_THE_LAB = (".py", ".toml", ".js", ".css")
EARLIEST = (1980, 1, 1, 0, 0, 0)


def build(out: Path, runtime: Path | None = None, course: Mapping[str, bytes] | None = None) -> list[Path]:
    """Write the site into a folder and return its files; `runtime` is an unpacked npm package of pyodide.

    Without it the page takes Python from a public content network, with its hash.
    The pages of a `course` stand in a folder of their own.
    """
    check_place(out, runtime)
    files = _files(with_course=bool(course)) | _runtime(runtime)
    files |= {f"course/{name}": page for name, page in (course or {}).items()}
    digest = sha256(b"".join(name.encode() + files[name] for name in sorted(files))).hexdigest()[:16]
    files["offline.js"] = read_text(HERE / "offline.js").replace("VERSION", digest).encode()
    for name, contents in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, contents, sync=False)
    return [out / name for name in files]


def check_place(out: Path, runtime: Path | None) -> None:
    """Raise where no site can be written, or its runtime is not there: before notebooks are run for minutes."""
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: a folder is needed, and this is none")
    if runtime and (missing := [name for name in RUNTIME_FILES if not (runtime / name).is_file()]):
        raise BadInput(
            f"{runtime}: there is no {missing[0]}: "
            "unpack the npm package pyodide (npm pack pyodide) and name its folder"
        )


def _files(*, with_course: bool) -> dict[str, bytes]:
    """Return what is the same with any runtime."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "pages"), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    said = _choices() | {"with_course": with_course}
    files = {f"{name}.html": environment.get_template(f"{name}.html").render(**said).encode() for name in PAGES}
    script = "\n".join(read_text(path) for path in (DOM, HERE / "site.js"))
    style = "\n".join((page_theme(), variables(), *(read_text(path) for path in STYLES)))
    files |= {"site.js": script.encode(), "site.css": style.encode()}
    files |= {f"{name}.js": module.encode() for name, module in MODULES.items()}
    return files | {"worker.js": read_text(HERE / "worker.js").encode(), "lab.zip": _lab()}


def _choices() -> dict[str, Any]:
    """Return what the pages let one choose, and the words of the glossary."""
    own = [load_board(str(path)) for path in sorted((HERE / "boards").glob("*.toml"))]
    return {
        "designs": [load_design(name) for name in designs()],
        "boards": sorted([*own, *map(load_board, boards())], key=lambda board: board.file_system == "littlefs"),
        "faults": [(name, model.text) for name, model in FAULTS.items()],
        "images": TEMPERS,
        "words": list(_words()),
    }


def _words() -> Iterator[tuple[str, str]]:
    docs = DATA.parent / ("_course/docs" if DATA.name == "_data" else "docs")
    for line in read_text(docs / "glossary.md").splitlines():
        if line.startswith("| ") and not line.startswith(("| word |", "| --- ")):
            _, word, meaning, _ = line.split("|")
            yield word.strip(), meaning.strip()


def _lab() -> bytes:
    """Return the floors that a tab has, the data that they read, and the one package that is Python alone."""
    with ZipFile(packed := BytesIO(), "w", ZIP_DEFLATED) as archive:
        for name, path in sorted({**_package(), **_data(), **_traitlets()}.items()):
            # Written at the same time each, so that the same lab is the same file.
            archive.writestr(ZipInfo(name, EARLIEST), path.read_bytes(), ZIP_DEFLATED)
    return packed.getvalue()


def _package() -> dict[str, Path]:
    roots = [PACKAGE / floor for floor in FLOORS]
    paths = [path for root in roots for path in root.rglob("*")] + [*PACKAGE.glob("*.py")]
    return {f"otalab/{path.relative_to(PACKAGE).as_posix()}": path for path in paths if path.suffix in OF_THE_LAB}


def _data() -> dict[str, Path]:
    paths = [path for path in DATA.rglob("*") if path.suffix in (".toml", ".csv")]
    return {f"otalab/_data/{path.relative_to(DATA).as_posix()}": path for path in paths}


def _traitlets() -> dict[str, Path]:
    spec = find_spec("traitlets")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    paths = [path for path in root.rglob("*.py") if "tests" not in path.parts]
    return {f"traitlets/{path.relative_to(root).as_posix()}": path for path in paths}


def _runtime(folder: Path | None) -> dict[str, bytes]:
    """Return the Python that a page loads, and where it finds it."""
    if folder is None:
        return {"runtime.json": json.dumps({"base": SERVED_FROM, "integrity": INTEGRITY}).encode()}
    files = {f"runtime/{name}": (folder / name).read_bytes() for name in RUNTIME_FILES}
    return files | {"runtime.json": json.dumps({"base": "runtime/", "integrity": {}}).encode()}

"""`otalab site`: the lab as a static site, where Python runs in the reader's tab."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from otalab.cli.parser import group


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("site")
    parser.add_argument("out", metavar="OUT", help="the folder to write it into; files that it has are written anew")
    group(parser, "the site").add_argument(
        "--runtime", metavar="FOLDER",
        help="an unpacked npm package of pyodide, to be served along (a public content network)",
    )  # fmt: skip
    course = group(parser, "the course").add_argument
    course("--course", action="store_true", help="with its notebooks as pages; they are run first, for some minutes")
    course(
        "--notebook", metavar="NN", action="append", default=[],
        help="with only this one, such as 03 (may be repeated)",
    )  # fmt: skip
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the site, and say how it is looked at."""
    from otalab.views.site.build import build, check_place  # noqa: PLC0415  # slow to load

    out, runtime = Path(arguments.out), Path(arguments.runtime) if arguments.runtime else None
    check_place(out, runtime)
    files = build(out, runtime, _course(arguments))
    size = sum(path.stat().st_size for path in files)
    print(f"{out}: {len(files)} files, {size / 1e6:.1f} MB")
    print(f"look at it: python -m http.server -d {out}, then http://localhost:8000")
    return 0


def _course(arguments: argparse.Namespace) -> dict[str, bytes]:
    """Return the pages of the notebooks that are asked for."""
    if not arguments.course and not arguments.notebook:
        return {}
    from otalab.cli.course import made_of  # noqa: PLC0415  # slow to load
    from otalab.course.folder import course  # noqa: PLC0415  # see above
    from otalab.course.handout import names_of  # noqa: PLC0415  # see above

    return made_of(names_of(course(), arguments.notebook), home="../index.html").files

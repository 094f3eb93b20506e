"""`otalab firmware`: code of your own: a folder to begin with, and its compilation."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from otalab.bench.setup import board_for, set_up
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.files import read_text, try_folder, write_whole
from otalab.own.build import HEADER, built, found_compiler
from otalab.own.code import CodeFirmware
from otalab.own.page import PAGE, Page, beside
from otalab.settings import EXAMPLES

START = EXAMPLES / "hardened"


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = commands.add_parser("firmware")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    new = verbs.add_parser("new", help="write a folder with a boot loader that compiles and is safe, to begin with")
    new.add_argument("folder", metavar="FOLDER", help="a folder that is not there yet, or is empty")
    new.set_defaults(func=begin)
    build = verbs.add_parser("build", help="compile the code of a folder, and say where the first complaint is")
    build.add_argument("folder", metavar="FOLDER", help=f"a folder with {PAGE}")
    group(build, "the device").add_argument(
        "--board", metavar="B", help="name, or path of a TOML file (the page's, or lab-1M)"
    )
    build.set_defaults(func=compiled)


def begin(arguments: argparse.Namespace) -> int:
    """Write what there is to begin with; a folder that holds anything is left as it is."""
    folder = Path(arguments.folder)
    name = re.sub(r"[^\w.-]", "-", folder.resolve().name)
    try_folder(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise BadInput(f"{folder}: is not empty: take another name{beside(folder)}")
    page = read_text(START / PAGE).replace('name = "hardened-c"', f'name = "{name}"')
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "loader.c", read_text(START / "loader.c"))
    write_whole(folder / PAGE, page)
    print(f"{folder / 'loader.c'} is a boot loader that is safe; change it, then: otalab check --firmware {folder}")
    print(f"what it may call, and what may be called of it, stands in {HEADER}")
    return 0


def compiled(arguments: argparse.Namespace) -> int:
    """Compile, whether it was done before or not."""
    page = Page.load(arguments.folder)
    firmware = CodeFirmware(page)
    board = board_for(firmware, arguments.board)
    if page.in_python:
        set_up(firmware, board)  # what is wrong with a module is seen when it is started
        print(f"{page.sources[0]}: {page.name} for board {board.name}; there is nothing to compile")
        return 0
    found_compiler()
    print(f"{built(page, board)}: {page.name} for board {board.name}")
    return 0

"""`%%firmware NAME`: a boot loader in a cell of a notebook, and its verdict and its player below it.

The cell is compiled and looked at each time that it is run, so an edit moves the counterexample.
"""

from __future__ import annotations

import argparse
import re
import shlex
from html import escape
from pathlib import Path
from typing import Any, NoReturn

from IPython.display import display

from otalab.bench.setup import board_for
from otalab.errors import BadInput, OtalabError
from otalab.graph.check import Cell, check_design
from otalab.own.build import complaints
from otalab.own.code import CodeFirmware
from otalab.own.page import Page
from otalab.own.typed import typed
from otalab.text import number_of
from otalab.views.figures.graph import style_verdicts, verdict_table
from otalab.views.player.widget import UpdatePlayer

PLACE = re.compile(r"\bloader\.(?:c|py):(?P<line>\d+): (?P<what>.*)")


class CellOptions(argparse.ArgumentParser):
    """The options behind `%%firmware`; what is wrong with them is one line, and ends no kernel."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed."""
        raise BadInput(f"%%firmware: {message}; {self.format_usage().strip()}")


def options() -> CellOptions:
    """Return the options that can stand behind `%%firmware`."""
    parser = CellOptions(prog="%%firmware", add_help=False, allow_abbrev=False)
    parser.add_argument("name", metavar="NAME", help="the variable that holds the firmware afterwards")
    parser.add_argument("--faults", default="torn-program", metavar="F", help="fault models: atomic,torn-bits")
    parser.add_argument("--image", default="healthy", metavar="I", help="how the new image behaves: healthy,crashes")
    parser.add_argument("--board", default="tiny", metavar="B", help="the board that it runs on (tiny)")
    parser.add_argument("--budget", default=60, type=int, metavar="N", help="nodes after which a search gives up (60)")
    parser.add_argument("--page", metavar="V", help="a variable that holds more lines for the page of the code")
    return parser


def load_into(shell: Any) -> None:
    """Teach a notebook the word."""

    def firmware(line: str, cell: str) -> UpdatePlayer:
        return looked_at(shell, line, cell)

    firmware.__doc__ = f"{looked_at.__doc__}\n\n{options().format_help()}"
    shell.register_magic_function(firmware, "cell")


def looked_at(shell: Any, line: str, text: str) -> UpdatePlayer:
    """Compile the boot loader of this cell, prove or break it, and play the shortest history that breaks it."""
    wanted = options().parse_args(shlex.split(line))
    if not wanted.name.isidentifier():
        raise BadInput(f"%%firmware {wanted.name}: a name for a variable is needed, such as mine")
    more = shell.user_ns.get(wanted.page, "")
    if wanted.page and not (more and isinstance(more, str)):
        raise BadInput(f"--page {wanted.page}: no variable of this name holds the lines of a page")
    folder = typed(wanted.name, text, more)
    code = CodeFirmware(Page.load(folder))
    _require_that_it_compiles(text, code, wanted.board)
    try:
        cells = _cells(code, wanted)
    except OtalabError as error:
        _show(text, str(error))
        raise
    shell.user_ns[wanted.name], table = code, verdict_table(cells)
    _display({"text/html": style_verdicts(table).to_html(), "text/plain": table.to_string()})
    return _player(folder, text, cells)


def _cells(code: CodeFirmware, wanted: argparse.Namespace) -> list[Cell]:
    """Return a cell for each fault model and image."""
    return [
        check_design(code, faults, image, wanted.board, budget=wanted.budget)
        for faults in wanted.faults.split(",")
        for image in wanted.image.split(",")
    ]


def _player(folder: Path, text: str, cells: list[Cell]) -> UpdatePlayer:
    """Return the player of the first history that ends badly, or of an update that nothing disturbs."""
    cell = next((cell for cell in cells if cell.graph.counterexample), cells[0])
    case, bad = cell.case, cell.graph.counterexample
    player = UpdatePlayer(firmware=folder, board=case.board_name, faults=case.faults, image=case.image)
    if bad is not None:
        print(f"{case.faults}, {case.image}: {bad.end} after {number_of(len(bad.cuts), 'cut')}: {bad.reason}")
        _show(text, bad.reason)
        player.choices = [leg.choices for leg in bad.legs]
        player.cuts = [[number, leg.step, leg.tear] for number, leg in bad.cuts]
    return player


def _require_that_it_compiles(text: str, code: CodeFirmware, board: str) -> None:
    """Show all that the compiler has to say, each beside its line; its warnings stop nothing."""
    said = complaints(code.page, board_for(code, board))
    for complaint in said:
        _show(text, complaint.text)
    if wrong := [complaint.text for complaint in said if complaint.kind == "error"]:
        raise BadInput(wrong[0])


def _show(text: str, reason: str) -> None:
    """Show the line of a cell that a reason names, and what is said of it below; the first line names the code."""
    place = PLACE.search(reason)
    lines = ["", *text.splitlines()]
    if place is None or int(place["line"]) > len(lines):
        return
    line = lines[int(place["line"]) - 1]
    before = f"{place['line']} | "
    below = " " * (len(before + line) - len(line.lstrip())) + f"^ {place['what']}"
    page = f"<pre style='margin: 0'>{escape(before + line)}\n<b>{escape(below)}</b></pre>"
    _display({"text/plain": f"{before}{line}\n{below}", "text/html": page})


def _display(data: dict[str, str]) -> None:
    display(data, raw=True)  # type: ignore[no-untyped-call]  # the library has no types

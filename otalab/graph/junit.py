"""Cells as a JUnit file, the format in which build servers take the results of tests: a test case for each cell.

Its elements are those that Jenkins's schema (xunit-plugin, `junit-10.xsd`) knows, which others read as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from otalab.files import MADE
from otalab.graph.cell_words import headline, lines
from otalab.graph.check import Cell, LostCell

# What XML 1.0 has no way to write.
UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(cells: Sequence[Cell | LostCell]) -> str:
    """Return the cells as a JUnit file; one that is not safe is a failure, one without an answer an error."""
    suites = ET.Element("testsuites", name="otalab check")
    for design in dict.fromkeys(cell.case.design for cell in cells):
        members = [cell for cell in cells if cell.case.design == design]
        suite = ET.SubElement(suites, "testsuite", _counted(design, members))
        for cell in members:
            _add(suite, cell)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- {MADE} -->\n{ET.tostring(suites, encoding="unicode")}\n'


def _counted(design: str, cells: Sequence[Cell | LostCell]) -> dict[str, str]:
    lost = sum(isinstance(cell, LostCell) for cell in cells)
    failed = sum(cell.verdict != "safe" for cell in cells) - lost
    seconds = sum(cell.seconds for cell in cells if isinstance(cell, Cell))
    counts = {"tests": len(cells), "failures": failed, "errors": lost, "skipped": 0}
    return {"name": _text(design), **{name: str(count) for name, count in counts.items()}, "time": f"{seconds:.3f}"}


def _add(suite: ET.Element, cell: Cell | LostCell) -> None:
    seconds = cell.seconds if isinstance(cell, Cell) else 0.0
    name = _text(f"{cell.case.faults}, {cell.case.image}")
    case = ET.SubElement(suite, "testcase", classname=_text(cell.case.text), name=name, time=f"{seconds:.3f}")
    if cell.verdict == "safe":
        return
    lost = isinstance(cell, LostCell)
    tag, kind = ("error", "internal fault") if lost else ("failure", cell.verdict)
    ET.SubElement(case, tag, type=kind, message=_text(headline(cell))).text = _text("\n".join(lines(cell)))


def _text(words: str) -> str:
    """Return a text that XML can hold: what it cannot is written out."""
    return UNFIT.sub(lambda strange: f"\\u{ord(strange[0]):04x}", words)

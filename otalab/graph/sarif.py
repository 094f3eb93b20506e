"""Cells as a SARIF file (OASIS SARIF 2.1.0), which services that show findings in code take: a result for each cell.

`fail` is a bad end that was found, `open` what is neither broken nor proved, `pass` what is proved.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from otalab.bench.ends import BAD, END_WORDS
from otalab.files import MADE
from otalab.graph.case import digest
from otalab.graph.cell_words import cut_words, headline, lines
from otalab.graph.check import Cell, LostCell
from otalab.versions import installed

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# Ends first, then what a cell without one is; the order is that of `ruleIndex`.
RULES = {**{end: END_WORDS[end] for end in BAD}, "open": "not proved: the graph is not closed", "safe": "proved"}
LEVELS = {"unsafe": ("fail", "error"), "open": ("open", "none"), "safe": ("pass", "none")}


def sarif(cells: Sequence[Cell | LostCell]) -> str:
    """Return the cells as a SARIF file; a cell without an answer is told as a fault of the tool's run."""
    driver = {"name": "otalab", "version": installed("otalab"), "rules": [_rule(name) for name in RULES]}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "results": [_result(cell) for cell in cells if isinstance(cell, Cell)],
        "invocations": [_invocation([cell for cell in cells if isinstance(cell, LostCell)])],
        "properties": {"note": MADE},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(name: str) -> dict[str, Any]:
    return {"id": name, "shortDescription": {"text": RULES[name]}}


def _result(cell: Cell) -> dict[str, Any]:
    bad = cell.graph.counterexample
    kind, level = LEVELS[cell.verdict]
    rule = bad.end if bad else cell.verdict
    identity = {"id": cell.case.identity(bad), "replay": cell.case.replay(cell.case.identity(bad))} if bad else {}
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": list(RULES).index(rule),
        "kind": kind,
        "level": level,
        "message": {"text": "\n".join((f"{cell.case.text}: {headline(cell)}", *lines(cell)))},
        "locations": [_location(cell)],
        # The same question has the same fingerprint, whatever its answer is tomorrow.
        "partialFingerprints": {"otalabCell/v1": digest(cell.case.text.encode(errors="backslashreplace"))},
        "properties": {"faults": cell.case.faults, "image": cell.case.image, **identity},
    }
    if bad and bad.cuts:
        flow = [{"location": {"message": {"text": cut_words(number, leg)}}} for number, leg in bad.cuts]
        result["codeFlows"] = [{"threadFlows": [{"locations": flow}]}]
    return result


def _location(cell: Cell) -> dict[str, Any]:
    """Return the page of the design where it has one, and its name in any case."""
    named = {"logicalLocations": [{"name": cell.case.design, "kind": "module"}]}
    page = dict(cell.case.files).get("design")
    if page is None:
        return named
    place = PurePath(page)
    uri = place.as_uri() if place.is_absolute() else _relative(place)
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}, **named}


def _relative(place: PurePath) -> str:
    return PurePath("/", place).as_uri().removeprefix("file:///")


def _invocation(lost: Sequence[LostCell]) -> dict[str, Any]:
    faults = [{"level": "error", "message": {"text": f"{cell.case.text}: {headline(cell)}"}} for cell in lost]
    return {"executionSuccessful": not lost, "toolExecutionNotifications": faults}

"""How a result is printed: as a table for people, as one JSON object, as CSV."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.text import one_line, table

FORMATS = ("table", "json", "csv")


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add `--format`; `--json` is one of its values, and may have been added before."""
    add = group(parser, "what comes out").add_argument
    if "--json" not in parser._option_string_actions:  # argparse tells it in no other way
        add("--json", action="store_true", help="print exactly one JSON object")
    add("--format", choices=FORMATS, help="table, json (as --json) or csv (table)")


def chosen_format(arguments: argparse.Namespace) -> str:
    """Return the format that was chosen, in either way; two that differ are refused."""
    if arguments.json and arguments.format not in (None, "json"):
        raise BadInput(f"--json and --format {arguments.format} are two formats: take one")
    return "json" if arguments.json else arguments.format or "table"


def csv_text(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as CSV, with a line of names; no text of somebody's is taken for a formula by a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return file.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    return f"'{one_line(value)}" if value[:1] in ("=", "+", "-", "@") else one_line(value)


def print_rows(how: str, name: str, header: Sequence[str], rows: Sequence[Sequence[Any]], right: str = "") -> None:
    """Print rows in the format that was chosen; as JSON they are the list `name` of objects."""
    if how == "json":
        header = [key.replace(" ", "_") for key in header]
        print(json.dumps({name: [dict(zip(header, row, strict=True)) for row in rows]}))
    elif how == "csv":
        print(csv_text(header, rows), end="")
    else:
        print("\n".join(table(header, rows, right=right)))

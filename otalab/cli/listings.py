"""`otalab boards`, `parts`, `faults`, `rates`: what there is to choose from, each with what it is."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from otalab.cli.options.formats import add_format, chosen_format, print_rows
from otalab.faults import models
from otalab.hardware.board import boards, load_board
from otalab.hardware.part import parts

_Rows = Iterator[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class TableCommand:
    """A command that lists what there is to choose from: its name, what stands above the columns, and the rows."""

    name: str
    header: tuple[str, ...]
    rows: Callable[[], _Rows]

    def add_parser(self, commands: Any) -> None:
        """Register the command."""
        parser: argparse.ArgumentParser = commands.add_parser(self.name)
        add_format(parser)
        parser.set_defaults(func=self.run)

    def run(self, arguments: argparse.Namespace) -> int:
        """Print the list."""
        print_rows(chosen_format(arguments), self.name, self.header, list(self.rows()), right="flash size sector page")
        return 0


def _boards() -> _Rows:
    for board in map(load_board, boards()):
        geometry = board.geometry
        yield board.name, board.platform, board.part_names, geometry.size, board.sector_sizes, board.summary


def _parts() -> _Rows:
    for flash_part in parts().values():
        row = dict(flash_part.row)
        yield (
            flash_part.name,
            flash_part.kind,
            flash_part.size or "",
            flash_part.sector_size,
            flash_part.page_size,
            row["erase_typ_ms"],
            row["erase_max_ms"],
            flash_part.grade,
        )


def _faults() -> _Rows:
    for name in models.FAULTS:
        text = models.fault_model(name).explain().partition("\n\n")[0]
        yield name, " ".join(text.removeprefix(f"{name}: ").split())


def _rates() -> _Rows:
    from otalab.numbers.rates import base_rates  # noqa: PLC0415  # the numbers take seconds to load

    for rate in base_rates().values():
        yield rate.name, rate.rate, rate.per_hour, rate.what, rate.source


BOARDS = TableCommand("boards", ("name", "platform", "part", "flash", "sector", "what it is"), _boards)
PARTS = TableCommand(
    "parts", ("name", "kind", "size", "sector", "page", "erase typ ms", "erase max ms", "grade"), _parts
)
FAULTS = TableCommand("faults", ("name", "what a power cut leaves"), _faults)
RATES = TableCommand("rates", ("name", "rate", "per hour", "what", "source"), _rates)

"""What updates cost, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import pandas as pd

from otalab.bench.cost import cost
from otalab.firmware.design import Design
from otalab.hardware.board import Board

HEADS = ("s to write", "s down", "s to boot", "erases", "of one sector", "KiB of records")


def cost_table(what: Sequence[str | Design], board: str | Board | None = None, **options: Any) -> pd.DataFrame:
    """Return a row for each design: what one undisturbed update costs on a board, by `otalab.bench.cost.cost`.

    Seconds to two digits behind the point; `options` are those of `set_up`.
    """
    rows = {}
    for design in what:
        writing, down, boot, erases, busiest, records = astuple(cost(design, board, **options))
        name = design if isinstance(design, str) else design.name
        rows[name] = (round(writing, 2), round(down, 2), round(boot, 2), erases, busiest, records / 1024)
    return pd.DataFrame.from_dict(rows, orient="index", columns=HEADS).rename_axis("design")

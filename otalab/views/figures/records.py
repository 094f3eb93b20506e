"""Figures about boot records: a table first, a drawing second."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from otalab.firmware.design import Design
from otalab.firmware.store import codec
from otalab.formats.records.record import Codec, counted
from otalab.hardware.flash import ERASED
from otalab.views.style import SORTS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLUMNS = 16


def sort_of(name: str) -> str:
    """Return the sort of a field, by which it is coloured."""
    match name.split(maxsplit=1)[0]:
        case "slot":
            facts = "facts of " + " ".join(name.split()[:2])
            return facts if facts in SORTS else "other"
        case "active" | "previous" | "revert" | "boot":
            return "slot"
        case "committed" | "previously" | "tried" | "flags" | "state" | "first" | "attempts" | "updated":
            return "flag"
    return name if name in SORTS else "other"


def value_of(name: str, data: bytes) -> str:
    """Return what the bytes of one field say, as a person would write it."""
    if name.endswith(("version", "file", "prefix", "device")):
        text = data.rstrip(b"\0")
        return text.decode() if text.isascii() and text.decode().isprintable() else f"0x{text.hex()}"
    number = int.from_bytes(data, "little")
    if name == "sequencer":
        return counted(number)
    return f"0x{number:0{2 * len(data)}x}" if name == "check" or name.endswith("CRC-32") else str(number)


def record_table(form: Codec | Design, data: bytes) -> pd.DataFrame:
    """Return a table of the `record_rows`."""
    import pandas as pd  # noqa: PLC0415  # the rows themselves need none

    return pd.DataFrame(record_rows(form, data))


def record_rows(form: Codec | Design, data: bytes) -> list[dict[str, Any]]:
    """Return one row per field of a record: its name, sort, offset, size, bytes and what they say.

    Bytes that are missing at the end read erased; what lies behind the record is left out.
    """
    form = codec(form) if isinstance(form, Design) else form
    data = padded(form, data)
    ends = list(accumulate(form.fields))
    rows = []
    for name, size, end in zip(form.names, form.fields, ends, strict=True):
        own = data[end - size : end]
        row = {"field": name, "sort": sort_of(name), "offset": end - size, "size": size}
        rows.append(row | {"bytes": own.hex(" "), "value": value_of(name, own)})
    return rows


def padded(form: Codec, data: bytes) -> bytes:
    """Return as many bytes as the format has; those that are missing read erased."""
    return data[: form.size].ljust(form.size, bytes([ERASED]))


def plot_record_bytes(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a `record_table`: sixteen bytes a row, a colour per sort of field, erased bytes in grey.

    The number at a field's first byte is that of its line in the list below.
    """
    import matplotlib.pyplot as plt  # noqa: PLC0415  # as above

    from otalab.views.figures.shown import literal  # noqa: PLC0415  # as above

    rows = -(-int(table["size"].sum()) // COLUMNS)
    ax = ax if ax is not None else plt.subplots(figsize=(9, 0.32 * (rows + len(table)) + 0.9))[1]
    for number, field in enumerate(table.itertuples(), start=1):
        for offset, byte in enumerate(field.bytes.split(), start=field.offset):
            _byte(ax, offset, byte, SORTS[field.sort], number if offset == field.offset else None)
        _line(ax, rows + 0.4 + number, number, field)
    ax.set_yticks([row + 0.5 for row in range(rows)], [f"{row * COLUMNS}" for row in range(rows)], fontsize=8)
    ax.set(xlim=(-0.1, COLUMNS + 0.1), ylim=(rows + len(table) + 1.0, -0.2), xticks=[], title=title)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return literal(ax)


def _byte(ax: Axes, offset: int, byte: str, colour: str, number: int | None) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415  # as above

    x, y = offset % COLUMNS, offset // COLUMNS
    erased = byte == f"{ERASED:02x}"
    ax.add_patch(Rectangle((x + 0.04, y + 0.06), 0.92, 0.88, facecolor=colour, alpha=0.12 if erased else 0.4))
    ax.add_patch(Rectangle((x + 0.04, y + 0.86), 0.92, 0.08, facecolor=colour))
    looks: dict[str, Any] = {"color": "0.5"} if erased else {"weight": "bold"}
    ax.text(x + 0.54, y + 0.5, byte, ha="center", va="center", family="monospace", fontsize=9, **looks)
    if number is not None:
        ax.text(x + 0.08, y + 0.1, str(number), ha="left", va="top", fontsize=6)


def _line(ax: Axes, y: float, number: int, field: Any) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415  # as above

    ax.add_patch(Rectangle((0.04, y - 0.35), 0.5, 0.7, facecolor=SORTS[field.sort], alpha=0.6))
    texts = (0.8, str(number)), (1.5, field.field), (6.4, f"{field.offset}"), (7.4, field.value)
    for x, text in texts:
        ax.text(x, y, text if len(text) < 60 else text[:57] + "...", va="center", fontsize=8)

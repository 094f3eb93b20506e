"""Tables in plain text, for terminals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[object]], right: str = "") -> Iterator[str]:
    """Yield the lines of a table; columns named in `right` are set flush right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(header, *cells, strict=True)]
    flush = [">" if name in right.split() else "<" for name in header]
    for row in (list(header), ["-" * width for width in widths], *cells):
        yield "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, flush, widths, strict=True)).rstrip()


def seconds(time: float) -> str:
    """Return a time as people read it, with its unit."""
    if time == float("inf"):
        return "for ever"
    if time >= 1 or time == 0:
        return f"{time:.3f} s"
    return f"{time * 1e3:.3f} ms"

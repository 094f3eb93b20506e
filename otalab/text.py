"""Texts and tables, for terminals and for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache


def one_line(text: str) -> str:
    """Return a text as one line that no terminal obeys: what cannot be printed is written out."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


@lru_cache(maxsize=256)
def shared_line(text: str) -> str:
    """Return a text as one line, and equal ones as one object: what one device of a fleet says, thousands hold."""
    return one_line(text)


def meant(name: object, allowed: Iterable[object]) -> str:
    """Return the question that goes with a name which is none of those allowed; nothing where none of them is near."""
    near = get_close_matches(str(name), [str(value) for value in allowed], 1)
    return f"; did you mean {near[0]}?" if near else ""


def number_of(count: int, what: str) -> str:
    """Return how many there are of something that is called by its name and an s: `1 cut`, `2,000 cuts`."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def table(header: Sequence[str], rows: Sequence[Sequence[object]], right: str = "") -> Iterator[str]:
    """Yield the lines of a table; columns named in `right` are set flush right."""
    cells = [[one_line(str(cell)) for cell in row] for row in rows]
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


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def as_read(value: float) -> str:
    """Return a number as people read it: three digits that count, thousands set apart, what is tiny by its power."""
    if abs(value) >= 999.5 or float(value).is_integer():
        return f"{value:,.0f}"
    if not abs(value) < 1e-4:
        return f"{value:.3g}"
    digits, power = f"{value:.2e}".split("e")
    return f"{digits} · 10{str(int(power)).translate(_RAISED)}"


_NUMBER = re.compile(r"[+-]?(\d{1,3}([, _]\d{3})+|\d+(\.\d*)?(e\+?\d{1,2})?)", re.ASCII | re.IGNORECASE)


def whole_number(text: str) -> int:
    """Return a whole number as people type it: `100000`, `100,000`, `100_000`, `1e5`; `ValueError` if it is none."""
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a whole number")
    # Not by way of a float, which would round a long seed.
    number = Decimal(re.sub("[, _]", "", text))
    if number != number.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number")
    return int(number)

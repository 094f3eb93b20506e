"""The words of a review report: choices, ends, tears and numbers as one says them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from math import isnan
from types import MappingProxyType
from typing import Any

from otalab.firmware.design import Design, ways
from otalab.firmware.device import Firmware
from otalab.firmware.own_part import says

SIGNS = {"safe": "✓", "unsafe": "✗", "open": "?", "yes": "✓", "no": "✗", "partly": "◐"}
# The address of the story that tells of an end of a cell, by the cell's text and that end.
Ways = Mapping[tuple[str, str], str]
NO_WAYS: Ways = MappingProxyType({})
UNKNOWN = 0.999  # bounds as far apart as this say nothing
COUNTS = {0: "no", 1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
_UNITS = ((1e12, "million million"), (1e9, "thousand million"), (1e6, "million"), (1e3, "thousand"))
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def choice_rows(design: Design | Firmware) -> list[tuple[str, str, str]]:
    """Return each choice as TOML has it, with its value, and in the words of the function that it selects.

    Of code those are the lines of its page; what its records are is told in words as well.
    """
    if isinstance(design, Design):
        values = ((".".join(way), name, getattr(design, name)) for way, name in ways().items())
        return [(way, str(value), says(name, value)) for way, name, value in values]
    lines, known = _lines(tomllib.loads(design.toml())), ways()
    return [
        (".".join(way), _written(value), says(known[way], value) if way in known else "")
        for way, value in lines
        if way not in (("name",), ("summary",))
    ]


def _lines(page: dict[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    """Return the keys of a page with their values, those of its tables with the table's name before them."""
    lines: list[tuple[tuple[str, ...], Any]] = []
    for key, value in page.items():
        inside = _lines(value) if isinstance(value, dict) else [((), value)]
        lines += [((key, *way), value) for way, value in inside]
    return lines


def _written(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def cuts_words(count: int) -> str:
    """Return how many power cuts, in words."""
    return f"{COUNTS.get(count, count)} power {'cuts' if count > 1 else 'cut'}"


def probability(value: float) -> str:
    """Return a probability as one writes it by hand: `5.44 · 10⁻⁹`, and 0 as 0."""
    if isnan(value):
        return "unknown"
    if 0.9995 < value < 1:
        return "almost 1"
    if value == 0 or 0.01 <= value <= 1:
        return f"{value:.3g}"
    digits, _, power = f"{value:.2e}".partition("e")
    return f"{digits}\u00a0·\u00a010{str(int(power)).translate(_SUPERSCRIPT)}"


def one_in(value: float) -> str:
    """Return a probability as one device in so many."""
    if isnan(value):
        return "unknown"
    if not value > 0:
        return "none"
    if value > 0.5:
        return "more than one in two"
    many = 1 / value
    for size, word in _UNITS:
        if many >= size:
            return f"1 in {many / size:.3g} {word}" if many / size < 1000 else f"1 in {many:.0e}"
    return f"1 in {many:.3g}"


def bounds(low: float, high: float) -> str:
    """Return a probability that lies between two."""
    if high - low > UNKNOWN:
        return "not known: the graph is not closed"
    return probability(low) if low == high or isnan(low) else f"{probability(low)} to {probability(high)}"


def many(low: float, high: float) -> str:
    """Return one device in how many; nothing where nothing is known."""
    if high - low > UNKNOWN:
        return ""
    return ("at worst " if high > low else "") + one_in(high)


def sentence(text: str) -> str:
    """Return a text as a sentence begins: with a capital."""
    return text[:1].upper() + text[1:]


def listed(words: list[str], last: str = "and") -> str:
    """Return words as a list that is read aloud."""
    return f" {last} ".join(word for word in (", ".join(words[:-1]), *words[-1:]) if word)

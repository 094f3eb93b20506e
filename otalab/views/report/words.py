"""The words of a review report: choices, ends, tears and numbers as one says them."""

from __future__ import annotations

from math import isnan

from otalab.firmware.design import Design, ways
from otalab.firmware.own_part import says

COUNTS = {0: "no", 1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
_UNITS = ((1e12, "million million"), (1e9, "thousand million"), (1e6, "million"), (1e3, "thousand"))
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def choice_rows(design: Design) -> list[tuple[str, str, str]]:
    """Return each choice as TOML has it, with its value, and in the words of the function that it selects."""
    values = ((".".join(way), name, getattr(design, name)) for way, name in ways().items())
    return [(way, str(value), says(name, value)) for way, name, value in values]


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


def sentence(text: str) -> str:
    """Return a text as a sentence begins: with a capital."""
    return text[:1].upper() + text[1:]


def listed(words: list[str], last: str = "and") -> str:
    """Return words as a list that is read aloud."""
    return f" {last} ".join(one for one in (", ".join(words[:-1]), *words[-1:]) if one)

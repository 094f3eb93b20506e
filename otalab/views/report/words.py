"""The words of a review report: choices, ends, tears and numbers as one says them."""

from __future__ import annotations

import re
from math import isnan

from otalab.firmware.design import SAYS, Design, ways
from otalab.views.player.tears import KINDS

CHOICE_WORDS: dict[tuple[str, object], str] = {
    (
        "records",
        1,
    ): "one boot record: it is erased before the next one is programmed, and between the two there is none",
    ("records", 2): "two boot records: the next one is written to the place that does not count",
    ("record", "mongoose"): "the fields of the published record",
    ("record", "complete"): "every record complete in itself, with the way back and a mark that the image was tried",
    ("guard", "none"): "nothing guards a record: the loader believes what it reads",
    ("guard", "crc16"): "a CRC of 16 bits guards each record",
    ("guard", "crc32"): "a CRC of 32 bits guards each record",
    ("write", "once"): "a record is written once, and not looked at again",
    ("write", "read-back"): "a record is read back, and written at most three times",
    ("refresh", "none"): "the record that counts is left as it is",
    ("refresh", "selected"): "the record that counts is programmed over itself before anything else is written",
    ("clear", "none"): "the other record stays while a slot is written",
    ("clear", "before-slot"): "the other record is erased before a slot is written",
    ("image_check", "none"): "the loader starts an image without a look at it",
    ("image_check", "crc32"): "the loader compares an image with the length and the CRC-32 in the record",
    ("target", "inactive"): "an update goes to the slot that does not run",
    ("target", "running"): "an update overwrites the slot that runs",
    ("trial", "none"): "there is no trial: the record that first names an image commits it",
    ("trial", "timer"): "the commit timer alone ends a trial",
    ("trial", "one-try"): "a trial is one start: an image that did not commit is rolled back at the next one",
    ("downgrade", "accept"): "an older version is taken",
    ("downgrade", "refuse"): "an older version is refused",
}
END_WORDS = {
    "updated": "the new image runs and is committed",
    "rolled-back": "the old image runs again, for the new one is no good",
    "update-lost": "the old image runs although the new one was good, and nobody tries again",
    "bricked": "the device is dead: its loader halts, or starts an image that is not whole",
    "data-lost": "the device runs, but a user file is missing or damaged",
    "stuck": "the device resets for ever",
    "not-updatable": "the device is alive, but no further update goes in",
}
COUNTS = {0: "no", 1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
_TEAR = re.compile("|".join(f"({kind})" for kind in KINDS))
_UNITS = ((1e12, "million million"), (1e9, "thousand million"), (1e6, "million"), (1e3, "thousand"))
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def choice_rows(design: Design) -> list[tuple[str, str, str]]:
    """Return each choice as TOML has it, with its value, and in words: those of the value, or else the question."""
    rows = []
    for way, name in ways().items():
        value = getattr(design, name)
        # A part of one's own in Python is a function; its name is all that there is to tell.
        told = getattr(value, "__name__", str(value))
        rows.append((".".join(way), told, CHOICE_WORDS.get((name, value), SAYS[name])))
    return rows


def tear_words(label: str) -> str:
    """Return what a tear leaves, in words."""
    found = _TEAR.match(label)
    return [*KINDS.values()][found.lastindex - 1] if found and found.lastindex else label


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

"""One sentence for each position of a life: fit to be read aloud, and what the live region of the page says."""

from __future__ import annotations

import json
from typing import Any

from otalab.bench.ends import End
from otalab.bench.trace import Step, sector_of, words
from otalab.firmware.outcome import Outcome
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash
from otalab.text import seconds


class CodeLine(str):
    """A piece of Python, such as the name of a variable."""

    __slots__ = ()


def opening(design: str, board: str, **options: Any) -> str:
    """Return the line of Python that opens a player; texts are written as JSON has them, and `None` is left out.

    An option may be given as `CodeLine`: then it stands there as it is.
    """
    words = [_written(design), _written(board)]
    words += [f"{name}={_written(value)}" for name, value in options.items() if value is not None]
    return f"player = UpdatePlayer({', '.join(words)})"


def placed(opening: str, cuts: list[Any], step: int) -> str:
    """Return the Python that opens a player and sets it to a place."""
    return f"{opening}\nplayer.cuts = {json.dumps(cuts)}\nplayer.step = {step}"


def _written(value: Any) -> str:
    if isinstance(value, CodeLine):
        return value
    # Beyond ASCII a JSON escape is not a Python escape.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | list) else repr(value)


def effect_words(number: int, step: Step, after: Flash, owner: str, tear: str | None = None) -> str:
    """Return the sentence of an effect that was done, or of one that left a tear."""
    place = f"Run {number}, effect {step.number}, {step.phase}"
    sector = sector_of(step.effect, step.before)
    what = words(step.effect) + ("" if sector is None else f" ({owner})")
    if tear is not None:
        return f"{place}: THE POWER FAILS in: {what}. Left: {tear}."
    if sector is None:
        return f"{place}: {what}, {seconds(step.seconds)}."
    return f"{place}: {what}, {seconds(step.seconds)}; {_turned(step, after)}."


def end_words(number: int, outcome: Outcome, end: End | None = None) -> str:
    """Return the sentence of a run's end, and of the life's, where it is that too."""
    text = f"Run {number} ends: {outcome.text}."
    return text if end is None else f"{text} The life ends {end.name}: {end.reason}."


def _turned(step: Step, after: Flash) -> str:
    """Return how many bits an effect turned, and which way."""
    effect = step.effect
    if isinstance(effect, Erase):
        old = step.before.sectors[effect.sector]
        return f"{8 * len(old) - int.from_bytes(old).bit_count()} bits turn to one"
    assert isinstance(effect, Program)
    old, new = (flash.read(effect.address, len(effect.data)) for flash in (step.before, after))
    return f"{(int.from_bytes(old) & ~int.from_bytes(new)).bit_count()} bits turn to zero"

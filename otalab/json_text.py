"""JSON as its standard has it: no number that is none, neither read nor written.

Python takes `NaN` and `Infinity`, makes infinity of `1e999`, and writes each so that nobody else can read it.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any


def parsed_json(text: str | bytes) -> Any:
    """Return what a JSON text says; `ValueError` or `RecursionError` if it is none."""
    return json.loads(text, parse_constant=_number, parse_float=_number)


def json_text(value: Any) -> str:
    """Return a value as JSON; `ValueError` if it holds a number that JSON cannot say."""
    return json.dumps(value, allow_nan=False)


def script_text(value: Any) -> str:
    """Return a value as JSON that may stand in a script element: nothing in it begins a tag or a comment."""
    return json_text(value).replace("<", "\\u003c")


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text[:20]} is not a number that JSON can say")
    return number

"""Which cells of a product every run of the tests looks at, and which ones only `--deep`.

In a short run every value of every axis is met; of three axes, where none is shorter than the last, every two values.
A law is never left out: of a test whose cells are all deep the first one stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest


def latin(*axes: Iterable[Any], always: Iterable[Any] = ()) -> list[Any]:
    """
    Return the product of axes as parameters: those off a Latin square are deep, but for the ones always looked at.
    """
    values, stay = [list(axis) for axis in axes], set(always)
    cells = product(*(enumerate(axis) for axis in values))
    return [
        pytest.param(*cell, marks=() if on_square(places, len(values[-1])) or cell in stay else pytest.mark.deep)
        for places, cell in (zip(*numbered, strict=True) for numbered in cells)
    ]


def deep(*cell: Any) -> Any:
    """
    Return a cell that a short run leaves out.
    """
    return pytest.param(*cell, marks=pytest.mark.deep)


def on_square(places: tuple[int, ...], size: int) -> bool:
    """
    Say whether a cell lies where the last axis follows from the others.
    """
    *others, last = places
    return sum(others) % size == last


def left_for_deep(items: list[pytest.Item]) -> list[pytest.Item]:
    """
    Return the tests that a short run leaves out: deep ones, but for the first of a law that has no others.
    """
    laws = {law(item) for item in items if not item.get_closest_marker("deep")}
    left = []
    for item in items:
        if item.get_closest_marker("deep") and law(item) in laws:
            left.append(item)
        laws.add(law(item))
    return left


def law(item: pytest.Item) -> str:
    """
    Return a test's name without its cell.
    """
    return item.nodeid.partition("[")[0]

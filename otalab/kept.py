"""Answers that are kept beside values that never change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, TypeVarTuple

_Values = TypeVarTuple("_Values")
T = TypeVar("T")


class Answers(Generic[*_Values, T]):
    """A function that answers the very same values as before without looking into them."""

    def __init__(self, make: Callable[[*_Values], T], most: int) -> None:
        self.__doc__, self.__wrapped__ = make.__doc__, make
        self._make, self._most = make, most
        # The values are kept as well: while they live, nothing else has their identities.
        self._known: dict[tuple[int, ...], tuple[tuple[*_Values], T]] = {}

    def __call__(self, *values: *_Values) -> T:
        key = tuple(map(id, values))
        answer = self._known.get(key)
        if answer is None:
            if len(self._known) >= self._most:
                self._known.clear()
            answer = self._known[key] = values, self._make(*values)
        return answer[1]

    def cache_clear(self) -> None:
        """Make every answer anew."""
        self._known.clear()


def kept_beside(most: int) -> Callable[[Callable[[*_Values], T]], Answers[*_Values, T]]:
    """Keep up to `most` answers of a function, each by the identity of the values that it was made of.

    To hash a design goes through its thirty choices, and a search asks a hundred thousand times what follows from one.
    """
    return lambda make: Answers(make, most)

"""How far long work is: on standard error, while somebody watches there, and gone when it is over; never in a file."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

from otalab.text import one_line


class _OneLine(tqdm):  # type: ignore[misc]  # the library has no hints
    """A bar that no name in it makes another line of, or an order to the terminal."""

    @property
    def format_dict(self) -> Any:
        """What it shows, in the library's words."""
        said = super().format_dict
        return said | {part: one_line(said[part]) for part in ("prefix", "postfix") if said[part]}


def bar(**options: Any) -> Any:
    """Return a bar of tqdm that shows itself after a second, and only at a terminal."""
    return _OneLine(delay=1, leave=False, file=sys.stderr, disable=not sys.stderr.isatty(), **options)

"""How far long work is: on standard error, while somebody watches there, and gone when it is over; never in a file."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def bar(**options: Any) -> Any:
    """Return a bar of tqdm that shows itself after a second, and only at a terminal."""
    return tqdm(delay=1, leave=False, file=sys.stderr, disable=not sys.stderr.isatty(), **options)

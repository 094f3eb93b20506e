"""Arrays of numbers, by what is in them; who asks for one loads numpy, and nobody else.

A search and its verdict need no arithmetic on whole columns, so they do without: a browser's tab has no numpy.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
else:
    Ints = Floats = Bools = Any  # names for readers; no array is made of them


def as_array(column: array[Any]) -> Any:
    """Return a column of plain numbers as an array, on the same memory."""
    import numpy as np  # noqa: PLC0415  # see above

    return np.frombuffer(column, column.typecode)


def as_column(kind: str, numbers: Any) -> array[Any]:
    """Return an array as a column of plain numbers."""
    column: array[Any] = array(kind)
    column.frombytes(numbers.tobytes())
    return column

"""The exercises of the notebooks and their check; and guesses, which nobody judges."""

from otalab.course.checking import check
from otalab.course.guesses import guess

__all__ = ["check", "guess"]

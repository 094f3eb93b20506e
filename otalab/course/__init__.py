"""The exercises of the notebooks and their check."""

from otalab.course.checking import check

__all__ = ["check"]

"""The exercises of the notebooks and their check; guesses, which nobody judges; and the final project's lamp."""

from otalab.course.checking import check
from otalab.course.field_report import FieldReport
from otalab.course.field_return import field_return
from otalab.course.guesses import guess

__all__ = ["FieldReport", "check", "field_return", "guess"]

"""Values as a prompt and a notebook show them: in one line, and as a small table; never all that is in them."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from otalab.text import one_line


class Summary:
    """A value that says in a few facts what it is."""

    __slots__ = ()

    def facts(self) -> Iterator[tuple[str, object]]:
        """Yield what it is about, each fact with its name."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """In one line."""
        return one_line(f"{type(self).__name__}({', '.join(f'{name}: {value}' for name, value in self.facts())})")

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(one_line(str(value)))}</td></tr>"
            for name, value in self.facts()
        )
        return f"<table><caption>{escape(type(self).__name__)}</caption>{rows}</table>"


class SummaryLine:
    """A value that a notebook shows in its words; a prompt, which has `repr`, shows what it is made of."""

    __slots__ = ()

    @property
    def text(self) -> str:
        """The value in words."""
        raise NotImplementedError

    def __init_subclass__(cls) -> None:
        """IPython takes a class's own `__repr__` before what it inherits, and every dataclass has one."""
        cls._repr_pretty_ = _in_words  # type: ignore[attr-defined]


def _in_words(value: SummaryLine, printer: Any, _cycle: bool) -> None:
    printer.text(one_line(value.text))

"""Values as a prompt and a notebook show them: in one line, and as a small table; never all that is in them."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

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

"""Pictures for whoever has no kernel: what a view showed, as SVG and in words, in the output's own data.

A notebook that was saved, exported or put on the web has these beside the view, in one output.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

NOTE = "A picture: what can be pressed comes with a kernel, by running the cell."


@dataclass(frozen=True, slots=True)
class Picture:
    """What is seen: lines of words, of which the first is the title; a drawing and tables, if there are any."""

    lines: Sequence[str]
    drawing: str = ""
    tables: Sequence[str] = ()


def framed(still: Picture, identity: str) -> str:
    """Return a picture as HTML; the display that takes its place finds it by its identity."""
    title, *lines = still.lines
    words = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    return (
        f'<figure data-otalab-still="{identity}" style="margin: 0"><figcaption><strong>{escape(title)}</strong>'
        f"</figcaption>{still.drawing}{words}{''.join(still.tables)}<p><em>{NOTE}</em></p></figure>"
    )


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table of texts."""
    head = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def drawing(width: float, height: float, said: str, parts: Iterable[str]) -> str:
    """Return an SVG drawing with a text for whoever does not see it."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(said)}" '
        f'style="max-width: {width:g}px; width: 100%" font-family="sans-serif" font-size="12" fill="currentColor">'
        f"{''.join(parts)}</svg>"
    )


def block(at: tuple[float, float], size: tuple[float, float], colour: str, said: str) -> str:
    """Return a coloured rectangle that says what it is."""
    (x, y), (width, height) = at, size
    return (
        f'<rect x="{x:.1f}" y="{y:g}" width="{max(width, 1):.1f}" height="{height:g}" fill="{colour}" '
        f'stroke="currentColor" stroke-width="0.5"><title>{escape(said)}</title></rect>'
    )


def label(x: float, y: float, text: str, anchor: str = "start") -> str:
    """Return words in a drawing."""
    return f'<text x="{x:.1f}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'

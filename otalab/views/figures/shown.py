"""How a notebook shows a figure: drawn in lines and not in dots, in the colours of its theme, with a text beside it.

What is black and what is white in a figure is ink and paper, so that is what the notebook makes of them.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from html import escape
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from otalab.views.style import BLACK, THEME, WHITE

MOST = 400_000  # characters of a drawing; one of more lines than can be told apart is sent in dots
DOTS = 200  # per inch, two for each of an ordinary screen


def ink() -> Any:
    """The colour that the style writes in: white in a dark theme."""
    return plt.rcParams["text.color"]


def paper() -> Any:
    """The colour that the style draws on."""
    return plt.rcParams["axes.facecolor"]


def themed(colour: str) -> Any:
    """Return a colour as the style has it: black is that of the ink."""
    return ink() if colour == BLACK else colour


def literal(ax: Axes) -> Axes:
    """Return axes whose words are text: a dollar in a name, or in what a torn record holds, begins no formula."""
    # What a logarithmic scale writes are formulas of its own.
    legend, named = ax.get_legend(), [axis for axis in (ax.xaxis, ax.yaxis) if axis.get_scale() != "log"]
    texts = [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts, *(legend.get_texts() if legend else ())]
    for text in (*texts, *(label for axis in named for label in axis.get_ticklabels())):
        text.set_parse_math(False)
    return ax


def described(figure: Figure) -> str:
    """Return a figure in words: for each of its axes the title, what it measures, and what is told apart."""
    return " ".join(_axes(ax) for ax in figure.axes) or "An empty figure."


def as_html(figure: Figure) -> str:
    """Return a figure as a notebook shows it."""
    said = escape(described(figure))
    drawing = _saved(figure, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))).decode()
    drawing = drawing[drawing.index("<svg") :]
    if len(drawing) > MOST:
        dots = b64encode(_saved(figure, format="png", dpi=DOTS)).decode()
        return f'<img alt="{said}" style="max-width: 100%" src="data:image/png;base64,{dots}">'
    drawing = drawing.replace(WHITE, THEME["paper"]).replace(BLACK, THEME["ink"])
    attributes = f'role="img" aria-label="{said}" fill="{THEME["ink"]}" style="max-width: 100%; height: auto"'
    return drawing.replace("<svg ", f"<svg {attributes} ", 1)


def register() -> None:
    """Have the notebook that this is imported in show figures so; a program has no notebook."""
    # Where no notebook can be, nobody waits for what one needs.
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return

    def again() -> None:
        shell.display_formatter.formatters["text/html"].for_type(Figure, as_html)

    # The first figure wakes the backend, which forgets every way of showing one: so it is told before each is shown.
    shell.events.register("post_execute", again)
    again()


def _axes(ax: Axes) -> str:
    legend = ax.get_legend()
    told_apart = [text.get_text() for text in legend.get_texts()] if legend else []
    ticks = [text.get_text() for text in ax.get_yticklabels() if any(map(str.isalpha, text.get_text()))]
    words = [*dict.fromkeys(text.get_text().strip() for text in ax.texts)]
    parts = [
        ax.get_title() or "A figure",
        ax.get_xlabel() and f"across: {ax.get_xlabel()}",
        ax.get_ylabel() and f"upwards: {ax.get_ylabel()}",
        ticks and f"rows: {', '.join(ticks)}",
        told_apart and f"told apart: {', '.join(told_apart)}",
        words and f"written in it: {', '.join(words[:40])}",
    ]
    return "; ".join(str(part) for part in parts if part) + "."


def _saved(figure: Figure, **options: Any) -> bytes:
    kept = BytesIO()
    figure.savefig(kept, bbox_inches="tight", **options)
    return kept.getvalue()


register()

"""Figures from the command line: `--plot FILE.svg`."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING

from otalab.cli.options.outputs import output
from otalab.cli.parser import group
from otalab.errors import BadInput
from otalab.files import MADE, Output

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = (".svg", ".png", ".pdf")


def add_plot(parser: argparse.ArgumentParser) -> None:
    """Add the option of a command that can draw what it found."""
    what = f"draw it into a file ({', '.join(KINDS)})"
    group(parser, "what comes out").add_argument("--plot", metavar="FILE.svg", help=what)


def plotted(arguments: argparse.Namespace) -> Output | None:
    """Return the place for the figure, `None` where none was asked for."""
    if arguments.plot and Path(arguments.plot).suffix not in KINDS:
        raise BadInput(f"--plot {arguments.plot}: its ending says what it is; one of: {', '.join(KINDS)}")
    return output(arguments.plot, arguments)


def drawn(axes: Axes, path: Path) -> bytes:
    """Return the file of a figure; the lab is named in it, so that the same command may be run again."""
    import matplotlib.pyplot as plt  # noqa: PLC0415  # slow to load

    figure, file = axes.get_figure(), io.BytesIO()
    assert figure is not None
    named = {".png": {"Software": MADE}, ".svg": {"Creator": MADE}, ".pdf": {"Creator": MADE}}[path.suffix]
    figure.savefig(file, format=path.suffix[1:], metadata=named, bbox_inches="tight")  # type: ignore[union-attr]
    plt.close("all")
    return file.getvalue()

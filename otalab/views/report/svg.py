"""Drawings of a review report, as SVG that is part of the page: the flash to scale, a life as a strip of phases.

Colours are those of the figures and of the player, as classes of the page's style; every mark has its text beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby
from math import fsum, log2

from otalab.firmware import store
from otalab.firmware.design import Design
from otalab.hardware.board import Board
from otalab.hardware.places import Region
from otalab.text import seconds
from otalab.views.player.life import PlayedLife
from otalab.views.style import slug

WIDTH = 760
BESIDE = 175  # room for what a run comes to, behind its strip
LETTER = 7.6  # the width of a letter in the widest of the fonts that may be taken


def layout_svg(board: Board, design: Design | None) -> str:
    """Return the flash of a board, to scale; below it, the stretch around the boot records again, enlarged.

    `design` says how the records are, so that places it does not use are told; `None` where nobody has said that.
    """
    size = board.geometry.size
    low, high = _around_records(board)
    parts = [_text(0, 12, f"0x{0:06x}"), _text(WIDTH, 12, f"0x{size:06x}", "end")]
    parts += _strip(board, 0, size, 18, design)
    left, right = (WIDTH * edge / size for edge in (low, high))
    parts.append(f'<path class="lens" d="M{left:.1f} 52 L0 84 H{WIDTH} L{right:.1f} 52 Z"/>')
    parts += _strip(board, low, high, 84, design)
    parts += [_text(0, 132, f"0x{low:06x}"), _text(WIDTH, 132, f"0x{high:06x}", "end")]
    named = ", ".join(f"{name} at 0x{region.address:06x}" for name, region in board.owners())
    return _svg(136, f"The flash of {board.name} to scale: {named}", parts)


def _around_records(board: Board) -> tuple[int, int]:
    """Return a stretch of some sectors around both boot records."""
    sector = board.geometry.at(board.records[0].address).sector_size
    first = min(record.address for record in board.records)
    last = max(record.end for record in board.records)
    room = max(4 * sector, last - first)
    return max(0, first - room), min(board.geometry.size, last + room)


def _strip(board: Board, low: int, high: int, y: int, design: Design | None) -> Iterator[str]:
    scale, height, spare = WIDTH / (high - low), 34, store.unused(board, design) if design else []
    yield f'<rect class="r-free" x="0.5" y="{y}" width="{WIDTH - 1}" height="{height}"/>'
    for name, region in board.owners():
        start, end = max(region.address, low), min(region.end, high)
        if start >= end:
            continue
        unused = region in spare
        x, width = (start - low) * scale, max((end - start) * scale, 1.0)
        owner = name.split()[0] if name.startswith(("record", "state")) else name.replace(" ", "-")
        if name.startswith("slot"):
            owner = f"{slug(name)}-{name.split()[-1]}"
        kind = f"r-{owner} unused" if unused else f"r-{owner}"
        text = f"{name}, 0x{region.address:06x}, {_bytes(region)}" + (", not used by this design" if unused else "")
        yield f'<rect class="{kind}" x="{x:.2f}" y="{y}" width="{width:.2f}" height="{height}"><title>{escape(text)}'
        yield "</title></rect>"
        label = "unused" if unused else name
        if len(label) * LETTER + 8 < width:
            yield _text(x + 6, y + 21, label, kind="on-label")


def _bytes(region: Region) -> str:
    return f"{region.size // 1024} KiB" if region.size % 1024 == 0 else f"{region.size} bytes"


def life_svg(lived: PlayedLife, most: int = 4) -> str:
    """Return the runs of a life, one strip each: a stretch per phase, a bolt where the power fails."""
    parts: list[str] = []
    runs = lived.played[:most]
    for number, played in enumerate(runs):
        y = 44 * number
        parts.append(_text(0, y + 12, f"run {number}: power on"))
        phases = [(phase, [*steps]) for phase, steps in groupby(played.steps, lambda step: step.phase)]
        weights = [1 + log2(len(steps)) for _, steps in phases]
        room, x = WIDTH - BESIDE, 0.0
        for (phase, steps), weight in zip(phases, weights, strict=True):
            width = room * weight / max(fsum(weights), 12)
            words = f"{phase}: {len(steps)} effects, {seconds(fsum(step.seconds for step in steps))}"
            parts.append(
                f'<rect class="p-{phase}" x="{x:.1f}" y="{y + 17}" width="{max(width - 1, 1):.1f}" height="20">'
            )
            parts.append(f"<title>{escape(words)}</title></rect>")
            if len(phase) * LETTER + 8 < width:
                parts.append(_text(x + width / 2, y + 31, phase, "middle", kind="on-label"))
            x += width
        cut = played.leg.step is not None
        if cut:
            parts.append(f'<path class="bolt" d="M{x + 8:.1f} {y + 13} l-8 14 h5 l-3 13 l10 -16 h-6 l5 -11 Z"/>')
        end = lived.end.name if number == len(lived.played) - 1 else "reset"
        parts.append(_text(x + (16 if cut else 6), y + 31, "the power fails" if cut else f"ends: {end}", kind="strong"))
    height = 44 * len(runs) - 2
    if len(lived.played) > most or lived.endless:
        height += 18
        parts.append(_text(0, 44 * len(runs) + 12, "… and so on, for ever" if lived.endless else "…"))
    return _svg(height, "The life of this device, run by run", parts)


def bars_svg(rows: list[tuple[str, list[float]]], names: tuple[str, ...]) -> str:
    """Return rows of horizontal bars that show shares of a whole, a bar for each name in every row."""
    parts, y = [], 4
    for title, values in rows:
        parts.append(_text(0, y + 13, title))
        for number, value in enumerate(values):
            width, at = 480 * value, y + 13 * number
            parts.append(f'<rect class="b-{number}" x="90" y="{at}" width="{max(width, 0.5):.1f}" height="10"/>')
            words = f"{names[number]} {'<0.1%' if 0 < value < 0.0005 else format(value, '.1%')}"
            parts.append(_text(96 + width, at + 9, words, kind="small"))
        y += 13 * len(values) + 8
    return _svg(y, "Shares by phase", parts)


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(height: int, title: str, parts: list[str]) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
    return head + "".join(parts) + "</svg>"

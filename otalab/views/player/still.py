"""The player as a picture: its time line, and in words what is seen at its place."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from math import log2
from typing import Any

from otalab.views.player.life import PlayedLife
from otalab.views.still import block, drawing, label
from otalab.views.style import PHASE_COLOURS

WIDE, HIGH, LEAST = 860, 58, 16


def time_line(life: PlayedLife, phase: Callable[[int], str], step: int, cuts: list[Any], said: str) -> str:
    """Return a life as SVG: a stretch for each phase of each run, the cuts, and where it stands."""
    stretches = [
        (name, [*places]) for (_, name), places in groupby(range(len(life)), lambda at: (life.at(at)[0], phase(at)))
    ]
    weights = [1 + log2(len(places)) for _, places in stretches]
    least = min(LEAST, WIDE / len(stretches))
    share = (WIDE - least * len(stretches)) / sum(weights)
    parts, x, where = [], 0.0, dict[int, float]()
    for (name, places), weight in zip(stretches, weights, strict=True):
        width = least + share * weight
        parts.append(block((x, 16), (width - 1, 22), PHASE_COLOURS[name], f"{name}, {len(places)} steps"))
        if width > 8 * len(name):
            parts.append(label(x + 2, 54, name))
        where |= {place: x + width * (n + 0.5) / len(places) for n, place in enumerate(places)}
        x += width
    parts += [label(where[life.position(*cut[:2])], 12, "⚡", "middle") for cut in cuts]
    parts.append(f'<path d="M{where[step]:.1f} 38l6 8h-12z"/><path d="M{where[step] - 1:.1f} 14h2v26h-2z"/>')
    return drawing(WIDE, HIGH, f"Time line. {said}", parts)

"""The player: one life of a device, step by step, with a cut wherever a hand wants it.

Open `widget` first.
"""

from otalab.views.player.widget import UpdatePlayer

__all__ = ["UpdatePlayer"]

"""A player that stands where a link says."""

from __future__ import annotations

from pathlib import Path

from traitlets import TraitError

from otalab.errors import BadInput
from otalab.views.player.link import place_in
from otalab.views.player.widget import UpdatePlayer


def player_at(link: str, folder: Path) -> UpdatePlayer:
    """Return the player of a link; a design or a board of somebody's own is written into a folder."""
    place, options = place_in(link, folder, UpdatePlayer.PLACE)
    try:
        return UpdatePlayer(place.pop("design"), place.pop("board"), **place, **options)
    except (TraitError, TypeError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"this link has a place in it that no player has: {error}") from error

"""What all views share: a display has a place of its own, every question an answer, and a notebook a picture to keep.

A widget is what a cell holds; what stands below the cell is a display of it.
Each display keeps its own place, so that what stands beside it goes on being true; a hand on a display moves what the
cells hold, and a display follows the cells if it is asked to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex
from threading import RLock
from typing import Any, ClassVar, Self
from weakref import WeakSet

import traitlets

from otalab.views.base import Base, get_ipython
from otalab.views.still import Picture, framed

# A kernel hears cells in one thread and browsers in others, and ipywidgets forgets what one thread has to tell while
# another one is telling. One lock for all views: views that are linked move each other, from either end.
ONE_AT_A_TIME = RLock()


class View(Base):
    """A widget of the lab; `PLACE` names the traits in which one display of it differs from another."""

    PLACE: ClassVar[tuple[str, ...]] = ()

    # None: this is what the cells hold, and no display of it.
    follows = traitlets.Bool(None, allow_none=True).tag(sync=True)
    # By this a display finds the picture that is kept beside it.
    picture = traitlets.Unicode().tag(sync=True)

    _made_of: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **more: Any) -> Self:
        """Keep what it is made of, for displays."""
        made: Self = super().__new__(cls, *args, **more)
        made._made_of = (args, more)
        return made

    def __init__(self, **traits: Any) -> None:
        self._cells: Self | None = None
        self._displays: list[Self] = []
        self._taking = False
        super().__init__(picture=token_hex(8), **traits)
        _made_in_this_run(self)
        self.on_msg(self._heard)
        self.observe(lambda change: change["new"] and self._cells and self._stand(self._cells), ["follows"])

    def display(self, *, follows: bool = False) -> Self:
        """Return a display of it that stands where it stands; with `follows` it goes wherever the cells go."""
        if not self.PLACE:
            return self
        args, more = self._made_of
        shown = type(self)(*args, **more)
        shown._stand(self)
        shown._cells, shown.follows = self, follows
        self._displays.append(shown)
        return shown

    def still(self) -> Picture:
        """Return what is seen, as a picture and in words, for whoever has no kernel."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return a display of its own, with the picture and the words that stand for it where no kernel is."""
        shown = self.display() if self.follows is None else self
        bundle = super(View, shown)._repr_mimebundle_(**options)
        if bundle is None:
            return None
        kept = shown.still()
        words = "\n".join(line for line in kept.lines if line)
        return bundle[0] | {"text/html": framed(kept, shown.picture), "text/plain": words}, bundle[1]

    @contextmanager
    def hold_sync(self) -> Iterator[None]:
        """Tell the browser of several changes at once; no other thread changes a view meanwhile."""
        with ONE_AT_A_TIME, super().hold_sync():
            yield

    def notify_change(self, change: Any) -> None:
        """Tell whoever watches a trait, one thread at a time."""
        with ONE_AT_A_TIME:
            super().notify_change(change)

    def _handle_msg(self, msg: Any) -> None:
        with ONE_AT_A_TIME:
            super()._handle_msg(msg)

    def close(self) -> None:
        """Close it with its displays, and all that they were made with; nothing here holds them any longer."""
        for shown in [*getattr(self, "_displays", [])]:
            shown.close()
        if (cells := getattr(self, "_cells", None)) is not None and self in cells._displays:
            cells._displays.remove(self)
        if self.layout is not None:
            self.layout.close()
        super().close()

    def _stand(self, other: Self) -> None:
        """Stand where another one of the kind stands, and take along whoever follows."""
        self._taking = True
        try:
            self._take(other)
        finally:
            self._taking = False
        for shown in self._displays:
            if shown.follows and shown is not other:
                shown._stand(self)

    def _take(self, other: Self) -> None:
        for name in self.PLACE:
            setattr(self, name, getattr(other, name))

    def _moved_on(self) -> None:
        """Tell whoever is linked; what each view calls when all that follows from a move is known."""
        if self._taking:
            return
        if self._cells is not None:
            self._cells._stand(self)
        for shown in self._displays:
            if shown.follows:
                shown._stand(self)

    def _heard(self, _widget: object, content: dict[str, Any], buffers: object) -> None:
        """Answer whatever the browser says, if only by saying so: who hears nothing is told that nobody is there."""
        if content:
            self._asked(self, content, buffers)
        self.send({"answered": True})

    def _asked(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Do what the browser asks for."""


# By cell: which run of it was the last one, and which views were made in that.
_runs: dict[str, tuple[str, WeakSet[View]]] = {}


def _made_in_this_run(view: View) -> None:
    """Note by which run of which cell a view was made; a cell that is run again has let go of those it made before.

    What stood below it is gone from the page then, and what the kernel keeps for a page would be kept for ever.
    """
    if (here := _cell_and_run()) is None:
        return
    cell, now = here
    run, views = _runs.get(cell, ("", WeakSet()))
    if run != now:
        # Displays first: a view is still in use where one of them stands below another cell.
        for replaced in sorted(views, key=lambda view: view.follows is None):
            if replaced.follows is not None or not replaced._displays:
                replaced.close()
        run, views = _runs[cell] = now, WeakSet(kept for kept in views if kept.comm is not None)
    views.add(view)


def _cell_and_run() -> tuple[str, str] | None:
    """Return the cell that is running, and in which run; `None` where no notebook says so."""
    kernel = getattr(get_ipython(), "kernel", None)
    parent = kernel.get_parent("shell") if kernel is not None else {}
    cell, run = parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
    return (cell, run) if isinstance(cell, str) and isinstance(run, str) else None

"""What can go wrong in the lab, as opposed to on the device.

A bricked device is a result, never an exception.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from traceback import extract_tb

from otalab.text import meant


class OtalabError(Exception):
    """Misuse or bad input: one line that says what, where and the way out."""

    def _render_traceback_(self) -> list[str]:
        """Return that line alone: it is what IPython shows below a cell, in place of every frame."""
        return [f"{type(self).__name__}: {self}"]


class BadInput(OtalabError, ValueError):
    """A file, a name or a number that the lab cannot work with."""


def unknown(what: str, name: object, allowed: Collection[str], besides: str = "") -> BadInput:
    """Return the complaint about a name that nobody knows: what is known, and which of it was likely meant."""
    return BadInput(f"{what} {name!r} is unknown; one of: {', '.join(allowed)}{besides}{meant(name, allowed)}")


class OutOfTable(OtalabError):
    """A number from flash that leads past the end of a table: real code would take what lies behind it for an entry."""


class ReadFault(Exception):
    """A read that the part itself refuses: its processor takes an exception, which nobody is taken to handle."""


class Unrepeatable(OtalabError):
    """Code that does not do the same twice: nothing that was found of it holds for its next run."""


class PartFault(OtalabError):
    """A function of one's own does what no firmware can: it is told by its name, and nothing is proved of it."""


class LostRunner(Exception):
    """What ran somebody's code is gone, by no fault of that code: what it did can be done again."""


class InternalFault(Exception):
    """The lab's own fault, which no input excuses: what happened, and the id of the history that led there."""

    def __init__(self, what: str, history: str = "") -> None:
        super().__init__(what, history)
        self.what = what
        self.history = history

    def __str__(self) -> str:
        return self.what + (f", after the history {self.history}" if self.history else "")

    @classmethod
    def of(cls, error: BaseException, history: str = "") -> InternalFault:
        """Return an exception that nobody foresaw as an internal fault; one that is already told is as it was."""
        if isinstance(error, InternalFault):
            return error
        at = extract_tb(error.__traceback__)[-1]
        return cls(f"{type(error).__name__}: {error} ({Path(at.filename).name}:{at.lineno})", history)

    def after(self, before: str) -> InternalFault:
        """Return the same fault, with what came before its history."""
        return InternalFault(self.what, before + self.history)


class BundleFault(OtalabError):
    """Why a device refuses an update bundle; the text is the device's own message."""


class DigestFault(BundleFault):
    """A file of a bundle does not have the digest that its manifest says; platforms have their own words for it."""

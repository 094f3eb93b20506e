"""What can go wrong in the lab, as opposed to on the device.

A bricked device is a result, never an exception.
"""

from __future__ import annotations


class OtalabError(Exception):
    """Misuse or bad input: one line that says what, where and the way out."""


class BadInput(OtalabError, ValueError):
    """A file, a name or a number that the lab cannot work with."""


class OutOfTable(OtalabError):
    """A number from flash that leads past the end of a table: real code would take what lies behind it for an entry."""


class BundleFault(OtalabError):
    """Why a device refuses an update bundle; the text is the device's own message."""

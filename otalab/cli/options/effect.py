"""Options without effect: what was typed and would be read by nobody is refused, with what it goes with."""

from __future__ import annotations

import argparse

from otalab.errors import BadInput


def refuse_idle(arguments: argparse.Namespace, way_out: str, *options: str) -> None:
    """Refuse those of these options that were typed, whatever their value: the default, typed, was meant as well."""
    for option in options:
        if option in getattr(arguments, "typed", ()):
            raise BadInput(f"{option}: has no effect here: {way_out}")


def goes_with(arguments: argparse.Namespace, there: object, others: str, *options: str) -> None:
    """Refuse those of these options that were typed, unless what they go with is there."""
    if not there:
        refuse_idle(arguments, f"it goes with {others}", *options)

"""Parts of one's own: a function in place of one of the firmware's, for what named choices cannot express.

    design = with_part(load_design("mongoose"), "write", twice)

From then on the function is one of the choices, by its name; everything that takes a design takes this one.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import Any

from otalab.errors import BadInput
from otalab.firmware import bootloader, store, updater
from otalab.firmware.design import Design, choices
from otalab.formats.records.catalogue import GUARDS

# The choices that select a function which runs by itself, and the table that it stands in.
PARTS: dict[str, MutableMapping[str, Callable[..., Any]]] = {
    "guard": GUARDS,
    "erase": store.ERASES,
    "placing": store.PLACINGS,
    "write": store.WRITES,
    "refresh": store.REFRESHES,
    "clear": store.CLEARS,
    "image_check": bootloader.IMAGE_CHECKS,
    "bad_image": bootloader.BAD_IMAGES,
    "no_record": bootloader.NO_RECORD,
    "trial": bootloader.TRIALS,
    "downgrade": updater.DOWNGRADES,
}


def with_part(design: Design, choice: str, function: Callable[..., Any], name: str = "") -> Design:
    """Return the design with a function of one's own for one of its choices.

    The function takes what the others in its table take; `name` is what it is called, its own name if not given.
    """
    if choice not in PARTS:
        raise BadInput(f"{choice!r} cannot be a function of one's own; one of: {', '.join(PARTS)}")
    name = name or function.__name__
    if name in choices()[choice]:
        raise BadInput(f"{choice}: {name!r} is one of the lab's own; give the function another name")
    # The newest function of a name counts: in a notebook it is written again and again.
    PARTS[choice][name] = function
    store.codec.cache_clear()
    changes: dict[str, Any] = {"name": f"{design.name}+{name}", choice: name}
    return replace(design, **changes)

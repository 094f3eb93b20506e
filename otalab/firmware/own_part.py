"""The list of all choices that are functions, each with its tables; and functions of one's own in their place.

    design = with_part(load_design("mongoose"), "write", twice)

From then on the function is one of the choices, by its name; everything that takes a design takes this one.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from inspect import getdoc
from typing import Any

from otalab.errors import BadInput
from otalab.firmware import (
    application,
    boot_state,
    bootloader,
    image,
    image_checks,
    intervals,
    merge,
    merge_times,
    no_record,
    placings,
    record_writes,
    requests,
    run_places,
    store,
    unwritten,
    updater,
)
from otalab.firmware.design import OWN, Design, bounds, choices, decides, number_says
from otalab.formats.records import catalogue

Table = MutableMapping[Any, Callable[..., Any]]

# The tables of a choice: by the first its values are known, and its functions say what they do.  The others hold what
# else it decides, in other moments of an update.
PARTS: dict[str, tuple[Table, ...]] = {
    "records": (store.AREAS,),
    "record": (catalogue.RECORDS,),
    "guard": (catalogue.GUARDS,),
    "sequencer": (catalogue.COUNTINGS,),
    "sequencer_bits": (catalogue.WIDTHS,),
    "tie": (store.TIES,),
    "order": (record_writes.ORDERS,),
    "erase": (record_writes.ERASES,),
    "placing": (
        placings.PLACINGS,
        placings.COPIES,
        placings.SHIPS,
        record_writes.MAKES_WAY,
        record_writes.REPAIRS,
        record_writes.ALIGNS,
        store.READS,
        bootloader.WAYS_BACK,
    ),
    "sees": (store.SEES, store.MOUNTED),
    "store": (catalogue.KEEPERS,),
    "state": (record_writes.STATE_WRITES, store.STATE_FAMILIES, store.CONFIGS),
    "write": (record_writes.WRITES,),
    "refresh": (record_writes.REFRESHES,),
    "clear": (record_writes.CLEARS,),
    "target": (updater.TARGETS,),
    "spares": (updater.SPARES,),
    "slot_erase": (updater.SLOT_ERASES,),
    "lying": (updater.LIES,),
    "image_check": (image_checks.IMAGE_CHECKS, image_checks.FACTS, image_checks.CHECKED),
    "finds": (image_checks.FINDS, application.MOUNTS),
    "bad_image": (bootloader.BAD_IMAGES, bootloader.SETTLED),
    "no_record": (no_record.NO_RECORD, no_record.FIRST_SLOTS),
    "runs_from": (run_places.RUNS_FROM,),
    "noted": (run_places.NOTED,),
    "trial": (bootloader.TRIALS, updater.STAGED, application.FIRST_THINGS),
    "timer": (application.TIMERS, bootloader.TIMED),
    "unwritten": (unwritten.UNWRITTEN,),
    "commit": (image.COMMITS,),
    "way_back": (application.WAYS_BACK,),
    "set_dirty": (boot_state.SETS_DIRTY,),
    "set_state": (boot_state.SETS_STATE,),
    "snapshot": (boot_state.SNAPSHOTS,),
    "told_revert": (boot_state.TELLS_REVERT,),
    "interval_in": (intervals.KEEPS, intervals.KEPT, intervals.DONE_WITH, intervals.SETS),
    "merge": (merge_times.AT_FIRST_BOOT, merge_times.BEFORE_SWITCH),
    "merge_fault": (merge_times.MERGE_FAULTS, merge_times.MERGED, merge_times.MARKS),
    "folders": (merge.FOLDERS,),
    "merge_note": (merge_times.NOTES,),
    "offers": (requests.OFFERS, requests.REFUSED),
    "downgrade": (updater.DOWNGRADES,),
}


def says(choice: str, value: object) -> str:
    """Return what a value of a choice does, and what it costs, as its function says it in its first sentence.

    A function of one's own without a docstring has the words of the choice.
    """
    if choice in bounds() and isinstance(value, int):
        return number_says(choice, value)
    function = PARTS[choice][0].get(value) if choice in PARTS else None
    text = (getdoc(function) or "") if function else ""
    sentence = text.partition("\n\n")[0].replace("\n", " ").removesuffix(".")
    return sentence[:1].lower() + sentence[1:] or decides(choice)


def with_part(design: Design, choice: str, function: Callable[..., Any], name: str = "") -> Design:
    """Return the design with a function of one's own for one of its choices.

    The function takes what the others in its table take; `name` is what it is called, its own name if not given.
    What else the choice decides stays as the design has it.
    """
    own = [part for part in PARTS if isinstance(getattr(design, part), str)]
    if choice not in own:
        raise BadInput(f"{choice!r} cannot be a function of one's own; one of: {', '.join(own)}")
    name = name or function.__name__
    if name in choices()[choice]:
        raise BadInput(f"{choice}: {name!r} is one of the lab's own; give the function another name")
    first, *others = PARTS[choice]
    # The newest function of a name counts: in a notebook it is written again and again.
    first[name] = function
    OWN.setdefault(choice, set()).add(name)
    for table in others:
        table[name] = table[getattr(design, choice)]
    store.forget_formats()
    changes: dict[str, Any] = {"name": f"{design.name}+{name}", choice: name}
    return replace(design, **changes)


def without_part(choice: str, name: str) -> None:
    """Forget a function of one's own."""
    OWN.get(choice, set()).discard(name)
    for table in PARTS[choice]:
        table.pop(name, None)
    store.forget_formats()

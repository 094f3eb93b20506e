"""The catalogue of designs: loaded by name or from the path of a TOML file, held to what cannot stand together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from otalab.errors import BadInput, unknown
from otalab.firmware.design import OWN, Design, bounds, choices, way_of, ways
from otalab.formats.records.boot_control import MOST_TRIES
from otalab.formats.records.catalogue import LAB_RECORDS
from otalab.formats.records.trailer import UNITS
from otalab.hardware.board import read_board
from otalab.settings import DATA, Settings, names, place_of

# What a loader of a format does unless a page says otherwise: rBoot goes by the addresses in its record, torn or not.
OF_FORMATS: dict[str, dict[str, Any]] = {"rboot": {"finds": "record"}}


def designs() -> list[str]:
    """Return the names of the catalogue."""
    return names("design")


def load_design(name: str) -> Design:
    """Return a design by its name in the catalogue, or from the path of a TOML file as it is now."""
    path = place_of("design", name)
    return _of_the_lab(path) if path.parent == DATA / "designs" else read_design(Settings.load(path))


@cache
def _of_the_lab(path: Path) -> Design:
    return read_design(Settings.load(path))


def read_design(settings: Settings) -> Design:
    """Return the design that a settings file describes; what it does not say is as its format, then as `hardened`."""
    sections = dict.fromkeys(section for section, _ in ways())
    settings.known(["name", "summary", *sections, "layout"])
    given: dict[str, Any] = {}
    for section in sections:
        if section in settings.table:
            given |= _section(settings.inside(section), section)
    given = OF_FORMATS.get(given.get("record", ""), {}) | given
    name = settings.words("name")
    board = read_board(settings.inside("layout"), name) if "layout" in settings.table else None
    design = Design(name=name, summary=settings.words("summary"), board=board, **given)
    for name, problem in contradictions(design):
        section, key = way_of(name).split(".")
        here = settings.inside(section) if section in settings.table else settings
        raise here.wrong(key, problem)
    return design


def _section(settings: Settings, section: str) -> dict[str, Any]:
    own = {key: name for (where, key), name in ways().items() if where == section}
    settings.known(list(own))
    numbers = bounds()
    names = {name: (*known, *sorted(OWN.get(name, ()))) for name, known in choices().items()}
    return {
        name: settings.choice(key, names[name]) if name in names else settings.number(key, *numbers[name])
        for key, name in own.items()
        if key in settings.table
    }


def known(design: Design) -> Design:
    """Return the design, or say which of its choices has a value that there is not: one made in Python was never read.

    What contradicts itself is let through: as a wrong design it may be what somebody wants to see.
    """
    for name, (least, most) in bounds().items():
        if not (isinstance(value := getattr(design, name), int) and least <= value <= most):
            raise BadInput(f"design {design.name!r}: {way_of(name)} must be a number from {least} to {most}")
    for name, values in choices().items():
        if (value := getattr(design, name)) not in (allowed := (*values, *sorted(OWN.get(name, ())))):
            raise unknown(f"design {design.name!r}: {way_of(name)}", value, [*map(str, allowed)])
    return design


def checked(design: Design) -> Design:
    """Return the design, or say which of its choices there is not, or which contradict each other."""
    for name, problem in contradictions(known(design)):
        raise BadInput(f"design {design.name!r}: {way_of(name)}: {problem}")
    return design


def contradictions(design: Design) -> Iterator[tuple[str, str]]:
    """Yield every choice that cannot stand beside the others, and why."""
    rules = (*_of_records(design), *_of_the_flow(design), *_of_trailers(design))
    return ((name, problem) for name, broken, problem in rules if broken)


Rule = tuple[str, bool, str]


def _of_records(design: Design) -> list[Rule]:
    """Return the rules of what records are and how they are written: the choice, whether it is broken, and why."""
    lab, journal = design.record in LAB_RECORDS, design.journal > 1
    own_guard = design.record in ("mgos-boot", "otadata", "otadata-mongoose", "boot-control", "mcuboot")
    copied = design.placing in ("copied-at-start", "both")
    down = dict.fromkeys(("cc3200", "rboot", "boot-control", "mcuboot"), ("decreasing", 64))
    counts = down.get(design.record, ("increasing", 32))
    return [
        (
            "guard",
            own_guard != (design.guard == "own"),
            f'"own" belongs to formats that have a check; {design.record!r}',
        ),
        ("guard", not lab and design.guard in ("crc16", "crc32"), f"format {design.record!r} has no room for a check"),
        ("sequencer", not lab and design.sequencer != counts[0], f"format {design.record!r} counts {counts[0]}"),
        ("sequencer_bits", not lab and design.sequencer_bits != counts[1], f"format {design.record!r} has {counts[1]}"),
        ("records", design.record == "rboot" and design.records != 1, "rboot has one record and no sequencer"),
        ("order", not lab and design.order != "at-once", f"format {design.record!r} is programmed at once"),
        ("journal", journal and design.record != "mgos-boot", 'only format "mgos-boot" is kept in a journal'),
        ("write", journal != design.write.startswith("move-on"), '"move-on" and a journal need each other'),
        ("write", design.write == "move-on-by-body" and design.trial == "switch-back", _TWO_IN_RAM),
        ("erase", journal and design.erase != "always", "a journal's area is always erased before it is begun anew"),
        ("placing", copied != (design.record == "boot-control"), _COPIES),
        ("tie", copied and design.tie != "first", "of two copies the first counts"),
        ("placing", design.placing == "own" and design.record not in ("cc3200", "otadata"), _CANNOT_WITHDRAW),
        (
            "placing",
            design.placing == "own-then-beside" and (design.records != 2 or design.sequencer != "increasing"),
            _YOUNG,
        ),
    ]


def _of_the_flow(design: Design) -> list[Rule]:
    """Return the rules of what loader, image and updater do."""
    lab, journal = design.record in LAB_RECORDS, design.journal > 1
    tells = {"trial": design.trial in ("one-try", "one-start"), "tries": design.tries > 1}
    slots = design.record == "boot-control"
    starts_any = design.no_record in ("slot-0", "first-whole", "first-whole-noted")
    return [
        ("trial", tells["trial"] and design.record in ("mongoose", "cc3200", "otadata-mongoose"), _CANNOT_COUNT),
        ("trial", design.trial == "attempts" and design.record != "rboot", 'attempts needs format = "rboot"'),
        ("trial", design.trial in ("one-try", "one-start") and design.record == "rboot", 'rboot has "attempts"'),
        ("trial", design.target == "running" and design.trial != "none", _NO_WAY_BACK),
        ("tries", tells["tries"] and design.record not in ("complete", "boot-control"), _NO_ROOM_FOR_TRIES),
        ("tries", slots and design.tries > MOST_TRIES, f"boot-control counts down from {MOST_TRIES} at most"),
        ("tries", tells["tries"] and design.trial not in ("one-try", "one-start"), "tries are counted with one-try"),
        ("clear", design.clear == "before-slot" and design.records != 2, _NOTHING_TO_ERASE),
        ("clear", design.clear == "slot-given-up" and not slots, 'only "boot-control" gives up a slot'),
        ("clear", design.clear == "before-slot" and slots, "the other record is a copy, which is needed"),
        ("clear", design.clear == "before-slot" and journal, "a journal's other area is erased when it is needed"),
        ("state", (design.state == "nvs") != (design.record == "otadata-mongoose"), _STATE),
        ("image_check", design.image_check == "crc32" and not lab and design.record != "mgos-boot", _NO_FACTS),
        ("finds", design.finds == "record" and design.record != "rboot", 'only "rboot" says where its slots lie'),
        ("no_record", starts_any and design.image_check == "crc32", _NO_FACTS_AT_ALL),
        ("no_record", (design.no_record == "slots-on-trial") and not slots, _EVERY_SLOT),
        ("no_record", design.no_record != "slots-on-trial" and slots, _EVERY_SLOT),
        ("trial", slots and design.trial != "one-start", 'boot-control counts every start: "one-start"'),
        ("no_record", design.no_record == "first-whole-noted" and design.record != "otadata", _NOT_NOTED),
        ("unwritten", design.unwritten == "reset" and design.write == "once", _BELIEVED),
        ("set_dirty", design.set_dirty == "tried" and not tells["trial"], _NO_TRIES),
        ("merge", design.target == "running" and design.merge == "first-boot", "the old files are gone by then"),
        ("interval_in", design.interval_in == "updater.dat" and design.merge != "first-boot", _NOT_CARRIED),
        ("interval_in", design.interval_in == "record" and not lab, f"format {design.record!r} has no interval"),
        ("merge_note", design.merge_note == "written" and design.record != "rboot", 'only "rboot" is written again'),
    ]


def _of_trailers(design: Design) -> list[Rule]:
    """Return the rules of trailers, and of loaders that bring an image to where it runs."""
    kept, moved = design.record == "mcuboot", design.runs_from != "its-slot"
    return [
        ("runs_from", moved != kept, _TRAILERS),
        ("placing", (design.placing == "of-the-slot") != kept, _BEHIND_SLOTS),
        ("records", kept and design.records != 2, "each of two slots has a trailer"),
        ("write", (design.write == "flags") != kept, '"flags" and format "mcuboot" need each other'),
        ("clear", (design.clear == "trailer") != kept, '"trailer" and format "mcuboot" need each other'),
        ("no_record", (design.no_record == "slot-0-always") != kept, _NO_OTHER_SLOT),
        ("trial", design.runs_from == "copied" and design.trial != "none", _COPIED_OVER),
        ("target", kept and design.target != "inactive", "an image waits in slot 1 until it is brought to slot 0"),
        ("finds", kept and design.finds != "table", "an image runs from slot 0, wherever a record says that it lies"),
        ("set_state", kept and design.set_state != "refused", "a trailer does not say which slot runs"),
        ("snapshot", kept and design.snapshot != "refused", "a copy in slot 1 is nothing to go back to"),
        ("refresh", kept and design.refresh != "none", "a trailer that is programmed over itself says nothing new"),
        ("noted", design.noted == "first" and not moved, "where an image runs from its own slot nothing is noted"),
        ("unit", design.unit > 1 and not kept, 'only "mcuboot" has flags'),
        ("unit", design.unit not in UNITS, f"a write unit has {', '.join(map(str, UNITS))} bytes"),
    ]


_COPIES = 'copies ("copied-at-start", "both") and format "boot-control", which has no sequencer, need each other'
_NO_ROOM_FOR_TRIES = 'more than one try needs format = "complete" or "boot-control"'
_EVERY_SLOT = '"slots-on-trial" and format "boot-control" need each other'
_CANNOT_WITHDRAW = "only cc3200 and otadata can say of a record that it is given up"
_YOUNG = "own-then-beside needs count = 2 and an increasing sequencer: it writes beside once that is large enough"
_TWO_IN_RAM = "switch-back goes by the record in RAM that started the image, move-on-by-body by the one written last"
_NO_TRIES = "tried needs a trial that notes a start: one-try or one-start"
_CANNOT_COUNT = 'the loader cannot note a try in this format: take "timer", "switch-back" or format = "complete"'
_NO_WAY_BACK = 'target = "running" needs "none": a trial that fails has nothing to go back to'
_NOTHING_TO_ERASE = "before-slot needs count = 2: there is no inactive record to erase"
_STATE = "nvs and format otadata-mongoose need each other: its entries do not know of commits"
_NO_FACTS = 'this format says nothing of the image that it names: take "own" or "none"'
_NO_FACTS_AT_ALL = 'without a record there is no checksum to compare: take "own" or "none" for the image, or "default"'
_NOT_NOTED = 'only "otadata" is written for a slot that was started without a record'
_BELIEVED = "without a read-back every record counts as written"
_TRAILERS = 'an image that is brought to slot 0 ("copied") and format "mcuboot" need each other'
_BEHIND_SLOTS = '"of-the-slot" and format "mcuboot", whose trailers belong to slots, need each other'
_NO_OTHER_SLOT = '"slot-0-always" and format "mcuboot" need each other: images run from slot 0 alone'
_COPIED_OVER = '"copied" needs "none": the image that a trial would go back to is gone'
_NOT_CARRIED = "updater.dat reaches the new image by a merge at first boot"

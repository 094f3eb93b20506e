"""Designs: the named choices in which updates differ, loaded from TOML.

Every choice selects a small function or codec by its name, where the flow needs it; the flow itself does not change.
Wrong designs are kept on purpose: each teaches something.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from otalab.errors import BadInput
from otalab.formats.records.catalogue import LAB_RECORDS, RECORDS
from otalab.hardware.board import Board, read_board
from otalab.settings import DATA, Settings


def chosen(section: str, key: str, *allowed: Any, default: Any = None) -> Any:
    """Return the field of a choice: its place in the TOML, what it may be, and what it is where nothing is said."""
    return field(default=allowed[0] if default is None else default, metadata={"way": (section, key), "of": allowed})


def number(section: str, key: str, least: int, most: int, *, default: int) -> Any:
    """Return the field of a choice that is a number."""
    return field(default=default, metadata={"way": (section, key), "from": (least, most)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One way to update: name, one sentence, and its choices; `SAYS` has what each decides."""

    name: str
    summary: str

    records: int = chosen("records", "count", 1, 2, default=2)
    record: str = chosen("records", "format", *RECORDS, default="complete")
    guard: str = chosen("records", "guard", "none", "crc16", "crc32", "own", default="crc32")
    sequencer: str = chosen("records", "sequencer", "decreasing", "increasing")
    sequencer_bits: int = chosen("records", "bits", 64, 32, 16)
    tie: str = chosen("records", "tie", "first", "last")
    order: str = chosen("records", "order", "at-once", "sequencer-last")
    erase: str = chosen("records", "erase", "always", "unless-blank")
    journal: int = number("records", "journal", 1, 32, default=1)
    placing: str = chosen("records", "placing", "beside", "own")
    store: str = chosen("records", "store", "bare", "atomic-replace")
    state: str = chosen("records", "state", "none", "nvs")

    write: str = chosen("writes", "verify", "once", "read-back", "move-on", default="read-back")
    refresh: str = chosen("writes", "refresh", "none", "selected")
    clear: str = chosen("writes", "clear", "none", "before-slot")
    target: str = chosen("writes", "target", "inactive", "running")
    reserve: int = number("writes", "reserve", 0, 2**16, default=8)

    image_check: str = chosen("boot", "image_check", "none", "crc32", "own", default="crc32")
    bad_image: str = chosen("boot", "bad_image", "halt", "reset", "other")
    no_record: str = chosen("boot", "no_record", "halt", "default", "slot-0")
    trial: str = chosen(
        "boot", "trial", "none", "timer", "one-try", "one-start", "attempts", "switch-back", default="one-try"
    )
    tries: int = number("boot", "tries", 1, 200, default=1)
    timer: str = chosen("boot", "timer", "loader", "image")

    commit: str = chosen("commit", "by", "image", "operator")
    interval: int = number("commit", "interval", 0, 10**6, default=60)
    interval_in: str = chosen("commit", "kept_in", "record", "updater.dat", "nowhere")

    merge: str = chosen("merge", "when", "before-switch", "first-boot", "none")
    merge_fault: str = chosen("merge", "fault", "revert", "ignore")
    merge_note: str = chosen("merge", "note", "none", "written")

    offers: str = chosen("offers", "stand", "once", "until-taken", "again", default="until-taken")
    downgrade: str = chosen("offers", "downgrade", "accept", "refuse")

    # The partition table that it was written for; the designs of the catalogue fit any board.
    board: Board | None = field(default=None, hash=False)

    def toml(self) -> str:
        """Return the design as the TOML it can be loaded from."""
        lines, section = [f"name = {json.dumps(self.name)}", f"summary = {json.dumps(self.summary)}"], ""
        for way, one in ways().items():
            if way[0] != section:
                section = way[0]
                lines += ["", f"[{section}]"]
            lines.append(f"{way[1]} = {json.dumps(getattr(self, one))}")
        layout = ["", "[layout]", *self.board.toml_lines("layout")] if self.board else []
        return "\n".join([*lines, *layout]) + "\n"


SAYS = {
    "records": "how many erase areas hold boot records; with one, it is erased before it is written",
    "record": "the fields of a record",
    "guard": "the check behind the fields; own: the format has one",
    "sequencer": "which way sequencers count",
    "sequencer_bits": "the width of a sequencer",
    "tie": "which of two places counts if their sequencers are the same",
    "order": "whether the sequencer is programmed after all the rest",
    "erase": "whether an erase is spared where the place reads blank",
    "journal": "how many records an area takes before it is erased",
    "placing": "where what becomes of a new image is written: beside the record, or over it",
    "store": "where records lie: on bare flash, or in a store of files whose replace is atomic",
    "state": "a second store, written before the records: what the running image knows of the update",
    "write": "write once and hope; read back, three times at most; read back and use the other area",
    "refresh": "whether the selected record is first programmed over itself, lest it be weak",
    "clear": "whether the inactive record is erased before the slot that it may speak of is written",
    "target": "the slot that is written; over the running one, kept files are in RAM meanwhile",
    "reserve": "how many sequencers an update needs left",
    "image_check": "what the loader checks of an image: nothing, the record's CRC-32, the image's own",
    "bad_image": "what the loader does with an image that fails: halt, watchdog reset, the other slot",
    "no_record": "without a record: halt, write one for slot 0, start slot 0 if all is erased",
    "trial": (
        "what ends a trial besides the commit: nothing; the timer alone; a next boot, which the loader knows by a try "
        "that it noted after it had checked the image (one-try) or before (one-start), or by a count of attempts that "
        "outlives the rollback (attempts); or the image itself, which switches back in flash first of all (switch-back)"
    ),
    "tries": "how often a dirty image may be started",
    "timer": "who runs the commit timer",
    "commit": "who commits",
    "interval": "seconds to commit, where the update does not say",
    "interval_in": "where the interval is kept meanwhile",
    "merge": "when old files are carried over",
    "merge_fault": "what becomes of a trial whose files cannot be carried over",
    "merge_note": "whether the end of the merge is noted",
    "offers": "how long an update stands",
    "downgrade": "whether an older version is taken, where both are dotted numbers",
}


@cache
def ways() -> dict[tuple[str, str], str]:
    """Return the field of every choice by its section and key in the TOML, in their order."""
    return {one.metadata["way"]: one.name for one in fields(Design) if "way" in one.metadata}


def choices() -> dict[str, tuple[Any, ...]]:
    """Return every choice among names, by its field: what it may be."""
    return {one.name: one.metadata["of"] for one in fields(Design) if "of" in one.metadata}


def bounds() -> dict[str, tuple[int, int]]:
    """Return every choice of a number, by its field: the least and the most that it may be."""
    return {one.name: one.metadata["from"] for one in fields(Design) if "from" in one.metadata}


def way_of(name: str) -> str:
    """Return a choice as it is written in a page of TOML: `records.guard`."""
    return next(".".join(way) for way, field_name in ways().items() if field_name == name)


def designs() -> list[str]:
    """Return the names of the catalogue."""
    return sorted(path.stem for path in (DATA / "designs").glob("*.toml"))


@cache
def load_design(name: str) -> Design:
    """Return a design by its name in the catalogue, or from the path of a TOML file."""
    path = Path(name) if name.endswith(".toml") else DATA / "designs" / f"{name}.toml"
    if not path.is_file():
        raise BadInput(f"design {name!r} is unknown; one of: {', '.join(designs())}, or the path of a TOML file")
    return read_design(Settings.load(path))


def read_design(settings: Settings) -> Design:
    """Return the design that a settings file describes; what it does not say is as in `hardened`."""
    sections = dict.fromkeys(section for section, _ in ways())
    settings.known(["name", "summary", *sections, "layout"])
    given: dict[str, Any] = {}
    for section in sections:
        if section in settings.table:
            given |= _section(settings.inside(section), section)
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
    names, numbers = choices(), bounds()
    return {
        name: settings.choice(key, names[name]) if name in names else settings.number(key, *numbers[name])
        for key, name in own.items()
        if key in settings.table
    }


def checked(design: Design) -> Design:
    """Return the design, or say which of its choices contradict each other."""
    for name, problem in contradictions(design):
        raise BadInput(f"design {design.name!r}: {way_of(name)}: {problem}")
    return design


def contradictions(design: Design) -> Iterator[tuple[str, str]]:
    """Yield every choice that cannot stand beside the others, and why."""
    lab, journal = design.record in LAB_RECORDS, design.journal > 1
    own_guard = design.record in ("mgos-boot", "otadata", "otadata-mongoose")
    counts = {"cc3200": ("decreasing", 64), "rboot": ("decreasing", 64)}.get(design.record, ("increasing", 32))
    tells = {"trial": design.trial in ("one-try", "one-start"), "tries": design.tries > 1}
    rules = [
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
        ("write", journal != (design.write == "move-on"), '"move-on" and a journal need each other'),
        ("erase", journal and design.erase != "always", "a journal's area is always erased before it is begun anew"),
        ("placing", design.placing == "own" and design.record not in ("cc3200", "otadata"), _CANNOT_WITHDRAW),
        ("trial", tells["trial"] and design.record in ("mongoose", "cc3200", "otadata-mongoose"), _CANNOT_COUNT),
        ("trial", design.trial == "attempts" and design.record != "rboot", 'attempts needs format = "rboot"'),
        ("trial", design.trial in ("one-try", "one-start") and design.record == "rboot", 'rboot has "attempts"'),
        ("trial", design.target == "running" and design.trial != "none", _NO_WAY_BACK),
        ("tries", tells["tries"] and design.record != "complete", 'more than one try needs format = "complete"'),
        ("tries", tells["tries"] and design.trial not in ("one-try", "one-start"), "tries are counted with one-try"),
        ("clear", design.clear == "before-slot" and design.records != 2, _NOTHING_TO_ERASE),
        ("clear", design.clear == "before-slot" and journal, "a journal's other area is erased when it is needed"),
        ("state", (design.state == "nvs") != (design.record == "otadata-mongoose"), _STATE),
        ("image_check", design.image_check == "crc32" and not lab and design.record != "mgos-boot", _NO_FACTS),
        ("no_record", design.no_record == "slot-0" and design.image_check == "crc32", _NO_FACTS_AT_ALL),
        ("merge", design.target == "running" and design.merge == "first-boot", "the old files are gone by then"),
        ("interval_in", design.interval_in == "updater.dat" and design.merge != "first-boot", _NOT_CARRIED),
        ("interval_in", design.interval_in == "record" and not lab, f"format {design.record!r} has no interval"),
        ("merge_note", design.merge_note == "written" and design.record != "rboot", 'only "rboot" is written again'),
    ]
    return ((name, problem) for name, broken, problem in rules if broken)


_CANNOT_WITHDRAW = "only cc3200 and otadata can say of a record that it is given up"
_CANNOT_COUNT = 'the loader cannot note a try in this format: take "timer", "switch-back" or format = "complete"'
_NO_WAY_BACK = 'target = "running" needs "none": a trial that fails has nothing to go back to'
_NOTHING_TO_ERASE = "before-slot needs count = 2: there is no inactive record to erase"
_STATE = "nvs and format otadata-mongoose need each other: its entries do not know of commits"
_NO_FACTS = 'this format says nothing of the image that it names: take "own" or "none"'
_NO_FACTS_AT_ALL = 'without a record there is no checksum to compare: take "own" or "none" for the image, or "default"'
_NOT_CARRIED = "updater.dat reaches the new image by a merge at first boot"

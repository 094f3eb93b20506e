"""Designs: the named choices in which updates differ; `catalogue` loads them from TOML.

Every choice selects a small function or codec by its name, where the flow needs it; the flow itself does not change.
The first sentence of that function says what the value does and what it costs; `own_part` has the list of all tables.
Wrong designs are kept on purpose: each teaches something.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from otalab.formats.records.catalogue import RECORDS
from otalab.hardware.board import Board


def choice(section: str, key: str, decides: str, *allowed: Any, default: Any = None) -> Any:
    """Return the field of a choice: its place in the TOML, what it decides, and what it may be."""
    default = allowed[0] if default is None else default
    return field(default=default, metadata={"way": (section, key), "decides": decides, "of": allowed})


def number(
    section: str, key: str, decides: str, least: int, most: int, *, default: int, does: str, first: str = ""
) -> Any:
    """Return the field of a choice that is a number: what `{}` of it does, and what the least does, if that is else."""
    words = {"decides": decides, "does": does, "first": first or does}
    return field(default=default, metadata={"way": (section, key), "from": (least, most), **words})


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One way to update: name, one sentence, and its choices; what each of their values does, its function says."""

    name: str
    summary: str

    records: int = choice("records", "count", "how many erase areas hold boot records", 1, 2, default=2)
    record: str = choice("records", "format", "the fields of a record", *RECORDS, default="complete")
    guard: str = choice(
        "records", "guard", "the check behind the fields of a record", "none", "crc16", "crc32", "own", default="crc32"
    )
    sequencer: str = choice("records", "sequencer", "which way sequencers count", "decreasing", "increasing")
    sequencer_bits: int = choice("records", "bits", "the width of a sequencer", 64, 32, 16)
    tie: str = choice("records", "tie", "which of two places counts if their sequencers are the same", "first", "last")
    order: str = choice(
        "records",
        "order",
        "whether the sequencer is programmed after the rest",
        "at-once",
        "sequencer-last",
    )
    erase: str = choice(
        "records", "erase", "whether an erase is spared where the place reads blank", "always", "unless-blank"
    )
    journal: int = number(
        "records", "journal", "how many records an area takes before it is erased", 1, 32, default=1,
        does="erase an area once it holds {} records: it wears that many times slower",
        first="erase an area for each record",
    )  # fmt: skip
    placing: str = choice(
        "records",
        "placing",
        "where what becomes of a new image is written",
        "beside",
        "own",
        "own-then-beside",
        "copied-at-start",
        "both",
        "of-the-slot",
    )
    unit: int = number(
        "records", "unit", "how many bytes a flag of a trailer takes", 1, 32, default=1,
        does="give each flag of a trailer a write unit of {} bytes",
        first="give each flag of a trailer one byte",
    )  # fmt: skip
    sees: str = choice("records", "sees", "where the running image finds the record that started it", "all", "area-0")
    store: str = choice("records", "store", "where records lie", "bare", "atomic-replace")
    state: str = choice(
        "records",
        "state",
        "whether a second store says what the running image knows",
        "none",
        "nvs",
    )

    write: str = choice(
        "writes",
        "verify",
        "whether a record is read back, and if so what then",
        "once",
        "read-back",
        "move-on",
        "move-on-by-body",
        "flags",
        default="read-back",
    )
    refresh: str = choice(
        "writes",
        "refresh",
        "whether the selected record is first programmed over itself",
        "none",
        "selected",
    )
    clear: str = choice(
        "writes",
        "clear",
        "whether the inactive record is erased before its slot is, or the slot given up in a record",
        "none",
        "before-slot",
        "slot-given-up",
        "trailer",
    )
    target: str = choice("writes", "target", "the slot that is written", "inactive", "smallest", "running")
    spares: str = choice("writes", "spares", "what is taken for the slot that must be spared", "next", "running")
    slot_erase: str = choice("writes", "erase", "when a slot is erased", "by-sector", "whole")
    lying: str = choice(
        "writes",
        "lying",
        "what becomes of a file that lies in its slot already",
        "written",
        "app-skipped",
        "skipped",
    )
    reserve: int = number(
        "writes", "reserve", "how many sequencers an update needs left; 0 does not ask", 0, 2**16, default=8,
        does="refuse an update with fewer than {} sequencers left: its trial, commit or rollback may need them",
        first="take an update however few sequencers are left",
    )  # fmt: skip

    image_check: str = choice(
        "boot", "image_check", "what the loader checks of an image", "none", "crc32", "own", default="crc32"
    )
    finds: str = choice("boot", "finds", "by what the loader finds the image of a slot", "table", "record")
    bad_image: str = choice(
        "boot",
        "bad_image",
        "what the loader does with an image that fails its check",
        "halt",
        "reset",
        "other",
        "other-noted",
    )
    no_record: str = choice(
        "boot",
        "no_record",
        "what the loader does without a record",
        "halt",
        "default",
        "default-appended",
        "slots-on-trial",
        "slot-0",
        "first-whole",
        "first-whole-noted",
        "slot-0-always",
    )
    runs_from: str = choice("boot", "runs_from", "where an image runs, and how it comes there", "its-slot", "copied")
    noted: str = choice("boot", "noted", "when it is noted that an image has come to where it runs", "behind", "first")
    trial: str = choice(
        "boot",
        "trial",
        "what ends a trial besides the commit",
        "none",
        "timer",
        "one-try",
        "one-start",
        "attempts",
        "switch-back",
        default="one-try",
    )
    tries: int = number(
        "boot", "tries", "how often a dirty image may be started", 1, 200, default=1,
        does="start a dirty image {} times at most",
        first="start a dirty image once",
    )  # fmt: skip
    timer: str = choice("boot", "timer", "who runs the commit timer", "loader", "image")
    unwritten: str = choice(
        "boot", "unwritten", "what the loader does where its record cannot be written", "go-on", "reset"
    )

    commit: str = choice("commit", "by", "who commits", "image", "operator")
    way_back: str = choice("commit", "way_back", "what a commit does with the way back", "dropped", "kept")
    set_dirty: str = choice(
        "commit", "set_dirty", "what an image has before it that is set dirty from outside", "on-trial", "tried"
    )
    set_state: str = choice(
        "commit", "set_state", "whether the boot state can be set from outside", "written", "refused"
    )
    snapshot: str = choice(
        "commit", "snapshot", "whether what runs can be copied to the other slot", "copied", "refused"
    )
    told_revert: str = choice(
        "commit", "told_revert", "the slot that is told as the way back where there is none", "active", "other", "none"
    )
    interval: int = number(
        "commit",
        "interval",
        "seconds to commit, where the update does not say",
        0,
        10**6,
        default=60,
        does="give an image {} s to commit, where the update does not say",
        first="set no commit timer, where the update does not say",
    )
    interval_in: str = choice(
        "commit", "kept_in", "where the interval is kept meanwhile", "record", "updater.dat", "nowhere"
    )

    merge: str = choice("merge", "when", "when old files are carried over", "before-switch", "first-boot", "none")
    merge_fault: str = choice(
        "merge", "fault", "what becomes of a trial whose files cannot be carried over", "revert", "ignore", "leave"
    )
    folders: str = choice("merge", "folders", "what becomes of folders", "carried", "flat")
    merge_note: str = choice("merge", "note", "whether the end of the merge is noted", "none", "written")

    offers: str = choice(
        "offers", "stand", "how long an update stands", "once", "until-taken", "again", default="until-taken"
    )
    downgrade: str = choice(
        "offers", "downgrade", "whether an older version is taken, where both are dotted numbers", "accept", "refuse"
    )

    # The partition table that it was written for; the designs of the catalogue fit any board.
    board: Board | None = field(default=None, hash=False)
    # Among how many slots it updates: what the board has, and never written in a design's TOML.
    slots: int = 2

    def toml(self) -> str:
        """Return the design as the TOML it can be loaded from."""
        lines, section = [f"name = {json.dumps(self.name)}", f"summary = {json.dumps(self.summary)}"], ""
        for way, field_name in ways().items():
            if way[0] != section:
                section = way[0]
                lines += ["", f"[{section}]"]
            lines.append(f"{way[1]} = {json.dumps(getattr(self, field_name))}")
        layout = ["", "[layout]", *self.board.toml_lines("layout")] if self.board else []
        return "\n".join([*lines, *layout]) + "\n"


@cache
def ways() -> dict[tuple[str, str], str]:
    """Return the field of every choice by its section and key in the TOML, in their order."""
    return {choice.metadata["way"]: choice.name for choice in fields(Design) if "way" in choice.metadata}


def choices() -> dict[str, tuple[Any, ...]]:
    """Return every choice among names, by its field: what it may be."""
    return {choice.name: choice.metadata["of"] for choice in fields(Design) if "of" in choice.metadata}


# Functions of one's own, by the choice that they stand in for: pages may name them, and no menu has them.
OWN: dict[str, set[str]] = {}


def bounds() -> dict[str, tuple[int, int]]:
    """Return every choice of a number, by its field: the least and the most that it may be."""
    return {choice.name: choice.metadata["from"] for choice in fields(Design) if "from" in choice.metadata}


def number_says(name: str, value: int) -> str:
    """Return what a number does, in words."""
    words = Design.__dataclass_fields__[name].metadata
    return str(words["first" if value == words["from"][0] else "does"]).format(value)


def decides(name: str) -> str:
    """Return what a choice decides, in words."""
    return str(Design.__dataclass_fields__[name].metadata["decides"])


def way_of(name: str) -> str:
    """Return a choice as it is written in a page of TOML: `records.guard`."""
    return next(".".join(way) for way, field_name in ways().items() if field_name == name)

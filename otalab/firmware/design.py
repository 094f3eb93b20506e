"""Designs: the named choices in which updates differ; `catalogue` loads them from TOML.

Every choice selects a small function or codec by its name, where the flow needs it; the flow itself does not change.
Wrong designs are kept on purpose: each teaches something.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from otalab.formats.records.catalogue import RECORDS
from otalab.hardware.board import Board


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

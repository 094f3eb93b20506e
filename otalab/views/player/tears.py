"""What a cut can leave, in a list short enough to choose from.

There can be twenty thousand tears of one program.
They are one line where their labels are of one kind and where the loader would take the same slot from them.
"""

from __future__ import annotations

import re
from typing import Any

from otalab.bench.trace import Step
from otalab.faults.tear import FaultModel, Site
from otalab.firmware import store
from otalab.firmware.device import Device
from otalab.formats.records.record import Invalid
from otalab.hardware.chip import Chip
from otalab.hardware.effects import Erase, Program
from otalab.hardware.flash import Flash

SAMPLES = 5
CUT = "cut"
# The kinds of labels that the fault models give, most particular first.
TEAR_KINDS = {
    r"before": "nothing of it is done",
    r"after": "all of it is done",
    r"prefix-": "the first bytes are done",
    r"bits-": "the first bytes are done, and some bits of the next one",
    r"fields-": "some fields of the record are done",
    r"erased-front-.*-of-zeros": "all zeros first, then erased from the front",
    r"erased-back-.*-of-zeros": "all zeros first, then erased from the back",
    r"erased-front-": "erased from the front, the rest still old",
    r"erased-back-": "erased from the back, the rest still old",
    r"zeros-front-": "zeros from the front, the rest still old",
    r"zeros-back-": "zeros from the back, the rest still old",
    r"zeros": "all zeros",
    r"slow-cells-.*-of-zeros": "all zeros first, then erased but for slow cells",
    r"slow-cells-": "erased but for slow cells",
    r"filling-": "bytes that nobody wrote",
    r"forged-": "a record that nobody wrote and the check accepts",
    r"weak": "reads erased, but does not hold what is programmed",
    r"unreadable": "cannot be read any more: the check bits do not belong to it",
    r"unstable-": "reads as done now, and may read torn later",
}
_KINDS = re.compile("|".join(f"({kind})" for kind in TEAR_KINDS))
_WORDS = [*TEAR_KINDS.values(), "other"]


def kind_of(label: str) -> int:
    """Return which of the `TEAR_KINDS` a tear is, by its label; past the last one if it is none of them."""
    kind = _KINDS.match(label)
    return (kind.lastindex or 0) - 1 if kind else len(TEAR_KINDS)


def tear_words(label: str) -> str:
    """Return what a tear leaves, in words; the label itself where there are none for it."""
    kind = kind_of(label)
    return label if kind == len(TEAR_KINDS) else _WORDS[kind]


def tears(faults: FaultModel, step: Step, device: Device, wanted: str = "") -> dict[str, Any]:
    """Return what a cut in an effect can leave: how many ways, and their classes, each with a few labels.

    `wanted`: only labels that hold this text.
    """
    if not isinstance(step.effect, (Erase, Program)):
        entry = {"text": "the effect does not touch the flash", "seen": "", "count": 1, "labels": [CUT]}
        return {"total": 1, "shown": 1, "classes": [entry]}
    site = Site.of(step.effect, step.before, device)
    view = _LoaderView(step.before, site, device)
    classes: dict[tuple[int, str], list[str]] = {}
    total = shown = 0
    for label, contents in faults.labels(site):
        total += 1
        if wanted in label:
            shown += 1
            key = kind_of(label), view.by_loader(contents)
            classes.setdefault(key, []).append(label)
    rows = [
        {"text": _WORDS[kind], "seen": text, "count": len(labels), "labels": _samples(labels)}
        for (kind, text), labels in classes.items()
    ]
    return {"total": total, "shown": shown, "classes": rows}


def _samples(labels: list[str]) -> list[str]:
    """Return a few labels from all over a class."""
    if len(labels) <= SAMPLES:
        return labels
    return [labels[round(n * (len(labels) - 1) / (SAMPLES - 1))] for n in range(SAMPLES)]


class _LoaderView:
    """What the loader would make of a record place with a tear in it; nothing elsewhere."""

    def __init__(self, before: Flash, site: Site, device: Device) -> None:
        self._before, self._site, self._device = before, site, device
        kept = device.families[:1]
        places = (before.geometry.place_of(address) for address in device.places)
        # Where each record in the sector begins and ends: a journal has many.
        self._codec = kept[0].codec if kept else None
        size = self._codec.size if self._codec else 0
        self._spans = [slice(offset, offset + size) for sector, offset in places if sector == site.sector]
        self._end = max((span.stop for span in self._spans), default=0)
        self._known: dict[object, str] = {}

    def by_loader(self, contents: bytes) -> str:
        """Return in words which record it would take, and what that one says."""
        site = self._site
        if not site.fields:
            return ""
        # Decoding alone is quick; the loader's choice is asked for once for all that decodes alike.
        data = site.whole[: site.start] + contents + site.whole[site.start + len(contents) : self._end]
        key = tuple([self._meaning(data[span]) for span in self._spans])
        if key not in self._known:
            flash = self._before.with_sector(site.sector, site.within(site.whole, contents))
            self._known[key] = self._choice(flash)
        return self._known[key]

    def _meaning(self, data: bytes) -> object:
        assert self._codec is not None, "a place of a record has a format"
        record = self._codec.decode(data)
        if isinstance(record, Invalid):
            return record.reason
        return record.sequencer, record.config.active, record.config.summary

    def _choice(self, flash: Flash) -> str:
        device = self._device
        selected = store.select(Chip(device.board, flash), device.records) if device.records else None
        if selected is None:
            return "no record counts"
        known = selected.config.active < len(device.board.slots)
        slot = selected.config.summary if known else "a slot that is not there"
        return f"record {selected.place} counts: {slot}"

"""Cells for the tests: one design on a small board, explored; also devices that were updated before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from plain import Thin, small

from otalab.bench.contents import default_bundle
from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import life
from otalab.faults.models import fault_model
from otalab.firmware.catalogue import checked
from otalab.firmware.design import Design
from otalab.firmware.store import codec
from otalab.graph.case import Case
from otalab.graph.check import Cell, check

# No image brings it, so it is the same whichever version runs.
FILES = {"conf9.json": b"{}"}
Cuts = list[tuple[int, int | None, str, str]]


def cell(what: Scenario, faults: str | Thin = "atomic", budget: int = 300) -> Cell:
    """Explore one scenario."""
    device, model = what.device, fault_model(faults) if isinstance(faults, str) else faults
    case = Case(device.design.name, device.board.name, model.name, what.new.temper, what.offers)
    return check(case, what, model, budget=budget)  # type: ignore[arg-type]


def tiny(design: Design, image: str = "healthy", **more: Any) -> Scenario:
    """Return a design with files to lose, on the board tiny."""
    return set_up(checked(design), "tiny", app_size=500, image=image, files=FILES, **more)


def used(design: Design, image: str = "healthy") -> Scenario:
    """Return a device on the board tiny that took an update before: now slot 1 runs, and slot 0 is written."""
    before = tiny(design)
    bundle = default_bundle(before.device.board, "3", 500, own_check=design.image_check == "own")
    after = tiny(design, image, bundle=bundle)
    device = replace(after.device, images=(before.new, *after.device.images))
    return replace(after, device=device, flash=life(before).last.flash, old=before.new)


def numbered(design: Design, sequencer: int) -> Scenario:
    """Return a small device whose only record has another sequencer than the factory's."""
    what, form = small(checked(design)), codec(design)
    place = what.device.board.records[0].address
    record = form.decode(what.flash.read(place, form.size))
    return replace(what, flash=what.flash.patched(place, form.encode(replace(record, sequencer=sequencer))))


def story(one: Cell) -> tuple[str, str, Cuts]:
    """Return the verdict, the end of the counterexample and its cuts: run, effect, tear, phase."""
    found = one.graph.counterexample
    cuts = [] if found is None else [(number, leg.step, leg.tear, leg.phase) for number, leg in found.cuts]
    return one.graph.verdict, "" if found is None else found.end, cuts

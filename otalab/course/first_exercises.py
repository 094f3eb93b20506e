"""The exercises of notebooks 00 to 05: flash, updates, records, proofs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isclose
from pathlib import Path
from typing import Any

from otalab.bench.observer import judge
from otalab.bench.trace import life, run, sector_of
from otalab.course.exercise import Exercise, a_lamp, entering, graph_of, problem_of
from otalab.course.variant import variant_here
from otalab.faults.models import fault_model
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design, ways
from otalab.hardware.effects import Erase, Program
from otalab.hardware.part import part

EXERCISES: dict[str, Exercise] = {}
exercise = entering(EXERCISES)


# 00 Start here


@exercise("00.1", "a number of effects")
def _changing(count: int) -> str | None:
    steps = run(a_lamp("hardened", variant_here(Path.cwd()).app_size)).steps
    if count == len(steps):
        return "those are all effects; a wait and a question change no flash"
    right = sum(isinstance(step.effect, Erase | Program) for step in steps)
    return None if count == right else "count the steps of `update` whose effect is an Erase or a Program"


@exercise("00.2", "a number of bytes from 1 to 79, such as 8")
def _survives(kept: int) -> str | None:
    if kept not in range(1, 80):
        return "a torn record keeps at least one of its 80 bytes, and not all of them"
    plain = a_lamp("mongoose")
    step = run(plain).during("switch")[1]
    assert isinstance(step.effect, Program)
    wreck = step.before.after(Program(step.effect.address, step.effect.data[:kept]))
    end = judge(plain, life(plain, wreck, step.world))
    return None if end.name == "updated" else f"{end.name}: {end.reason}; which field follows the sequencer?"


# 01 NOR flash


@exercise("01.1", "a function of two bytes, old and new, that says True or False")
def _reachable(says: Callable[[int, int], bool]) -> str | None:
    for old in range(256):
        for new in range(256):
            if bool(says(old, new)) != (old & new == new):
                truth = "can" if old & new == new else "cannot"
                return f"from {old:08b} a program {truth} make {new:08b}, and yours says otherwise"
    return None


@exercise("01.2", "a time in seconds")
def _window(seconds: float) -> str | None:
    flash = part(variant_here(Path.cwd()).part)
    if isclose(seconds, flash.erase_seconds() + flash.program_seconds(80), rel_tol=0.01):
        return None
    if isclose(seconds, flash.program_seconds(80), rel_tol=0.01):
        return "the old record is gone as soon as its erase begins, not when the program does"
    return "there is no record from the start of the erase to the end of the program; in seconds"


# 02 An update, step by step: both are given a player


@exercise("02.1", "a player of mongoose with one cut")
def _kills(player: Any) -> str | None:
    return _one_cut(player, "mongoose", "bricked", "which effect decides what the boot loader reads?")


@exercise("02.2", "a player of hardened with one cut")
def _loses(player: Any) -> str | None:
    return _one_cut(player, "hardened", "update-lost", "when does a single record say that the image was tried?")


def _one_cut(player: Any, design: str, end: str, question: str) -> str | None:
    if player.design != design or player.image != "healthy" or len(player.cuts) != 1:
        return f"wanted is one cut of {design}, with a healthy image"
    return None if player.end == end else f"it ends {player.end}; {question}"


# 03 Boot records: given a lab


@exercise("03.1", "the SequencerLab, with one byte of record 1 changed")
def _flipped(lab: Any) -> str | None:
    if lab.design != "mongoose":
        return "set the design of the lab to mongoose"
    whole = type(lab)(lab.design)
    pairs = ((lab.first, whole.first), (lab.second, whole.second))
    damaged = [sum(byte != meant for byte, meant in zip(*pair, strict=True)) for pair in pairs]
    if damaged not in ([0, 0], [0, 1]):
        return f"{sum(damaged)} bytes are not as they were written: press Reset, and type over one of record 1"
    if lab.selected == 1 and "starts slot 0" in lab.start:
        return None
    return f"record {lab.selected} counts, and {lab.start}; which byte of record 1 names the slot?"


@exercise("03.2", "the SequencerLab, with the later record written beyond zero")
def _wrapped(lab: Any) -> str | None:
    wrapped = type(lab)(lab.design)
    wrapped.wrapped()
    here, there = ([place[0]["value"] for place in records.fields] for records in (lab, wrapped))
    if here != there:
        return f"the sequencers are {here[0]} and {here[1]}, and not {there[0]} and {there[1]}: press Wrapped"
    return None if lab.selected == 0 else "the record that counts is the later one here"


@exercise("03.3", "the CommitTimerLab, with other times")
def _race(lab: Any) -> str | None:
    written = {bar["what"] for bar in lab.bars}
    if {"commit", "rollback"} <= written:
        return None
    first = "the commit was done before the timer was due" if "commit" in written else "no commit was begun"
    return f"{first}; the health check must end within 45 ms before the timer is due"


# 04 Pulling the plug


@exercise("04.1", "a set of the names of ends")
def _ends(names: set[str]) -> str | None:
    lamp = a_lamp("hardened")
    ends = set()
    for step in life(lamp).runs[1].steps:
        if isinstance(step.effect, Erase | Program):
            for tear in fault_model("atomic").tears(step.effect, step.before, lamp.device):
                wreck = tear.onto(step.before, sector_of(step.effect, step.before))
                ends.add(judge(lamp, life(lamp, wreck, step.world)).name)
    if missing := ends - set(names):
        return f"{len(missing)} more can be met: cut each erase and each program of the second run, not of the first"
    return None if set(names) == ends else "not all of these can be met"


@exercise("04.2", 'two words, such as ("more", "stuck")')
def _smaller(words: tuple[str, str]) -> str | None:
    two, single = (graph_of(name, "atomic") for name in ("hardened", "single-record"))
    size, end = (word.strip().lower() for word in words)
    if end not in set(single.ends) - set(two.ends):
        return f"{end!r} is not an end that only single-record has; what is left between its erase and its program?"
    right = "fewer" if single.nodes < two.nodes else "more"
    return None if size == right else "not that many nodes; what can still be cut once the loader has halted?"


# 05 Proof and counterexample


@exercise("05.1", "the name of a fault model, such as torn-program")
def _short_check(faults: str) -> str | None:
    short = replace(load_design("hardened"), name="hardened-crc16", guard="crc16")
    verdict = graph_of(short, faults).verdict
    if verdict == "open":
        return f"open under {faults}: nothing bad was found before the budget was spent, and that breaks nothing"
    return None if verdict == "unsafe" else f"safe under {faults}; what could leave a forged record that passes?"


@exercise("05.2", "a design")
def _repaired(design: Design) -> str | None:
    if problem := problem_of(design):
        return f"no page may say so: {problem}"
    for image in ("healthy", "hangs", "crashes"):
        graph = graph_of(design, "torn-program", image)
        if graph.verdict == "open":
            return f"open with an image that is {image!r}: the search did not come to its end, so nothing is shown"
        if graph.verdict != "safe":
            return f"{graph.verdict} with an image that is {image!r}; its ends are {', '.join(graph.ends)}"
    published = replace(load_design("mongoose"), name=design.name, summary=design.summary, guard=design.guard)
    changed = sum(getattr(design, choice) != getattr(published, choice) for choice in ways().values())
    return None if changed <= 2 else f"that is safe, with {changed} choices changed; two are enough"

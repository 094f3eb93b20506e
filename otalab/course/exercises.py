"""The exercises of the notebooks: what each one asks for, and how an answer is judged.

A judge returns nothing where the answer is right, or one line that helps.
It asks the firmware, the fault models or the explorer where it can, and knows no answer by heart that it can compute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isclose
from typing import Any

from otalab.bench.inspection import inspect_records
from otalab.bench.observer import judge
from otalab.bench.scenario import Scenario
from otalab.bench.setup import set_up
from otalab.bench.trace import life, run, sector_of
from otalab.faults.models import fault_model
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.design import Design, ways
from otalab.formats.records.cc3200 import Cc3200Codec
from otalab.formats.records.record import FIRST_SEQUENCER, BootConfig, Record, counted
from otalab.graph.check import check_design
from otalab.graph.crash_graph import CrashGraph
from otalab.hardware.effects import Erase, Program
from otalab.hardware.part import part

Grader = Callable[[Any], str | None]
BUDGET = 60


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise: its number, what an answer is, and who judges it."""

    number: str
    wanted: str
    judge: Grader


EXERCISES: dict[str, Exercise] = {}


def exercise(number: str, wanted: str) -> Callable[[Grader], Grader]:
    """Enter a judge into the table: the number is that of the notebook, a dot, and a count from 1."""

    def enter(judged_by: Grader) -> Grader:
        EXERCISES[number] = Exercise(number, wanted, judged_by)
        return judged_by

    return enter


def _lamp(design: str) -> Scenario:
    """Return the small device that the notebooks play with."""
    return set_up(design, "tiny", app_size=3000)


def _graph(design: str | Design, faults: str, image: str = "healthy") -> CrashGraph:
    return check_design(design, faults, image, "tiny", budget=BUDGET, app_size=3000).graph


# 00 Start here


@exercise("00.1", "a number of effects")
def _changing(count: int) -> str | None:
    steps = run(_lamp("hardened")).steps
    if count == len(steps):
        return "those are all effects; a wait and a question change no flash"
    right = sum(isinstance(step.effect, Erase | Program) for step in steps)
    return None if count == right else "count the steps of `update` whose effect is an Erase or a Program"


@exercise("00.2", "a number of bytes from 1 to 79, such as 8")
def _survives(kept: int) -> str | None:
    if kept not in range(1, 80):
        return "a torn record keeps at least one of its 80 bytes, and not all of them"
    plain = _lamp("mongoose")
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
    flash = part("W25Q16JV")
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
    if lab.selected == 1 and "starts slot 0" in lab.start:
        return None
    return f"record {lab.selected} counts, and {lab.start}; which byte of record 1 names the slot?"


@exercise("03.2", "the SequencerLab, with the later record written beyond zero")
def _wrapped(lab: Any) -> str | None:
    sequencers = [place[0]["value"] for place in lab.fields]
    if sequencers[1] != counted(FIRST_SEQUENCER):
        return f"record 1 has the sequencer {sequencers[1]}, not one from beyond zero: press Wrapped"
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
    lamp = _lamp("hardened")
    found = set()
    for step in life(lamp).runs[1].steps:
        if isinstance(step.effect, Erase | Program):
            for tear in fault_model("atomic").tears(step.effect, step.before, lamp.device):
                wreck = tear.onto(step.before, sector_of(step.effect, step.before))
                found.add(judge(lamp, life(lamp, wreck, step.world)).name)
    if missing := found - set(names):
        return f"{len(missing)} more can be met: cut each erase and each program of the second run, not of the first"
    return None if set(names) == found else "not all of these can be met"


@exercise("04.2", 'two words, such as ("more", "stuck")')
def _smaller(words: tuple[str, str]) -> str | None:
    two, one = (_graph(name, "atomic") for name in ("hardened", "single-record"))
    size, end = words
    if end not in set(one.ends) - set(two.ends):
        return f"{end!r} is not an end that only single-record has; what is left between its erase and its program?"
    right = "fewer" if one.nodes < two.nodes else "more"
    return None if size == right else "not that many nodes; what can still be cut once the loader has halted?"


# 05 Proof and counterexample


@exercise("05.1", "the name of a fault model, such as torn-program")
def _short_check(faults: str) -> str | None:
    short = replace(load_design("hardened"), name="hardened-crc16", guard="crc16")
    verdict = _graph(short, faults).verdict
    if verdict == "open":
        return f"open under {faults}: nothing bad was found before the budget was spent, and that breaks nothing"
    return None if verdict == "unsafe" else f"safe under {faults}; what could leave a forged record that passes?"


@exercise("05.2", "a design")
def _repaired(design: Design) -> str | None:
    for image in ("healthy", "hangs", "crashes"):
        graph = _graph(design, "torn-program", image)
        if graph.verdict != "safe":
            return f"{graph.verdict} with an image that is {image!r}; its ends are {', '.join(graph.ends)}"
    published = replace(load_design("mongoose"), name=design.name, summary=design.summary, guard=design.guard)
    changed = sum(getattr(design, choice) != getattr(published, choice) for choice in ways().values())
    return None if changed <= 2 else f"that is safe, with {changed} choices changed; two are enough"


# 06 Power-loss campaigns


@exercise("06.1", "a number of lamps")
def _enough(lamps: int) -> str | None:
    if lamps < 1 or 1 - 0.05 ** (1 / lamps) >= 1e-6:
        return "with that many the bound is one in a million or more; think of three over the probability"
    return None if lamps <= 3_100_000 else "that is enough, and fewer would do"


@exercise("06.2", "a study of single-record with other flip points")
def _harmless(study: Any) -> str | None:
    if study.design.name != "single-record" or study.faults != "atomic":
        return "wanted is single-record under atomic, with other flip points"
    risk = study.weighed.ends["bricked"]
    return None if risk == 0 else f"a risk of {risk:.1e} is left; when is the old record gone, and the new one there?"


# 07 Fleet risk


@exercise("07.1", "a study with a changed design")
def _fewer_writes(study: Any) -> str | None:
    if study.design.records != 1:
        return "two records are another design; keep the one, and have it written less often"
    before = replace(study, design=load_design("single-record")).weighed.ends["bricked"]
    share = study.weighed.ends["bricked"] / before
    return None if share < 0.99 else "the risk is what it was; which choice of the design has a try noted?"


@exercise("07.2", "the table of a rollout in two stages")
def _first_stage(table: Any) -> str | None:
    first, high = table.offered.iloc[0], table.high.iloc[0]
    if table.stopped.any():
        return f"stopped: after {first:,} lamps without a loss the bound is still {high:.1e}"
    return None if first <= 40_000 else "it gets past, and a smaller first stage would as well"


@exercise("07.3", "a factor, such as 2")
def _sooner(factor: float) -> str | None:
    if factor < 1:
        return "sooner, not later: what does a round of a hanging image wait for?"
    # 39.7 days against 5.6; the folded answer computes them.
    return None if isclose(factor, 7.1, rel_tol=0.15) else "how long is a round without the minute of the timer?"


# 08 A live device


@exercise("08.1", 'a phase, or "none"')
def _kept_by_a_kill(phase: str) -> str | None:
    if phase == "none":
        return None
    return f"a kill at the begin of {phase!r} comes before the write that decides; which write is that, and is it done?"


@exercise("08.2", "what the lamp says")
def _changed_after_signing(said: str) -> str | None:
    return None if "Invalid CRC" in said else f"it said {said!r}; change the byte in `changed` and post that"


@exercise("08.3", "the list of events")
def _both_sticks(events: list[str]) -> str | None:
    went_in = events.count("Committed")
    return None if went_in == 2 else f"{went_in} went in; the second came while the first was on trial"


# 09 Real devices


@exercise("09.1", "the number of a record, 0 or 1")
def _equal_records(number: int) -> str | None:
    pair = [record.encode(Record(2**64 - 9, BootConfig(slot, True))) for slot, record in enumerate([Cc3200Codec()] * 2)]
    found = inspect_records([("cfg.0", pair[0]), ("cfg.1", pair[1])], "cc3200")
    return (
        None if number == found.selected else "the test in the loader is `<`, in favour of the first; what of equals?"
    )


@exercise("09.2", "a design")
def _cc3200_on_bare_flash(design: Design) -> str | None:
    if design.store != "bare":
        return "that is another store; on bare flash it is the record that must tell"
    graph = _graph(design, "torn-program")
    if graph.verdict != "safe":
        return f"{graph.verdict}; its ends are {', '.join(graph.ends)}"
    base = load_design("cc3200")
    changed = sum(getattr(design, choice) != getattr(base, choice) for choice in ways().values())
    return None if changed <= 4 else f"that is safe, with {changed} choices changed; four are enough"


# 10 A design review


def _verdicts(design: Design, faults: str) -> dict[str, str]:
    return {image: _graph(design, faults, image).verdict for image in ("healthy", "hangs", "crashes", "flaky")}


@exercise("10.1", "a design")
def _mended(design: Design) -> str | None:
    page = replace(load_design("single-record"), write="once", image_check="none", trial="timer")
    changed = [choice for choice in ways().values() if getattr(design, choice) != getattr(page, choice)]
    if "records" not in changed:
        return "with one record there is a moment without any; begin with records=2"
    if len(changed) > 3:
        return f"that is {len(changed)} changes; three are allowed, and two are enough"
    broken = [image for image, verdict in _verdicts(design, "all").items() if verdict != "safe"]
    return f"not safe with an image that is {broken[0]!r}; what ends its trial?" if broken else None


@exercise("10.2", "a design of your own")
def _own(design: Design) -> str | None:
    if design.name in designs():
        return f"{design.name} is in the catalogue; give yours a name of its own, and a choice that you made yourself"
    return None

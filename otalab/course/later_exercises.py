"""The exercises of notebooks 06 to 12: campaigns, fleets, devices, a review, code, loaders."""

from __future__ import annotations

from dataclasses import replace
from math import isclose
from pathlib import Path
from typing import Any

from otalab.bench.cost import cost
from otalab.bench.inspection import inspect_records
from otalab.bench.trace import life
from otalab.course.exercise import BUDGET, Exercise, entering, graph_of, problem_of
from otalab.course.variant import variant_here
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.design import Design, ways
from otalab.firmware.outcome import Running
from otalab.formats.records.cc3200 import Cc3200Codec
from otalab.formats.records.record import BootConfig, Record
from otalab.graph.check import Cell, check_design
from otalab.hardware.effects import PHASES
from otalab.own.code import CodeFirmware
from otalab.text import number_of, seconds

EXERCISES: dict[str, Exercise] = {}
exercise = entering(EXERCISES)


# 06 Power-loss campaigns


@exercise("06.1", "a number of lamps")
def _enough(lamps: int) -> str | None:
    one_in = variant_here(Path.cwd()).one_in
    if lamps < 1 or 1 - 0.05 ** (1 / lamps) >= 1 / one_in:
        return f"with that many the bound is one in {one_in:,} or more; think of three over the probability"
    return None if lamps <= 3.1 * one_in else "that is enough, and fewer would do"


@exercise("06.2", "a study of single-record with other flip points")
def _harmless(study: Any) -> str | None:
    if study.design.name != "single-record" or study.faults != "atomic":
        return "wanted is single-record under atomic, with other flip points"
    if not all(study.rates.per_second(phase) for phase in PHASES):
        return "where no power fails there is no risk in any design; leave the rate as it is"
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
    if high > 1e-4:
        return f"it went on with a bound of {high:.1e}: another rule let it; wanted is 1e-4 by the upper end, by='high'"
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
    inspection = inspect_records([("cfg.0", pair[0]), ("cfg.1", pair[1])], "cc3200")
    return (
        None
        if number == inspection.selected
        else "the test in the loader is `<`, in favour of the first; what of equals?"
    )


@exercise("09.2", "a design")
def _cc3200_on_bare_flash(design: Design) -> str | None:
    if problem := problem_of(design):
        return f"no page may say so: {problem}"
    if design.store != "bare":
        return "that is another store; on bare flash it is the record that must tell"
    graph = graph_of(design, "torn-program")
    if graph.verdict == "open":
        return "the search did not come to its end, so nothing is shown: fewer choices may make the graph smaller"
    if graph.verdict != "safe":
        return f"{graph.verdict}; its ends are {', '.join(graph.ends)}"
    base = load_design("cc3200")
    changed = sum(getattr(design, choice) != getattr(base, choice) for choice in ways().values())
    return None if changed <= 4 else f"that is safe, with {changed} choices changed; four are enough"


# 10 A design review


def _verdicts(design: Design, faults: str) -> dict[str, str]:
    return {image: graph_of(design, faults, image).verdict for image in ("healthy", "hangs", "crashes", "flaky")}


@exercise("10.1", "a design")
def _mended(design: Design) -> str | None:
    if problem := problem_of(design):
        return f"no page may say so: {problem}"
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
    if problem := problem_of(design):
        return f"no page may say so: {problem}"
    if design.name in designs():
        return f"{design.name} is in the catalogue; give yours a name of its own, and a choice that you made yourself"
    for name in designs():
        other = load_design(name)
        if all(getattr(design, choice) == getattr(other, choice) for choice in ways().values()):
            return f"every choice of it is that of {name}, under another name; change one"
    return None


# 11 Your own code


@exercise("11.1", "a firmware, as the cell made it")
def _copied(code: CodeFirmware) -> str | None:
    if code.design is not None:
        return "wanted is the copier, mended"
    cell = check_design(code, "torn-program", board="tiny", budget=BUDGET)
    started = life(cell.scenario).last.outcome
    if not isinstance(started, Running) or (started.slot, started.version) != (0, cell.scenario.new.version):
        return "the new image is to run from slot 0, where the copier puts it"
    if (bad := cell.graph.counterexample) is None:
        return (
            None
            if cell.graph.closed
            else (
                "the search did not come to its end, so nothing is shown: what tells the next power-on to copy again?"
            )
        )
    cuts = number_of(len(bad.cuts), "cut")
    return f"{bad.end} with {cuts}: what does the next power-on know of the copy that was not finished?"


@exercise("11.2", "a cell, as check_design makes it")
def _no_cut(cell: Cell) -> str | None:
    if cell.scenario.device.firmware.design is not None:
        return "that is a design; wanted is your code"
    bad = cell.graph.counterexample
    if bad is None:
        return "it ends well there; what else can an image do than be healthy?"
    return f"that takes {number_of(len(bad.cuts), 'cut')}, and none is needed" if bad.cuts else None


# 12 Which loader?


SIX = ("mongoose", "hardened", "esp8266", "esp-idf", "ab-tries", "mcuboot-overwrite")
MOST_DOWN = 2.0


@exercise("12.1", "a cell, as check_design makes it")
def _noted_first(cell: Cell) -> str | None:
    design = cell.scenario.device.firmware.design
    if design is None or design.runs_from != "copied":
        return "wanted is the loader that copies"
    if design.noted != "first":
        return "that one erases its trailer when the copy is done; `early` does it before"
    bad = cell.graph.counterexample
    if bad is None or len(bad.cuts) != 1:
        return f"it ends badly without a cut there: {bad.reason}" if bad and not bad.cuts else "no single cut harms it"
    return None


@exercise("12.2", "a list of names")
def _may_have(names: list[str]) -> str | None:
    if strange := set(names) - {*SIX}:
        return f"{min(strange)} is none of the six"
    against = {name: _against(name) for name in SIX}
    if wrong := next((reason for name in names if (reason := against[name])), ""):
        return wrong
    return None if {name for name in SIX if not against[name]} == {*names} else "each of these may; there is another"


def _against(name: str) -> str:
    if (down := cost(name).down) > MOST_DOWN:
        return f"with {name} the pump is down for {seconds(down)}"
    verdict = graph_of(name, "all", "healthy").verdict
    return "" if verdict == "safe" else f"a cut may cost the pump with {name}: `all` is {verdict}"

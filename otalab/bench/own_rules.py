"""What a function of one's own may not do: raise exceptions, do otherwise in an equal run, read past the chip's notes.

A search merges by what a run was seen to read, and a power cut takes what RAM held; of a function that does not keep to
that nothing can be proved, and it is told by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from otalab.bench.scenario import Scenario, World
from otalab.bench.trace import Run, run
from otalab.errors import PartFault
from otalab.firmware.design import OWN, Design
from otalab.firmware.own_part import PARTS
from otalab.hardware.flash import Flash


def own_functions(design: Design | None) -> dict[str, Callable[..., Any]]:
    """Return the functions of one's own that a design has, by what they are called: choice and name."""
    if design is None:
        return {}
    own = [(choice, getattr(design, choice)) for choice in OWN if getattr(design, choice) in OWN[choice]]
    return {f"{choice} = {name!r}": PARTS[choice][0][name] for choice, name in own}


def part_fault(scenario: Scenario, error: BaseException) -> PartFault | None:
    """Return an exception that a function of one's own raised, with its name; `None` of any other."""
    for name, function in own_functions(scenario.device.firmware.design).items():
        line = _line_in(function, error.__traceback__)
        if line:
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return PartFault(f"{name}: the function raises {said} (line {line}); firmware has nobody to catch it")
    return None


def require_rules(scenario: Scenario, flash: Flash, world: World, taken: Run) -> None:
    """Refuse a function of one's own by which this run goes another way than an equal one."""
    own = own_functions(scenario.device.firmware.design)
    if not own:
        return
    names, draws = ", ".join(own), [draw.taken for draw in taken.draws]
    if not _same(taken, run(scenario, flash, world, draws)):
        raise PartFault(
            f"{names}: two equal runs differ: the function keeps something from one power-on to the next, or looks at "
            "the clock or at chance, and nothing can be proved of that"
        )
    if not _same(taken, run(scenario, _others_turned(flash, taken), world, draws)):
        raise PartFault(
            f"{names}: the function reads flash past the chip's notes, and nothing can be proved of that: "
            "read by chip.read, chip.read_region or chip.read_record"
        )


def _same(former: Run, other: Run) -> bool:
    return (former.outcome, former.path, _done(former)) == (other.outcome, other.path, _done(other))


def _done(taken: Run) -> list[tuple[object, str]]:
    return [(step.effect, step.phase) for step in taken.steps]


def _others_turned(flash: Flash, taken: Run) -> Flash:
    """Return contents with every bit turned in the sectors that this run did not look at."""
    looked = set(taken.footprint)
    for sector, contents in enumerate(flash.sectors):
        if sector not in looked:
            start = flash.geometry.start_of(sector)
            flash = flash.patched(start, bytes(byte ^ 0xFF for byte in contents))
    return flash


def _line_in(function: Callable[..., Any], frames: TracebackType | None) -> int:
    """Return the line of a function at which an exception passed through it; 0 if it did not."""
    code = getattr(function, "__code__", None)
    while frames is not None:
        if frames.tb_frame.f_code is code:
            return frames.tb_lineno
        frames = frames.tb_next
    return 0

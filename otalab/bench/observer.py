"""Observers: they judge what the firmware did, and never ask it.

They know every image and every file that was ever offered, and may look at all of the flash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from otalab.bench.ends import BAD, End
from otalab.bench.scenario import Scenario
from otalab.bench.trace import Life, Run, life
from otalab.firmware.merge import directory_sectors
from otalab.firmware.outcome import Bricked, Hung, Reset, Running
from otalab.formats.filesystems.kinds import read_files
from otalab.hardware.chip import Look, Stretch
from otalab.hardware.effects import Program
from otalab.hardware.flash import Flash

# Who hears of what is looked at: stretches, and whole sectors.
LookWitness = Callable[[Iterable[Stretch], Iterable[int]], None]
# Whether the files that an update brings are to be found on the device, by where a board has its data.
BRINGS = {"each": True, "kept": False, "overwritten": True, "none": False}


def judge(scenario: Scenario, lived: Life) -> End:
    """Return how a life ended: its last run's end, or `stuck` where that is one more reset."""
    end = end_of(scenario, lived.last)
    if end is None:
        assert isinstance(lived.last.outcome, Reset)
        return End("stuck", f"it reboots for ever: {lived.last.outcome.reason}")
    return end


def end_of(scenario: Scenario, run: Run) -> End | None:
    """Return how a run ended, or `None` if it ended in a reset: then it is not over."""
    match run.outcome:
        case Bricked(reason):
            return End("bricked", reason)
        case Hung(slot, version):
            return End(
                "not-updatable",
                f"version {version} in {scenario.device.board.slot_name(slot)} hangs, and nothing will end that",
            )
        case Running(slot, version, committed):
            if not committed:
                # Before its files are looked at: what a trial lacks lies in the slot that it came from.
                return End("not-updatable", f"version {version} runs, is not committed, and nothing will change that")
            damage = damaged_files(scenario, run.flash, slot, version)
            if damage:
                return End("data-lost", damage)
            return _of_running(scenario, run, slot, version)
    return None


def judge_run(scenario: Scenario, run: Run) -> tuple[End | None, list[Look]]:
    """Return the end of a run, the probe included, and the looks that were taken to tell it: see `Observer`."""
    return Observer(scenario).judge_run(run)


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What became of one more good image: why it was not taken, empty if it was, and what was looked at."""

    refused: str
    looks: tuple[Look, ...]


class Observer:
    """Judges the runs of one scenario; whatever is looked at for that, `looked` hears of.

    Thousands of wrecks end in a handful of contents: what a device with the same ones did with the probe it remembers.
    """

    # Of so many contents at most, as a campaign may meet any number of them.
    KEPT = 4096

    def __init__(self, scenario: Scenario, looked: LookWitness = lambda _stretches, _sectors: None) -> None:
        self.scenario, self._looked = scenario, looked
        self._probed: dict[Flash, ProbeAnswer] = {}

    def judge_run(self, run: Run) -> tuple[End | None, list[Look]]:
        """Return the end of a run, the probe included, and the looks that were taken to tell it.

        The probe offers one more good image, on steady power; a device that does not take it is `not-updatable`.
        Sectors that the run had erased, or had read itself, are left out: they tell nothing more of what it began with.
        """
        end = end_of(self.scenario, run)
        if not isinstance(run.outcome, Running):
            return end, []
        reads: list[Look] = []
        if self.scenario.files:
            board = self.scenario.device.board
            files, directories = board.sectors_of(board.slots[run.outcome.slot].fs), directory_sectors(board)
            reads += (Look(sector, raw=sector not in directories) for sector in files)
            self._looked((), files)
        if end and end.name not in BAD and self.scenario.goes_on(run.world, run.outcome.version):
            # In another run from here it is offered the next update: that one is the probe.
            return end, self._untold(run, reads)
        probed = self._probe(run.flash)
        if end and end.name not in BAD and probed.refused:
            end = End("not-updatable", f"one more good image does not go in: {probed.refused}")
        return end, self._untold(run, (*reads, *probed.looks))

    def _untold(self, run: Run, reads: Iterable[Look]) -> list[Look]:
        # Who has seen the bytes has seen what a codec makes of them.
        known = {*run.looks, *(Look(look.sector, raw=False) for look in run.looks)}
        return [look for look in dict.fromkeys(reads) if look.sector not in run.killed and look not in known]

    def _probe(self, flash: Flash) -> ProbeAnswer:
        known = self._probed.get(flash)
        if known is None:
            if len(self._probed) >= self.KEPT:
                self._probed.clear()
            known = self._probed[flash] = probe(self.scenario, flash, self._looked)
        return known


def probe(scenario: Scenario, flash: Flash, looked: LookWitness = lambda _stretches, _sectors: None) -> ProbeAnswer:
    """Offer one more good image to a device with these contents, on steady power."""
    lived = life(scenario.probing(), flash)
    looks: list[Look] = []
    erased: set[int] = set()
    for run in lived.runs:
        looks += (look for look in run.looks if look.sector not in erased)
        erased |= run.killed
        looked(run.stretches, run.wholly)
    taken = isinstance(lived.last.outcome, Running) and lived.last.outcome.version == scenario.probe.version
    return ProbeAnswer("" if taken else _why(lived), tuple(dict.fromkeys(looks)))


def _why(probe: Life) -> str:
    """Return the last thing that a device said of an update that it did not take."""
    reasons = [line for line in probe.log if line.startswith(("Update aborted", "Rolling back"))]
    return reasons[-1] if reasons else probe.last.outcome.text


def _of_running(scenario: Scenario, last: Run, slot: int, version: str) -> End:
    name, new = scenario.device.board.slot_name(slot), scenario.asked_of(last.world)
    if version == new.version:
        if new.works:
            return End("updated", f"version {version} runs from {name} and is committed")
        return End("not-updatable", f"version {version} was committed though it {new.temper}")
    no_good = not new.works or last.world.failed
    if last.world.refused and no_good:
        return End("rolled-back", f"version {version} runs from {name} again: the new one was no good")
    if last.world.refused:
        return End("update-lost", f"version {version} runs from {name} again: a good update was rolled back")
    return End("update-lost", f"version {version} runs from {name}, the update was not taken")


def damaged_files(scenario: Scenario, flash: Flash, slot: int, version: str) -> str:
    """Return a sentence about the first file that is missing or damaged in a slot; empty if none is."""
    if not scenario.files:
        return ""
    region = scenario.device.board.slots[slot].fs
    kind = scenario.device.board.file_system
    files = read_files(flash.read(region.address, region.size), scenario.device.board.block_of(region), kind)
    expected = dict(scenario.files)
    for update in scenario.updates:
        if version == update.image.version and BRINGS[scenario.device.board.data]:
            expected |= dict(update.brought)
    if files is None:
        return f"the file system of slot {slot} is damaged"
    for name, contents in expected.items():
        if files.get(name) != contents:
            return f"{name} in slot {slot} is {'damaged' if name in files else 'missing'}"
    return ""


def overwritten(run: Run) -> Iterator[tuple[int, int]]:
    """Yield (step, address) of every program over bits that were not erased; physics allows it, few parts' books do.

    A bit that is programmed to what it already holds does not count.
    """
    for step in run.steps:
        if isinstance(step.effect, Program):
            old = step.before.read(step.effect.address, len(step.effect.data))
            for offset, (was, wanted) in enumerate(zip(old, step.effect.data, strict=True)):
                if was & wanted != wanted:
                    yield step.number, step.effect.address + offset
                    break

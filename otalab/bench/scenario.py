"""Scenarios: one device, the updates on offer, and a world that answers the firmware's questions.

The *world* is the little that outlives a power cut outside the flash: is the update still on offer, was it refused?
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from otalab.firmware.device import Device
from otalab.firmware.image import Image
from otalab.firmware.requests import LATE, OFFERS, REFUSED, Offer, Options, Report, Status
from otalab.formats.bundle.reader import ManifestRead
from otalab.hardware.effects import Ask, Effect, Erase, Program, Wait
from otalab.hardware.flash import Flash
from otalab.hardware.part import FlashPart, Timing
from otalab.summary import Summary

PIECE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class World:
    """What the world remembers.

    `given`: the update was handed out, in this run or (policy `once`) ever.
    `refused`: a device rolled it back, so it is withdrawn.
    `failed`: the image was seen to fail its health check.
    `past`: which of several updates is on offer, by its number; what comes before it is said of that one.
    """

    given: bool = False
    refused: bool = False
    failed: bool = False
    past: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that the world may give, how likely it is, how long it takes, and what the world is then."""

    answer: Any
    world: World
    seconds: float = 0.0
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Update:
    """A bundle, the image that it brings, and the files of that."""

    bundle: bytes
    image: Image
    brought: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Scenario(Summary):
    """Everything that decides what an update does, but the power; sizes in bytes, times in seconds.

    `earlier`: updates that are offered before `new`, each once the one before it runs, or was rolled back.
    `generations`: for life, all that may be offered, `new` the first of them; when an update is over, the world may
    offer one of the generation after the one that runs, round and round, or no more.
    `boundary`: the sequencer at whose passing the device was set up, where it was.
    `sig_mask`: which signatures verify of any bundle on offer; `keys.verified` says it of a real one.
    """

    device: Device
    part: FlashPart
    timing: Timing
    flash: Flash
    old: Image
    new: Image
    bundle: bytes
    probe: Image
    probe_bundle: bytes
    files: tuple[tuple[str, bytes], ...] = ()
    brought: tuple[tuple[str, bytes], ...] = ()
    offers: str = "until-taken"
    bytes_per_second: float = 100_000.0
    commit_timeout: int = 60
    operator_commits_after: float | None = None
    sig_mask: int = 0
    earlier: tuple[Update, ...] = ()
    generations: tuple[tuple[Update, ...], ...] = ()
    boundary: int | None = None

    @property
    def updates(self) -> tuple[Update, ...]:
        """Every update in the order in which they are offered; the scenario is about the last one, or for life all."""
        return tuple(chain(*self.generations)) or (*self.earlier, Update(self.bundle, self.new, self.brought))

    def offered(self, world: World) -> Update:
        """Return the update that is on offer."""
        return self.updates[world.past]

    def asked_of(self, world: World) -> Image:
        """Return the image that an end is about: for life the one on offer, else the last of all."""
        return self.offered(world).image if self.generations else self.new

    def goes_on(self, world: World, version: str) -> bool:
        """Say whether a device that runs this version may be offered one more update, by itself."""
        over = version == self.offered(world).image.version or REFUSED[self.offers](world.refused)
        return bool(self.generations) and over

    def facts(self) -> Iterator[tuple[str, object]]:
        """Yield the firmware, the board and its chip, and the update."""
        board, part = self.device.board, self.part_names
        yield "design", self.device.firmware.name
        yield "board", f"{board.name}, {part} ({self.timing})"
        yield "update", f"{self.old.version} to {self.new.version}, {self.new.temper}, {len(self.bundle)} bytes"
        yield "offer", self.offers

    @property
    def part_names(self) -> str:
        """The names of the parts that its times are those of."""
        return self.device.board.part_names if self.device.board.parts else self.part.name

    def probing(self) -> Scenario:
        """Return the scenario in which a device, wherever it has come to, is offered one more good image."""
        return replace(self, new=self.probe, bundle=self.probe_bundle, offers="until-taken", earlier=(), generations=())

    def power_on(self, world: World) -> World:
        """Return what the world is when the device is switched on again."""
        given = OFFERS[self.offers](world.given)
        return world if given == world.given else replace(world, given=given)

    def seconds(self, effect: Effect) -> float:
        """Return how long an effect takes that does not wait for an answer."""
        match effect:
            case Erase():
                return self.device.board.part_under(effect, self.part).erase_seconds(self.timing)
            case Program(_, data):
                return self.device.board.part_under(effect, self.part).program_seconds(len(data), self.timing)
            case Wait(_, seconds):
                return seconds
        return 0.0

    def choices(self, world: World, ask: Ask, now: float) -> tuple[Choice, ...]:
        """Return every answer that the world may give, the undisturbed one first."""
        answer: Any = None
        match ask.question, ask.detail:
            case "request", Status() as status:
                return self._requests(world, status, ask.deadline, now)
            case "piece", int(position):
                piece = self.offered(world).bundle[position : position + PIECE_SIZE]
                return (Choice(piece, world, len(piece) / self.bytes_per_second),)
            case "signed", ManifestRead():
                answer = self.sig_mask
            case "options", _:
                answer = Options(self.commit_timeout)
            case "healthy", str(version):
                image = self.offered(world).image
                failure = image.failure if version == image.version else 0.0
                passed = Choice(True, world, probability=1 - failure)
                failed = Choice(False, replace(world, failed=True), probability=failure)
                return tuple(choice for choice in (passed, failed) if choice.probability > 0)
            case "refuse", _:
                world = replace(world, refused=True)
            case "report", Report():
                pass
            case _:
                raise AssertionError(f"the world was asked {ask}")
        return (Choice(answer, world),)

    def _requests(self, world: World, status: Status, deadline: float | None, now: float) -> tuple[Choice, ...]:
        present = self._request(world, status, deadline, now)
        if not (self.generations and status.committed and self._over(world, status)):
            return (present,)
        # Whether any more will come nobody knows: how probable each is says nothing, and no probability is asked for.
        following = [Choice(Offer(), World(given=True, past=number)) for number in self._next(status)]
        return tuple(replace(choice, probability=1 / (len(following) + 1)) for choice in (present, *following))

    def _next(self, status: Status) -> range:
        """Return the numbers of the generation after the one that runs; before all of them is what was shipped."""
        size = len(self.generations[0])
        runs = next((n for n, update in enumerate(self.updates) if update.image.version == status.version), -size)
        first = (runs // size + 1) % len(self.generations) * size
        return range(first, first + size)

    def _over(self, world: World, status: Status) -> bool:
        image = self.offered(world).image
        newest = (status.version, status.build_id) == (image.version, image.build_id)
        return newest or REFUSED[self.offers](world.refused)

    def _request(self, world: World, status: Status, deadline: float | None, now: float) -> Choice:
        if not status.committed:
            return self._operator(world, deadline, now)
        over = self._over(world, status)
        if over and world.past < len(self.earlier):
            return self._request(World(past=world.past + 1), status, deadline, now)
        if over or world.given:
            return Choice(None, world)
        return Choice(Offer(), replace(world, given=True))

    def _operator(self, world: World, deadline: float | None, now: float) -> Choice:
        """Answer a device that waits for someone to commit it by hand."""
        after = self.operator_commits_after
        if after is None:
            return Choice(None, world)
        if deadline is not None and after > deadline:
            return Choice(LATE, world, deadline - now)
        return Choice("commit", world, max(0.0, after - now))

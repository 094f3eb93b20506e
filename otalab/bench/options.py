"""The options of a scenario: what `trace`, `check`, `risk`, `campaign`, `repair`, `report` and the player share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self, get_args

from otalab.bench.counters import BOUNDARIES
from otalab.errors import BadInput, unknown
from otalab.firmware.requests import OFFERS
from otalab.hardware.board import Board
from otalab.hardware.part import Timing
from otalab.text import meant

# What an update needs in runs, a life of so many has (`trace.RUNS`).
MOST_UPDATES = 20
FOREVER = "forever"


@dataclass(frozen=True, kw_only=True)
class ScenarioOptions:
    """What may be otherwise in a scenario, but the design and the image; sizes in bytes, times in seconds.

    What is left out is as the design has it: its partition table, or the board `lab-1M`; how long the update stands;
    who commits, and in how long.
    `bundle` is the update on offer, one for the board if not given; `part` the name of another flash part, `timing` its
    typical or its maximal times; `offer` how long the update stands;
    `used`: the device has taken one update before this one, so slots and records have turned their roles;
    `updates`: how many updates are offered, one after the other; `bundle` and the image's temper are those of the last;
    `"forever"`: after each end another one, good or of that temper;
    `sequencer_near`: the newest boot record's sequencer is about to pass this boundary, one of `counters.BOUNDARIES`;
    `app_size` how large the two applications are (they fill their slot if not given);
    `files` the user files that the device was shipped with; `health_seconds` how long the new image tests itself;
    `commit_timeout` the commit interval that the update asks for; `operator_commits_after` how long after power-on
    someone commits by hand (the image commits itself if not given).
    """

    board: str | Board | None = None
    bundle: bytes | None = field(default=None, repr=False)
    part: str | None = None
    timing: Timing = "typ"
    offer: str | None = None
    used: bool = False
    updates: int | str = 1
    sequencer_near: str | None = None
    app_size: int | None = None
    files: Mapping[str, bytes] | None = field(default=None, repr=False, hash=False)
    health_seconds: float | None = None
    commit_timeout: int | None = None
    operator_commits_after: float | None = None

    def __post_init__(self) -> None:
        if self.timing not in get_args(Timing):
            raise unknown("timing", self.timing, get_args(Timing))
        if self.offer is not None and self.offer not in OFFERS:
            raise unknown("offer", self.offer, OFFERS)
        for name in ("app_size", "commit_timeout"):
            a_count(name, getattr(self, name))
        for name in ("health_seconds", "operator_commits_after"):
            a_time(name, getattr(self, name))
        self._refuse_other_types()

    def _refuse_other_types(self) -> None:
        files: object = {} if self.files is None else self.files
        if not isinstance(self.bundle, bytes | None):
            raise BadInput("bundle: the bytes of one are needed, as otalab.files.read_bytes returns them")
        if not isinstance(files, Mapping) or not all(map(_is_file, files.items())):
            raise BadInput("files: names with the bytes of each are needed, such as {'conf9.json': b'{}'}")
        if not isinstance(self.used, bool):
            raise BadInput(f"used {self.used!r}: True or False is needed")
        if self.updates != FOREVER and not (type(self.updates) is int and 1 <= self.updates <= MOST_UPDATES):
            raise BadInput(f"updates {self.updates!r}: a whole number from 1 to {MOST_UPDATES}, or forever, is needed")
        if self.sequencer_near is not None and self.sequencer_near not in BOUNDARIES:
            raise unknown("boundary of a sequencer", self.sequencer_near, BOUNDARIES)

    def require_an_end(self, what: str) -> None:
        """Refuse updates for ever where only what has an end has an answer."""
        if self.updates == FOREVER:
            raise BadInput(f"updates forever: {what}: give a number of updates, or ask otalab check for life")

    def options(self) -> dict[str, Any]:
        """Return these alone, as keywords."""
        return {option.name: getattr(self, option.name) for option in fields(ScenarioOptions)}

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return what keywords say; one that is none of these is `BadInput`."""
        known = [option.name for option in fields(cls)]
        for name in options:
            if name not in known:
                raise BadInput(f"{name}: no option of a scenario; it has {', '.join(known)}{meant(name, known)}")
        return cls(**options)


def _is_file(named: tuple[object, object]) -> bool:
    return isinstance(named[0], str) and isinstance(named[1], bytes)


def a_count(name: str, value: object) -> None:
    """Refuse what is no whole number of 32 bits, where something is given."""
    if value is not None and not (type(value) is int and 0 <= value < 2**32):
        raise BadInput(f"{name} {value}: a whole number from 0 to 2**32 - 1 is needed")


def a_time(name: str, value: object) -> None:
    """Refuse what is no time, where something is given; one may be without end."""
    # "not >=" so that NaN is refused too.
    if value is not None and not (isinstance(value, int | float) and value >= 0):
        raise BadInput(f"{name} {value}: a number of 0 or more is needed")

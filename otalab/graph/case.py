"""Cases: what is checked, in names that set it up again; with a history, the id that replays it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from otalab.bench.options import FOREVER
from otalab.bench.scenario import Scenario
from otalab.bench.setup import USED_VERSION
from otalab.errors import BadInput, InternalFault
from otalab.files import read_bytes
from otalab.firmware.catalogue import designs, load_design
from otalab.firmware.design import Design
from otalab.firmware.device import Firmware
from otalab.graph.history import History, Leg
from otalab.graph.id_options import OptionsWritten, id_options, parsed
from otalab.hardware.board import Board, boards, load_board
from otalab.own.page import is_page, page_of

OWN_BOARD = "own"
ID = "DESIGN/BOARD/FAULTS/IMAGE/OFFER/HISTORY"
PART = "part="
LINK_MARK = "#p="  # behind this an address has the place of a player


@dataclass(frozen=True, slots=True)
class Case:
    """What a cell is about, in names: enough to set it up again, but for files, of which it has the digests."""

    design: str
    board: str
    faults: str
    image: str
    offer: str
    bundle: str = ""
    used: bool = False
    part: str = ""
    timing: str = "typ"
    # Where the files were of which there are digests: the option that names each, and its path as it was given.
    files: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    updates: int | str = 1
    options: OptionsWritten = ()

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        design: str,
        board: str | None,
        faults: str,
        bundle: str = "",
        *,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> Case:
        """Return the case of a scenario that was set up from these names; a board of its own goes with the design.

        `options` are those of the scenario: an id says what of them no name says.
        """
        device = scenario.device
        own = OWN_BOARD if device.firmware.board == device.board else named_board(device.board)
        used = scenario.old.version == USED_VERSION
        other_part = "" if scenario.part == device.board.part else scenario.part.name
        return cls(
            design,
            named(board) if board else own,
            faults,
            scenario.new.temper,
            scenario.offers,
            bundle,
            used,
            other_part,
            scenario.timing,
            updates=FOREVER if scenario.generations else len(scenario.updates),
            options=id_options(options),
        )

    @property
    def text(self) -> str:
        """The names as the first part of an id."""
        more = (f":{PART}{self.part}" if self.part else "") + (":max" if self.timing == "max" else "")
        board = self.board + more + (f"+{self.bundle}" if self.bundle else "")
        offer = self.offer + (":used" if self.used else "") + (f":{self.updates}" if self.updates != 1 else "")
        offer += "".join(f":{word}={value}" for word, value in self.options)
        return f"{self.design}/{board}/{self.faults}/{self.image}/{offer}"

    @property
    def board_name(self) -> str | None:
        """The name to set it up with; `None` where the design has its own."""
        return None if self.board == OWN_BOARD else self.board

    @classmethod
    def parse(cls, identity: str) -> tuple[Case, tuple[Leg, ...]]:
        """Return the case and the legs that an id stands for."""
        try:
            design, board, faults, image, offer, legs = identity.split("/")
        except ValueError as error:
            raise BadInput(f"{identity!r} is no id: {ID}") from error
        board, _, bundle = board.partition("+")
        board, *others = board.split(":")
        part = next((word.removeprefix(PART) for word in others if word.startswith(PART)), "")
        if strange := [word for word in others if word != "max" and not word.startswith(PART)]:
            raise BadInput(f"{identity!r}: after the board only :{PART}NAME and :max may stand, not :{strange[0]}")
        timing = "max" if "max" in others else "typ"
        stands = re.fullmatch(r"([^:]*)(:used)?(?::([1-9][0-9]{0,3}|forever))?((?::[a-z]+=[^:]+)*)", offer)
        if stands is None:
            raise BadInput(
                f"{identity!r}: after the offer only :used, a number of updates and options may stand, "
                "as in :used:8:app=4096"
            )
        offer, used, updates, more = stands.groups()
        number = updates if updates == FOREVER else int(updates or 1)
        case = cls(design, board, faults, image, offer, bundle, bool(used), part, timing, updates=number,
                   options=parsed(more.split(":")[1:]))  # fmt: skip
        return case, tuple(map(Leg.parse, legs.split(",")))

    def identity(self, history: History) -> str:
        """Return the short id of a history in this case."""
        return f"{self.text}/{','.join(leg.text for leg in history.legs)}"

    def replay(self, identity: str) -> str:
        """Return the command that plays an id of this case, as it is typed: with every file that it was made with."""
        return shlex.join(["otalab", "replay", identity, *chain(*((f"--{name}", path) for name, path in self.files))])

    @contextmanager
    def naming_faults(self) -> Iterator[None]:
        """Let an internal fault bear the id of the history that led to it, and not the history alone."""
        try:
            yield
        except InternalFault as fault:
            raise fault.after(f"{self.text}/") from fault.__cause__


def named(name: str) -> str:
    """Return a design or a board by its name, or a file of one by its stem and a digest; code with all its sources."""
    if is_page(name):
        return page_of(name).identity
    return with_digest(Path(name).stem, read_bytes(name)) if name.endswith(".toml") else name


def named_firmware(firmware: Firmware) -> str:
    """Return what a device runs, by the name of its design, or that of the code and a digest of its sources."""
    return firmware.identity if firmware.design is None else named_design(firmware.design)


def named_design(design: Design) -> str:
    """Return a design by its name in the catalogue; any other by its name and a digest of its page."""
    known = design.name in designs() and load_design(design.name) == design
    return design.name if known else with_digest(design.name, design.toml().encode())


def named_board(board: Board) -> str:
    """Return a board by its name among those that the lab brings; any other by its name and a digest of its page."""
    known = board.name in boards() and load_board(board.name) == board
    return board.name if known else with_digest(board.name, "\n".join(board.toml_lines()).encode())


def with_digest(name: str, page: bytes) -> str:
    """Return the name of a page with its digest; what has a meaning in an id is no part of a name."""
    plain = re.sub(r"[/+:,@]", "-", name)
    return f"{plain}@{digest(page)}"


def digest(data: bytes) -> str:
    """Return the digest by which a file is recognised."""
    return sha256(data).hexdigest()[:12]

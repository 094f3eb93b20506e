"""Cases: what is checked, in names that set it up again; with a history, the id that replays it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from otalab.bench.scenario import Scenario
from otalab.bench.setup import USED_VERSION
from otalab.errors import BadInput, InternalFault
from otalab.files import read_bytes
from otalab.graph.history import History, Leg

OWN_BOARD = "own"
ID = "DESIGN/BOARD/FAULTS/IMAGE/OFFER/HISTORY"


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

    @classmethod
    def of(cls, scenario: Scenario, design: str, board: str | None, faults: str, bundle: str = "") -> Case:
        """Return the case of a scenario that was set up from these names; a board of its own goes with the design."""
        device = scenario.device
        own = OWN_BOARD if device.firmware.board == device.board else device.board.name
        used = scenario.old.version == USED_VERSION
        return cls(design, named(board) if board else own, faults, scenario.new.temper, scenario.offers, bundle, used)

    @property
    def text(self) -> str:
        """The names as the first part of an id."""
        board = self.board + (f"+{self.bundle}" if self.bundle else "")
        offer = self.offer + (":used" if self.used else "")
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
        offer, _, used = offer.partition(":")
        if used not in ("", "used"):
            raise BadInput(f"{identity!r}: after the offer only :used may stand, not :{used}")
        return cls(design, board, faults, image, offer, bundle, bool(used)), tuple(map(Leg.parse, legs.split(",")))

    def identity(self, history: History) -> str:
        """Return the short id of a history in this case."""
        return f"{self.text}/{','.join(leg.text for leg in history.legs)}"

    @contextmanager
    def told(self) -> Iterator[None]:
        """Let an internal fault bear the id of the history that led to it, and not the history alone."""
        try:
            yield
        except InternalFault as fault:
            raise fault.after(f"{self.text}/") from fault.__cause__


def named(name: str) -> str:
    """Return a design or a board by its name, or a file of one by its stem and a digest of its bytes."""
    return f"{Path(name).stem}@{digest(read_bytes(name))}" if name.endswith(".toml") else name


def digest(data: bytes) -> str:
    """Return the digest by which a file is recognised."""
    return sha256(data).hexdigest()[:12]

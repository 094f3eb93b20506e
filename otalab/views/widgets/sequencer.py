"""A widget in which two boot records are edited and broken, and which says what the boot loader makes of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import traitlets

from otalab.errors import BadInput, OtalabError
from otalab.firmware import store
from otalab.firmware.catalogue import load_design
from otalab.firmware.design import Design
from otalab.views.figures.records import record_rows
from otalab.views.modules import joined
from otalab.views.still import Picture, table
from otalab.views.style import SORTS, styled
from otalab.views.view import View
from otalab.views.widgets.record_pair import Pair, WrittenPlace, formats, lamp

STATIC = Path(__file__).parent
NAMES = ("first", "second")
MOVES = "edit", "poke", "tear", "erase", "zero", "equal", "near_zero", "wrapped", "swap", "write", "reset"


class SequencerLab(View):
    """Edit two boot records, and read which one counts and why.

    `first` and `second` are the bytes of the two places; what is missing at their end reads erased, and what lies
    behind the record is not looked at, so that whole sectors of a dump may be given.
    `design` is the name of a design: one that was given, one of `formats`, or one of the catalogue.
    These three may be set; `selected`, `reason`, `start`, `fields`, `places` and `others` follow.
    """

    _esm = joined(STATIC / "sequencer.js")
    _css = styled(STATIC / "sequencer.css")

    PLACE = ("design", "first", "second")
    design = traitlets.Unicode().tag(sync=True)
    first = traitlets.Bytes().tag(sync=True)
    second = traitlets.Bytes().tag(sync=True)

    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    reason = traitlets.Unicode().tag(sync=True)
    start = traitlets.Unicode().tag(sync=True)
    fields: traitlets.List[Any] = traitlets.List().tag(sync=True)
    places: traitlets.List[Any] = traitlets.List().tag(sync=True)
    others: traitlets.List[Any] = traitlets.List().tag(sync=True)
    designs: traitlets.List[Any] = traitlets.List().tag(sync=True)
    sorts = traitlets.Dict(SORTS).tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, design: str | Design = "hardened", first: bytes | None = None, second: bytes | None = None, **traits: Any
    ) -> None:
        given = load_design(design) if isinstance(design, str) else design
        self._designs = {design.name: design for design in (*formats(), given)}
        # Of records from elsewhere the lab does not have the slots: it cannot say whether an image there is whole.
        self._foreign = first is not None or second is not None
        self._opened = Pair.shipped(given)
        if self._foreign:
            self._opened = Pair(given, (WrittenPlace(_checked(first or b"")), WrittenPlace(_checked(second or b""))))
        self._pair = self._opened
        super().__init__(**traits)
        self._show(self._pair)

    @traitlets.validate("design")
    def _known(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self._designs:
            self._designs[name] = load_design(name)
        return name

    @traitlets.validate("first", "second")
    def _fitting(self, proposal: Any) -> bytes:
        return _checked(proposal["value"])

    @traitlets.observe("design", "first", "second")
    def _moved(self, change: Any) -> None:
        """Follow what was set from outside; nobody knows what such bytes were meant to be."""
        if change["name"] == "design":
            if change["new"] != self._pair.design.name:
                self._show(self._pair.under(self._designs[change["new"]]))
            return
        place = NAMES.index(change["name"])
        if change["new"] != self._pair.places[place].data:
            self._show(self._pair.having(place, WrittenPlace(change["new"])))

    def edit(self, place: int, field: str, value: int | str | bytes) -> None:
        """Give a field another value, and the record the check that belongs to it."""
        names = [name for name in self._pair.form.names if name != "check"]
        if field not in names:
            raise BadInput(f"{field!r} is no field that can be edited; one of: {', '.join(names)}")
        size = self._pair.form.fields[names.index(field)]
        self._show(self._pair.edited(place, field, as_bytes(field, value, size)))

    def poke(self, place: int, offset: int, value: int) -> None:
        """Set one byte; the check stays as it is."""
        if not (0 <= offset < self._pair.form.size and 0 <= value < 256):
            raise BadInput(f"byte {offset} = {value}: a record has bytes 0 to {self._pair.form.size - 1}, of 0 to 255")
        self._show(self._pair.poked(place, offset, value))

    def tear(self, place: int, kept: int) -> None:
        """Keep the first bytes and let the rest read erased, as a cut program does."""
        if not 0 <= kept <= self._pair.form.size:
            raise BadInput(f"{kept} bytes cannot be kept: a record has {self._pair.form.size}")
        self._show(self._pair.torn(place, kept))

    def erase(self, place: int) -> None:
        """Erase a place."""
        self._show(self._pair.torn(place, 0))

    def zero(self, place: int) -> None:
        """Set all bytes of a place to zero."""
        self._show(self._pair.zeroed(place))

    def equal(self) -> None:
        """Give the second record the sequencer of the first."""
        self._show(self._pair.equal())

    def near_zero(self) -> None:
        """Let the sequencers stand at two and one."""
        self._show(self._pair.near_zero())

    def wrapped(self) -> None:
        """Let the second record be one that was written beyond zero."""
        self._show(self._pair.wrapped())

    def swap(self) -> None:
        """Let the two places change their contents."""
        self._show(self._pair.swapped())

    def write(self) -> None:
        """Let the firmware write one more record."""
        self._show(self._pair.written())

    def reset(self) -> None:
        """Go back to the records that this lab was opened with."""
        self._show(self._opened.under(self._pair.design))

    def _asked(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Do what a button says; what cannot be done is told beside it."""
        moves: dict[str, Callable[..., None]] = {name: getattr(self, name) for name in MOVES}
        try:
            self.problem = ""  # what is refused twice is told twice
            moves[content["do"]](*content["with"])
        except OtalabError as error:
            self.problem = str(error)

    def _show(self, pair: Pair) -> None:
        self._pair = pair
        explanation = pair.explain()
        with self.hold_sync():
            self.design = pair.design.name
            self.designs = list(self._designs)
            self.first, self.second = pair.places[0].data, pair.places[1].data
            self.selected, self.reason = explanation.selected, explanation.reason
            self.start = "" if self._foreign else pair.start()
            self.fields = [record_rows(pair.form, pair.bytes_of(place)) for place in range(2)]
            self.places = [*map(str, explanation.places), "Not looked at: the design has one record."][:2]
            self.others = [self._other(design) for design in formats()]
            self.problem = ""
        self._moved_on()

    def still(self) -> Picture:
        """Return both records, and which one counts."""
        tables = [
            table(
                f"record {place}: {self.places[place]}",
                ["field", "value"],
                [(field["field"], field["value"]) for field in fields],
            )
            for place, fields in enumerate(self.fields)
        ]
        start = f"At the next power-on {self.start}." if self.start else ""
        return Picture([f"Two boot records of {self.design}", self.reason, start], tables=tables)

    def _take(self, other: Self) -> None:
        self._designs |= other._designs
        self._show(other._pair)

    def _other(self, design: Design) -> dict[str, Any]:
        """Return what a design makes of the same two records, each in its own format."""
        pair = self._pair.under(design)
        explanation, form = pair.explain(), store.codec(design)
        guard = "no check" if not form.guard_bits else f"CRC-{form.guard_bits}"
        return {
            "design": design.name,
            "format": f"{form.size} bytes, {guard}" + (", one record" if len(explanation.places) == 1 else ""),
            "selected": explanation.selected,
            "reason": explanation.reason,
            "start": "" if self._foreign else pair.start(),
        }


def as_bytes(field: str, value: int | str | bytes, size: int) -> bytes:
    """Return the bytes of a field from a number, a version, or a text like `60`, `0x3c` or `2**64-3`."""
    if isinstance(value, str) and field.endswith("version"):
        digits = re.fullmatch("0x((?:[0-9a-f]{2})+)", value)
        value = (bytes.fromhex(digits[1]) if digits else value.encode()).ljust(size, b"\0")
    elif isinstance(value, str):
        value = _number(field, value)
    if isinstance(value, int):
        if not 0 <= value < 256**size:
            raise BadInput(f"{field}: {value} does not go into {size} bytes; from 0 to {256**size - 1}")
        value = value.to_bytes(size, "little")
    if len(value) != size:
        raise BadInput(f"{field}: {len(value)} bytes are given, and the field has {size}")
    return value


def _number(field: str, text: str) -> int:
    base, _, below = text.replace(" ", "").partition("-")
    try:
        return 2**64 - int(below, 0) if base in ("2**64", "2^64") and below else int(text, 0)
    except ValueError:
        raise BadInput(f"{field}: {text!r} is no number; write it like 60, 0x3c or 2**64-3") from None


def _checked(data: bytes) -> bytes:
    size = lamp()[0].device.board.records[0].size
    if len(data) > size:
        raise BadInput(f"{len(data)} bytes are more than the sector of a record, which has {size}")
    return bytes(data)

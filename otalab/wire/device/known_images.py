"""The observer's notebook of a virtual device: every image that was ever offered to it.

The device does not have this knowledge; on a real one the image itself is code that knows its name.
It is kept in a file of JSON lines beside the flash file, so that it outlives a `kill -9` as the flash does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

from otalab.errors import BadInput, BundleFault
from otalab.files import append_whole, read_text, write_whole
from otalab.firmware import store
from otalab.firmware.design import Design, ways
from otalab.firmware.image import Image
from otalab.formats.bundle.manifest import Manifest
from otalab.formats.bundle.reader import BundleEvent, BundleReader, ManifestRead, PartEnds
from otalab.formats.records.record import Record
from otalab.hardware.board import Board
from otalab.hardware.chip import Chip
from otalab.hardware.flash import Flash
from otalab.json_text import json_text, parsed_json

MADE_FOR = "made for"


def read_by() -> list[str]:
    """Return the choices by which a loader finds and reads the boot records of a flash."""
    return [name for (section, _), name in ways().items() if section == "records"]


def _digest(*lines: str) -> str:
    return sha256("\n".join(lines).encode()).hexdigest()[:12]


def _whose(board: Board, design: Design) -> dict[str, str]:
    return {
        "board": board.name,
        "design": design.name,
        "layout": _digest(*board.toml_lines()),
        "records": _digest(*(f"{name} {getattr(design, name)}" for name in read_by())),
    }


def _as_line(image: Image) -> dict[str, Any]:
    return asdict(image) | {"digest": image.digest.hex()}


class KnownImages:
    """The images that may come to lie in the slots; the newest entry for a digest counts.

    What is noted is on disk before the device goes on, unless its flash is not forced there either.
    """

    def __init__(self, flash_path: Path, *, sync: bool = True) -> None:
        self.sync = sync
        self.path = flash_path.with_name(f"{flash_path.name}.images")
        self._images: dict[bytes, Image] = {}
        self.made_for: dict[str, str] = {}

    def load(self) -> None:
        """Read the notebook; a last line that was cut short by a `kill` is cut off, or the next would continue it."""
        text = read_text(self.path) if self.path.is_file() else ""
        *lines, torn = text.split("\n")
        if torn:
            with self.path.open("r+b") as file:
                file.truncate(len(text.encode()) - len(torn.encode()))
        for number, line in enumerate(lines, 1):
            try:
                fields = parsed_json(line)
                if MADE_FOR in fields:
                    self.made_for = {str(key): str(value) for key, value in fields[MADE_FOR].items()}
                    continue
                image = Image(**fields | {"digest": bytes.fromhex(fields["digest"])})
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise BadInput(f"{self.path}:{number}: not an image: {error}; remove the file to start anew") from error
            self._images[image.digest] = image

    def begin(self, shipped: Image, board: Board, design: Design | None) -> None:
        """Begin a new notebook, for a new flash: the image that it is shipped with, and whose it is.

        In one write: a flash with half a notebook would be anybody's.
        """
        self._images = {shipped.digest: shipped}
        self.made_for = {} if design is None else _whose(board, design)
        lines = [_as_line(shipped), *([{MADE_FOR: self.made_for}] if self.made_for else [])]
        write_whole(self.path, "".join(f"{json_text(line)}\n" for line in lines), sync=self.sync)

    def add(self, image: Image) -> None:
        """Write an image down before anyone can start it; one that cannot be written is not known either."""
        if self._images.get(image.digest) == image:
            return
        self._note(_as_line(image))
        self._images[image.digest] = image

    def _note(self, what: dict[str, Any]) -> None:
        append_whole(self.path, f"{json_text(what)}\n".encode(), sync=self.sync)

    def belong(self, board: Board, design: Design) -> None:
        """Note whose flash this is; that of another board or another design is refused: it would be written over."""
        wanted = _whose(board, design)
        if not self.made_for:
            self.made_for = wanted
            self._note({MADE_FOR: wanted})
        if self.made_for == wanted:
            return
        flash = self.path.with_name(self.path.name.removesuffix(".images"))
        was, now = (f"board {facts.get('board')} and design {facts.get('design')}" for facts in (self.made_for, wanted))
        as_it_was = "as they were then" if was == now else f"not of {now}"
        raise BadInput(f"{flash}: is the flash of {was}, {as_it_was}: take those, or another file")

    def adopt(self, board: Board, design: Design, flash: Flash) -> None:
        """Take what lies in the slots for images, where a record's length and check agree and nothing else is known."""
        chip = Chip(board, flash)
        for record in store.read(chip, design):
            if not isinstance(record, Record):
                continue
            for slot, facts in zip(board.slots, record.config.slots, strict=False):
                contents = chip.read_region(slot.app)
                if facts.fit(contents):
                    image = Image.of(facts.version, f"{crc32(contents):08x}", contents[: facts.length])
                    if image.digest not in self._images:
                        self.add(image)

    @property
    def images(self) -> tuple[Image, ...]:
        """Every image in the notebook."""
        return tuple(self._images.values())


class Witness:
    """Watches one bundle on its way in, and writes its image down before the device can start it."""

    def __init__(self, known: KnownImages, temper: Image) -> None:
        self._known, self._temper = known, temper
        self._reader: BundleReader | None = BundleReader()
        self._events: Iterator[BundleEvent] = iter(())
        self._version = self._build_id = ""

    def see(self, data: bytes) -> tuple[Manifest | None, int]:
        """Look at the next bytes as far as the end of the manifest, and return that with the number of those behind it.

        These are for `go_on`, once the device has asked for them: so it has taken the manifest, and a bundle that it
        refuses leaves no word of itself.  Whether they are a bundle at all is the device's affair.
        """
        if self._reader is None or self._reader.ended:
            return None, 0
        try:
            self._events = self._reader.feed(data)
            return self.go_on()
        except BundleFault:
            self._reader = None
            return None, 0

    def go_on(self) -> tuple[Manifest | None, int]:
        """Look at what came behind the manifest."""
        try:
            for event in self._events:
                match event:
                    case ManifestRead(manifest):
                        self._version, self._build_id = manifest.version, manifest.build_id
                        return manifest, self._reader.unread if self._reader else 0
                    case PartEnds(part, size, _, digest) if part.role == "app":
                        named = replace(self._temper, version=self._version, build_id=self._build_id)
                        self._known.add(replace(named, size=size, digest=digest))
        except BundleFault:
            self._reader = None
        return None, 0

"""The update on offer as code sees it: what it says of itself, and the bytes of its parts as they come in."""

from __future__ import annotations

import struct

from otalab.errors import BundleFault
from otalab.firmware.requests import Lost, Options
from otalab.formats.bundle.reader import BundleReader, ManifestRead, PartBegins, PartData, PartEnds
from otalab.hardware.effects import Ask, Routine

IMAGE = struct.Struct("<24sIII")
PARTS = ("app", "fs")


class Download:
    """One download; a piece is asked for when a byte of it is, and `fault` says why there are no more.

    `needed` are the parts without which an update is not complete; a part that is not among them has no bytes.
    """

    def __init__(self, platform: str, needed: tuple[str, ...] = PARTS) -> None:
        self.fault = ""
        self._platform, self._needed = platform, needed
        self._reader, self._position = BundleReader(), 0
        self._version = ""
        self._sizes: dict[str, int] = {}
        self._parts = {role: bytearray() for role in PARTS}
        self._whole: set[str] = set()

    def image(self) -> Routine[bytes | None]:
        """Return what is on offer, as `struct ota_image`; `None` if it may not be taken."""
        while not self.fault and not all(role in self._sizes for role in self._needed) and not self._reader.ended:
            yield from self._piece()
        if self.fault or any(role not in self._sizes for role in self._needed):
            self.fault = self.fault or "Incomplete update package"
            return None
        options = yield Ask("options")
        within = options.commit_timeout if isinstance(options, Options) else 0
        return packed(self._version, self._sizes["app"], self._sizes.get("fs", 0), within)

    def bytes_of(self, part: int, position: int, size: int) -> Routine[bytes | None]:
        """Return bytes of a part, fewer at its end; `None` if the download is no good."""
        role = PARTS[part] if part < len(PARTS) else ""
        if not role:
            return None
        if role not in self._needed:
            return b""
        while not self.fault and role not in self._whole and len(self._parts[role]) < position + size:
            yield from self._piece()
        end = self._sizes.get(role, 0)
        # The last bytes of a part are handed out once its check is known to be right.
        while not self.fault and role not in self._whole and position + size >= end:
            yield from self._piece()
        return None if self.fault else bytes(self._parts[role][position : position + size])

    def _piece(self) -> Routine[None]:
        piece = yield Ask("piece", self._position)
        if isinstance(piece, Lost):
            self.fault = piece.reason
            return
        self._position += len(piece)
        try:
            if not piece:
                self._reader.close()
            self._read(piece)
        except BundleFault as fault:
            self.fault = str(fault)

    def _read(self, piece: bytes) -> None:
        for event in self._reader.feed(piece):
            match event:
                case ManifestRead(manifest):
                    if not manifest.runs_on(self._platform):
                        raise BundleFault("Wrong platform")
                    self._version = manifest.version
                    for part in manifest.parts:
                        if part.src and part.role in self._needed and part.size is not None:
                            self._sizes[part.role] = part.size
                case PartBegins(part, size) if part.role in PARTS:
                    self._sizes[part.role] = size
                case PartData(part, data) if part.role in PARTS:
                    self._parts[part.role] += data
                case PartEnds(part) if part.role in PARTS:
                    self._whole.add(part.role)


def packed(version: str, size: int, files_size: int, commit_within: int = 0) -> bytes:
    """Return a `struct ota_image`."""
    return IMAGE.pack(version.encode(errors="surrogateescape")[:23], size, files_size, commit_within)

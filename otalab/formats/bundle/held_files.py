"""The files in the file system that a bundle brings: name, size and SHA-256 of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from otalab.formats.bundle.manifest import shown
from otalab.formats.bundle.reader import PartBegins, PartData, PartEnds
from otalab.formats.filesystems.kinds import LARGEST, GeometryFault, mounted_as
from otalab.formats.filesystems.scratch import FileSystem, FileSystemFault
from otalab.text import table


@dataclass(frozen=True, slots=True)
class HeldFile:
    """One file; where it cannot be read, why not."""

    name: str
    size: int | None
    sha256: str | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What a file-system image holds; `fault` says why it is no file system that can be read: its kind is then empty.

    `refused`: it was not even tried, as the manifest names a geometry that cannot be.
    """

    kind: str
    files: tuple[HeldFile, ...]
    fault: str = ""
    refused: bool = False

    @property
    def readable(self) -> bool:
        """Whether nothing is wrong with it: an image that is no known file system may be one all the same."""
        return not self.refused and not any(file.fault for file in self.files)


@dataclass(slots=True)
class FilesReader:
    """Reads along with a bundle, and keeps what its file systems hold, by the name of the part."""

    held: dict[str, Held] = field(default_factory=dict)
    _data: bytearray = field(default_factory=bytearray)

    @property
    def objects(self) -> dict[str, Any]:
        """What is held, as it is printed in JSON."""
        return {name: as_object(held) for name, held in self.held.items()}

    def see(self, event: object) -> None:
        """Take one event of the bundle's reader."""
        match event:
            case PartBegins():
                self._data.clear()
            case PartData(part, data) if part.role == "fs" and len(self._data) < LARGEST:
                self._data += data
            case PartEnds(part) if part.role == "fs":
                self.held[part.name] = held_in(bytes(self._data), part.extra)

    @property
    def readable(self) -> bool:
        """Whether every file in every file system was read."""
        return all(held.readable for held in self.held.values())


def files_of(contents: bytes, geometry: Mapping[str, object]) -> Held | None:
    """Return what an image holds, or `None` if it is no file system that the lab knows."""
    held = held_in(contents, geometry)
    return held if held.kind else None


def held_in(contents: bytes, geometry: Mapping[str, object]) -> Held:
    """Return what an image holds, or why nothing can be read of it."""
    try:
        kind, fs = mounted_as(contents, geometry)
        return Held(kind, tuple(_file(fs, name) for name in fs.names()))
    except GeometryFault as fault:
        return Held("", (), str(fault), refused=True)
    except FileSystemFault as fault:
        return Held("", (), str(fault))


def _file(fs: FileSystem, name: str) -> HeldFile:
    try:
        data = fs.read(name)
    except FileSystemFault as fault:
        return HeldFile(name, None, None, str(fault))
    return HeldFile(name, len(data), sha256(data).hexdigest())


def lines(held: Held) -> Iterator[str]:
    """Yield what kind of file system it is and a table of the files, in text; or why it cannot be read."""
    if held.fault:
        yield f"unreadable: {held.fault}" if held.refused else held.fault
        return
    yield f"{held.kind}, files:"
    rows = [(shown(file.name), "-" if file.size is None else file.size, _digest(file)) for file in held.files]
    yield from table(("name", "bytes", "sha256"), rows, right="bytes")


def _digest(file: HeldFile) -> str:
    return shown(file.fault) if file.fault else (file.sha256 or "")[:16]


def as_object(held: Held) -> dict[str, Any]:
    """Return what is held as it is printed in JSON."""
    # A name need not be text: odd bytes are replaced.
    files = [
        {"name": file.name.encode("utf-8", "replace").decode(), "size": file.size, "sha256": file.sha256}
        | ({"fault": file.fault} if file.fault else {})
        for file in held.files
    ]
    return {"kind": held.kind or None, "files": files} | ({"fault": held.fault} if held.fault else {})

"""The update bundle as it travels: a ZIP archive that is read forward, once, while it arrives.

A device never sees the archive's directory in time, so all it knows comes from the local headers and
from the manifest, which must therefore be the first file; and it has no room for a file, so what has
arrived is handed on at once.  Where the lab is stricter than a device, its own checks come after the
device's, so that the device's message wins.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from otalab.errors import BundleFault, DigestFault, OtalabError
from otalab.formats.bundle.manifest import Manifest, Part, shown

MANIFEST = "manifest.json"
LIMIT = 0x10000
"""The most that a reader holds of the manifest, of a header field, and the most it hands on at once."""

_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_FIXED = struct.Struct("<2xHH4xIIIHH")  # a local header between its signature and its name
_ENCRYPTED, _DESCRIPTOR = 1 << 0, 1 << 3
_DESCRIPTOR_SIZE = 12
_NAME_ROOM = 50  # bytes, with the terminating zero
_MISSING = {"app": "fw", "fs": "fs"}


@dataclass(frozen=True, slots=True)
class ManifestRead:
    """The manifest is whole; `extra` is the extra field of its ZIP entry, where signatures travel."""

    manifest: Manifest
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """The file of a part begins; it will have `size` bytes."""

    part: Part
    size: int


@dataclass(frozen=True, slots=True)
class PartData:
    """The next bytes of a part's file."""

    part: Part
    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The file of a part is complete and is what its header and the manifest promised."""

    part: Part
    size: int
    crc32: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class BundleEnds:
    """The last file has been read, and every file that the manifest names was there."""


BundleEvent = ManifestRead | PartBegins | PartData | PartEnds | BundleEnds


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    size: int
    crc32: int
    extra: bytes
    described: bool


class BundleReader:
    """A reader of one bundle, without input or output of its own: bytes go in, events come out.

    Files that no part names are skipped; unlike a device, the reader checks their CRC too.
    """

    def __init__(self) -> None:
        self.ended = False
        self._fault: str | None = None
        self._held = bytearray()
        self._input = memoryview(b"")
        self._story = self._archive()

    @property
    def held(self) -> int:
        """How many bytes are kept until the rest of their header or manifest arrives."""
        return len(self._held)

    @property
    def unread(self) -> int:
        """How many bytes of the last feed come after the event that was taken last."""
        return len(self._input)

    def feed(self, data: bytes) -> Iterator[BundleEvent]:
        """Return what the next bytes of the stream bring; all of it must be taken before the next feed."""
        self._raise_if_broken()
        if self.ended:
            return iter(())
        if self._input:
            raise OtalabError("the bundle reader was fed before all events of the last feed were taken: take them")
        self._input = memoryview(data)
        return self._events()

    def close(self) -> None:
        """Say that the stream is over, which is a fault unless the archive is."""
        if not self.ended and self._fault is None:
            self._fault = "Update aborted"
        self._raise_if_broken()

    def _raise_if_broken(self) -> None:
        if self._fault is not None:
            raise BundleFault(self._fault)

    def _events(self) -> Iterator[BundleEvent]:
        try:
            while (event := next(self._story, None)) is not None:
                yield event
        except BundleFault as fault:
            self._fault = str(fault)
            raise
        self._input = memoryview(b"")  # or the caller's bytes would be kept until the next feed

    def _take(self, count: int) -> Generator[None, None, bytes]:
        """Wait until `count` bytes have arrived; a `None` that is yielded asks for the next feed."""
        while (lack := count - len(self._held)) > 0:
            if not self._input:
                yield None
            self._held += self._input[:lack]
            self._input = self._input[lack:]
        taken = bytes(self._held)
        self._held.clear()
        return taken

    def _archive(self) -> Generator[BundleEvent | None, None, None]:
        manifest = yield from self._manifest()
        wanted = {part.src: part for part in manifest.parts if part.src is not None}
        # Files that no part names are not remembered: a list of them would have no bound.
        names = {MANIFEST}
        while (signature := (yield from self._take(4))) != _CENTRAL:
            entry = yield from self._entry(signature)
            if entry.name in names:
                raise BundleFault(f"Duplicate file: {shown(entry.name)}")
            part = wanted.pop(entry.name, None)
            if part is None:
                yield from self._skipped(entry)
            else:
                names.add(entry.name)
                yield from self._file(entry, part)
        if wanted:
            absent = min(wanted.values(), key=lambda part: (part.role != "app", part.role != "fs"))
            raise BundleFault(f"Missing {_MISSING.get(absent.role, shown(absent.name))} part")
        self.ended = True
        yield BundleEnds()

    def _manifest(self) -> Generator[BundleEvent | None, None, Manifest]:
        signature = yield from self._take(4)
        entry = yield from self._entry(signature, first=True)
        if entry.size > LIMIT:
            raise BundleFault(f"Manifest too large: {entry.size} bytes, at most {LIMIT}")
        data = yield from self._take(entry.size)
        _check_crc(entry, zlib.crc32(data))
        manifest = Manifest.parse(data)
        yield ManifestRead(manifest, entry.extra)
        return manifest

    def _entry(self, signature: bytes, *, first: bool = False) -> Generator[None, None, _Entry]:
        """Read a local header and judge it: in a device's order first, then more strictly."""
        if signature != _LOCAL:
            raise BundleFault("Malformed archive (invalid file header)")
        flags, method, crc32, packed, size, name_size, extra_size = _FIXED.unpack((yield from self._take(_FIXED.size)))
        path = yield from self._take(name_size)
        if method != 0:
            raise BundleFault("Cannot handle compressed .zip")
        if len(path[path.find(b"/") + 1 :]) >= _NAME_ROOM:
            raise BundleFault("Too long file name")
        if packed != size:
            raise BundleFault("Malformed archive")
        name = _file_name(path, first=first)
        if flags & _ENCRYPTED:
            raise BundleFault("Cannot handle encrypted .zip")
        extra = yield from self._take(extra_size)
        return _Entry(name, size, crc32, extra, bool(flags & _DESCRIPTOR))

    def _chunks(self, size: int) -> Generator[bytes | None, None, None]:
        while size > 0:
            data = bytes(self._input[: min(size, LIMIT)])
            self._input = self._input[len(data) :]
            size -= len(data)
            yield data or None

    def _skipped(self, entry: _Entry) -> Generator[None, None, None]:
        crc32 = 0
        for data in self._chunks(entry.size):
            if data is None:
                yield None
            else:
                crc32 = zlib.crc32(data, crc32)
        _check_crc(entry, crc32)
        if entry.described:
            # As on a device: only here, and without the signature that it may begin with.
            yield from self._take(_DESCRIPTOR_SIZE)

    def _file(self, entry: _Entry, part: Part) -> Generator[BundleEvent | None, None, None]:
        if part.size is not None and part.size != entry.size:
            raise BundleFault(f"Size mismatch: {shown(entry.name)} has {entry.size} bytes, not {part.size}")
        crc32, sha256, sha1 = 0, hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
        yield PartBegins(part, entry.size)
        for data in self._chunks(entry.size):
            if data is None:
                yield None
                continue
            crc32 = zlib.crc32(data, crc32)
            sha256.update(data)
            if part.sha1 is not None:
                sha1.update(data)
            yield PartData(part, data)
        _check_crc(entry, crc32)
        if part.sha1 not in (None, sha1.hexdigest()) or part.sha256 not in (None, sha256.hexdigest()):
            raise DigestFault("Checksum mismatch")
        yield PartEnds(part, entry.size, crc32, sha256.digest())


def _file_name(path: bytes, *, first: bool) -> str:
    """Return the name of a file: its path below the archive's one folder."""
    # What is not UTF-8 becomes an escape, and its backslash makes the name a bad one below.
    full = path.decode("utf-8", "backslashreplace")
    name = full[full.find("/") + 1 :]
    if first and name != MANIFEST:
        raise BundleFault(f"Manifest missing: the archive begins with {shown(name or full)}")
    escapes = "\\" in full or full.startswith("/") or name.startswith("/") or ".." in full.split("/")
    if escapes or not name or not full.isprintable():
        raise BundleFault(f"Bad file name: {full[:60]!r}")
    return name


def _check_crc(entry: _Entry, crc32: int) -> None:
    # A header without a CRC says 0, and a device takes any 0 for that.
    if entry.crc32 not in (0, crc32):
        raise BundleFault("Invalid CRC")


@dataclass(frozen=True, slots=True)
class BundleSummary:
    """A bundle that was read to its end: what it says, and one `PartEnds` per file that a part names."""

    manifest: Manifest
    files: tuple[PartEnds, ...]


def bundle_events(chunks: Iterable[bytes]) -> Iterator[BundleEvent]:
    """Yield what a whole stream brings; it raises the fault at which a device stops reading."""
    reader = BundleReader()
    for chunk in chunks:
        yield from reader.feed(chunk)
        if reader.ended:
            break
    reader.close()


def read_bundle(chunks: Iterable[bytes]) -> BundleSummary:
    """Read a whole stream and return what was in it, or raise the fault for which a device refuses it."""
    events = bundle_events(chunks)
    manifest = next(event.manifest for event in events if isinstance(event, ManifestRead))
    return BundleSummary(manifest, tuple(event for event in events if isinstance(event, PartEnds)))

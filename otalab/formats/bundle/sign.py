"""Putting signatures into a finished bundle: the extra field of the manifest's entry grows, the rest moves along.

No other byte changes, so that what was tested is what is signed.
Only positions in the archive's directory are counted anew.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping

from otalab.errors import BadInput, BundleFault
from otalab.formats.bundle.manifest import Manifest, shown
from otalab.formats.bundle.reader import read_bundle
from otalab.formats.bundle.signatures import KEYS, uncovered, with_signatures

_LOCAL = struct.Struct("<26xHH")
_CENTRAL = struct.Struct("<4s24xHHH8xI")  # signature; lengths of name, extra field and comment; where the file lies
_EXTRA_SIZE = 30  # where in a central entry the length of its extra field stands
_POSITION = 42
_END = struct.Struct("<4sHHHHIIH")
_ZIP64 = 0xFFFFFFFF


def signable(bundle: bytes) -> Manifest:
    """Return the manifest of a bundle that is worth signing: whole, and a checksum on each of its files."""
    try:
        manifest = read_bundle([bundle]).manifest
    except BundleFault as fault:
        raise BadInput(f"a device would refuse this bundle: {fault}") from None
    bare = uncovered(manifest)
    if bare is not None:
        raise BadInput(f"part {shown(bare)} has no checksum in the manifest, so a signature would not cover it")
    return manifest


def signed(bundle: bytes, added: Mapping[int, bytes]) -> bytes:
    """Return a bundle with DER signatures added or replaced, by their number."""
    for number in added:
        if not 0 <= number < KEYS:
            raise BadInput(f"signature {number}: a device has keys 0 to {KEYS - 1}")
    end, start = _directory(bundle)
    name_size, extra_size = _LOCAL.unpack_from(bundle)
    at = _LOCAL.size + name_size
    extra = with_signatures(bundle[at : at + extra_size], added)
    moved = len(extra) - extra_size
    head = bundle[: _LOCAL.size - 2] + struct.pack("<H", len(extra)) + bundle[_LOCAL.size : at] + extra
    files = head + bundle[at + extra_size : start]
    entries = b"".join(_entries(bundle[start:end], added, moved))
    tail = bytearray(bundle[end:])
    struct.pack_into("<II", tail, 12, len(entries), len(files))
    return files + entries + bytes(tail)


def _directory(bundle: bytes) -> tuple[int, int]:
    """Return where the record that ends the archive begins, and where its directory does."""
    # The archive's comment may hold such a mark too: the record that ends it is the one whose comment ends with it.
    marks = [
        match.start() for match in re.finditer(rb"(?=PK\x05\x06)", bundle) if match.start() <= len(bundle) - _END.size
    ]
    if not marks:
        raise BadInput("the archive has no directory at its end: build the bundle anew")
    whole = (mark for mark in marks if mark + _END.size + _END.unpack_from(bundle, mark)[-1] == len(bundle))
    end = next(whole, marks[-1])
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(bundle, end)
    if start == _ZIP64 or count == 0xFFFF or (disk, first_disk) != (0, 0) or here != count:
        raise BadInput("the archive is ZIP64 or in several pieces: build the bundle anew")
    if end + _END.size + comment != len(bundle) or start + size != end:
        raise BadInput("the archive's directory is not where its end says: build the bundle anew")
    return end, start


def _entries(directory: bytes, added: Mapping[int, bytes], moved: int) -> Iterator[bytes]:
    """Yield the entries of a directory anew: the manifest's with its signatures, the others with their new position."""
    at = 0
    while at < len(directory):
        if len(directory) - at < _CENTRAL.size:
            raise BadInput("the archive's directory is cut short: build the bundle anew")
        signature, name_size, extra_size, comment_size, position = _CENTRAL.unpack_from(directory, at)
        name_end = at + _CENTRAL.size + name_size
        extra_end = name_end + extra_size
        whole = extra_end + comment_size
        if signature != b"PK\x01\x02" or whole > len(directory) or position == _ZIP64:
            raise BadInput("the archive's directory is malformed or ZIP64: build the bundle anew")
        head, extra = bytearray(directory[at:name_end]), directory[name_end:extra_end]
        if position:
            struct.pack_into("<I", head, _POSITION, position + moved)
        else:
            # Devices read the first copy, tools the second: both say the same.
            extra = with_signatures(extra, added)
            struct.pack_into("<H", head, _EXTRA_SIZE, len(extra))
        yield bytes(head) + extra + directory[extra_end:whole]
        at = whole

"""Building an update bundle that a device can read forward.

The device takes every size and CRC from a file's own header, so these are written before the data,
nothing is compressed, and the manifest comes first.
The same input gives the same bytes: no clock and no name of a machine goes in.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from otalab.errors import BadInput, BundleFault
from otalab.files import write_whole
from otalab.formats.bundle.manifest import Manifest, shown
from otalab.formats.bundle.reader import MANIFEST, read_bundle

BUILD_TIMESTAMP = "1980-01-01T00:00:00Z"
"""The moment that is written when none is given: the first that a ZIP archive can name."""
MARK = f'"build_timestamp": "{BUILD_TIMESTAMP}"'
"""What stands near the beginning of a bundle that was made here and told no moment."""

CODE = {"esp8266": ("fw", None)}
"""Name and type of the part that holds the application, on a platform that does not call it `app`, of type `app`."""

_ZIP_MOMENT = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_DERIVED = ("type", "src", "size", "cs_sha1", "cs_sha256")


@dataclass(frozen=True, slots=True)
class PartSource:
    """One part to be: its name and type, the file it brings (if `src` names one), and what else is said of it."""

    name: str
    type: str | None = None
    src: str | None = None
    data: bytes = b""
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.data and self.src is None:
            raise BadInput(f"part {shown(self.name)} has {len(self.data)} bytes but no file name: give it a src")
        for key in _DERIVED:
            if key in self.extra:
                raise BadInput(f"part {shown(self.name)}: {key} follows from the part and cannot be an extra")

    def described(self) -> dict[str, object]:
        """Return what the manifest says of this part."""
        said: dict[str, object] = {} if self.type is None else {"type": self.type}
        if self.src is not None:
            said["src"] = self.src
            said["size"] = len(self.data)
            said["cs_sha1"] = hashlib.sha1(self.data, usedforsecurity=False).hexdigest()
            said["cs_sha256"] = hashlib.sha256(self.data).hexdigest()
        return said | dict(self.extra)


def bundle_bytes(
    *,
    name: str,
    platform: str,
    version: str,
    build_id: str,
    parts: Sequence[PartSource],
    folder: bool = True,
    build_timestamp: str = BUILD_TIMESTAMP,
) -> bytes:
    """Return a bundle: the manifest, then the files in the order of their parts, below NAME-VERSION/ or bare."""
    for part, times in Counter(part.name for part in parts).items():
        if times > 1:
            raise BadInput(f"{times} parts are called {shown(part)}: each part needs a name of its own")
    said = {"name": name, "platform": platform, "version": version}
    said |= {"build_id": build_id, "build_timestamp": build_timestamp}
    manifest = _manifest_bytes(said | {"parts": {part.name: part.described() for part in parts}})
    files = [(MANIFEST, manifest), *((part.src, part.data) for part in parts if part.src is not None)]
    if any(part.src == MANIFEST for part in parts):
        raise BadInput(f"a part brings a second {MANIFEST}: call its file something else")
    try:
        Manifest.parse(manifest)  # before zipfile meets names that it cannot write
        bundle = _archive(f"{name}-{version}/" if folder else "", files)
        read_bundle([bundle])
    except BundleFault as fault:
        raise BadInput(f"a device would refuse this bundle: {fault}") from None
    return bundle


def build(
    out: str | os.PathLike[str] | BinaryIO,
    *,
    name: str,
    platform: str,
    version: str,
    build_id: str,
    parts: Sequence[PartSource],
    folder: bool = True,
    build_timestamp: str = BUILD_TIMESTAMP,
) -> None:
    """Write a bundle to a path, whole or not at all, or to an open binary file."""
    bundle = bundle_bytes(
        name=name,
        platform=platform,
        version=version,
        build_id=build_id,
        parts=parts,
        folder=folder,
        build_timestamp=build_timestamp,
    )
    if isinstance(out, str | os.PathLike):
        write_whole(out, bundle)
    else:
        out.write(bundle)


def _manifest_bytes(said: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(said, indent=2).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"the manifest cannot be written as JSON: {error}") from None


def _archive(folder: str, files: Sequence[tuple[str, bytes]]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for file, data in files:
            entry = zipfile.ZipInfo(folder + file, _ZIP_MOMENT)  # stored, unless told otherwise
            entry.create_system = _UNIX  # zipfile would name the system it runs on
            writer.writestr(entry, data)
    return archive.getvalue()

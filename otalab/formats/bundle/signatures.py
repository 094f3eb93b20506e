"""Signatures of a bundle as they travel: JSON in an extra field of the manifest's ZIP entry.

A signature covers the exact bytes of the manifest; every other file is covered by its checksum in there.
Signature i belongs to key i of the device, and what verifies is told as a mask with bit i.
Whatever is malformed here is no signature, and never an error: a device that asks for none must not care.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping

from otalab.errors import BadInput
from otalab.formats.bundle.manifest import Manifest, shown

FIELD_ID = 0x293A
KEYS = 8
"""How many keys a device has room for; signatures beyond them are nobody's."""
UNCHECKED = -1
"""The `sig_req_mask` of a device that does not ask for signatures: the one it is shipped with."""
INVALID = "Invalid signature"

_HEADER = struct.Struct("<HH")
_MOST = 0xFFFF


def signatures(extra: bytes) -> dict[int, bytes]:
    """Return the DER signatures of an extra field, by their number."""
    said = _attributes(extra)
    decoded = {number: _decoded(said.get(f"sig{number}")) for number in range(KEYS)}
    return {number: signature for number, signature in decoded.items() if signature}


def with_signatures(extra: bytes, added: Mapping[int, bytes]) -> bytes:
    """Return an extra field with signatures added or replaced, and everything else in it as it was."""
    fields = _fields(extra)
    if fields is None:
        raise BadInput("the manifest's entry has a malformed extra field: build the bundle anew")
    said = _attributes(extra) | {
        f"sig{number}": base64.b64encode(signature).decode() for number, signature in added.items()
    }
    # Compact and sorted, as the real builder writes it.
    text = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    rest = b"".join(_HEADER.pack(kind, len(data)) + data for kind, data in fields if kind != FIELD_ID)
    if len(rest) + _HEADER.size + len(text) > _MOST:
        raise BadInput(f"the extra field of the manifest's entry has no room for {len(text)} bytes of signatures")
    return rest + _HEADER.pack(FIELD_ID, len(text)) + text


def refusal(manifest: Manifest, mask: int, required: int) -> str | None:
    """Return why a device that requires these signatures refuses a bundle with those, or `None` if it takes it.

    A requirement of 0 is a tombstone: read literally it would ask for nothing, and the real device takes nothing.
    """
    if required == UNCHECKED:
        return None
    if required == 0:
        return f"{INVALID}: no update is allowed, sig_req_mask is 0"
    if mask & required != required:
        return f"{INVALID}: mask 0x{required:02x} is required, 0x{mask:02x} verified"
    # Stricter than the real scheme, which takes whatever lies in the archive for a part without a checksum.
    bare = uncovered(manifest)
    return None if bare is None else f"{INVALID}: it does not cover part {shown(bare)}, which has no checksum"


def uncovered(manifest: Manifest) -> str | None:
    """Return the name of a part whose file nothing in the manifest pins down; a digest does, and the size follows."""
    return next((part.name for part in manifest.parts if part.src and not (part.sha1 or part.sha256)), None)


def _fields(extra: bytes) -> list[tuple[int, bytes]] | None:
    """Return the fields of an extra field, or `None` if they do not fill it exactly."""
    fields, at = [], 0
    while at < len(extra):
        if len(extra) - at < _HEADER.size:
            return None
        kind, size = _HEADER.unpack_from(extra, at)
        at += _HEADER.size + size
        if at > len(extra):
            return None
        fields.append((kind, extra[at - size : at]))
    return fields


def _attributes(extra: bytes) -> dict[str, object]:
    """Return the JSON object in the field that is ours; twice is as good as never, as nobody says which counts."""
    ours = [data for kind, data in _fields(extra) or () if kind == FIELD_ID]
    if len(ours) != 1:
        return {}
    try:
        said = json.loads(ours[0].decode("utf-8"))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _decoded(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None

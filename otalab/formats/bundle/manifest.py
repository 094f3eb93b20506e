"""The manifest: what an update says of itself, and of the files that it brings.

It comes from outside, so whatever stands in it, the answer is a `Manifest` or the fault for which a device refuses it.
Where the lab is stricter than a device, its own checks come after the device's, so that the device's message wins.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otalab.errors import BundleFault

_DEPTH = 16
_ROLES = {"app0": "app", "fw": "app"}
_PART_KEYS = {"type", "src", "size", "cs_sha1", "cs_sha256"}


def shown(text: str) -> str:
    """Text out of a bundle as it may be printed: one short line that no terminal obeys."""
    short = text if len(text) <= 60 else f"{text[:57]}..."
    return short if short and short.isprintable() else repr(short)


def _unreadable(why: str) -> BundleFault:
    return BundleFault(f"Failed to parse manifest ({why})")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an update, as the manifest describes it; without `src` it brings no data."""

    name: str
    role: str
    src: str | None
    size: int | None
    sha1: str | None
    sha256: str | None
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, name: str, fields: object) -> Part:
        """Return the part that `fields`, a value of the manifest's `parts`, stands for."""
        if not isinstance(fields, dict):
            raise _unreadable(f"part {shown(name)} is not an object")
        kind, src, size = fields.get("type"), fields.get("src"), fields.get("size")
        if isinstance(src, dict):
            src = None  # a list of several files: builders know it, no device takes them
        for key, value in (("type", kind), ("src", src)):
            if not isinstance(value, str | None):
                raise _unreadable(f"{key} of part {shown(name)} is not a string")
        if size is not None and not (type(size) is int and 0 <= size < 1 << 32):
            raise _unreadable(f"size of part {shown(name)} is not a number of bytes below 4 GiB")
        role = name if kind is None else kind
        extra = {key: value for key, value in fields.items() if key not in _PART_KEYS}
        sha1, sha256 = _digest(fields.get("cs_sha1"), 40), _digest(fields.get("cs_sha256"), 64)
        return cls(name, _ROLES.get(role, role), src, size, sha1, sha256, extra)


def _digest(text: object, length: int) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str) or not re.fullmatch(f"[0-9A-Fa-f]{{{length}}}", text):
        raise BundleFault("Invalid checksum format")
    return text.lower()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an update says of itself; `raw` holds the exact bytes, which is what a signature covers."""

    name: str
    platform: str
    version: str
    build_id: str
    parts: tuple[Part, ...]
    raw: bytes

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Return the manifest in `data`, or raise the fault for which a device refuses it."""
        fields = _json_object(data)
        name, platform, version, build_id = (
            value if isinstance(value := fields.get(key), str) else ""
            for key in ("name", "platform", "version", "build_id")
        )
        described = fields.get("parts")
        if not (platform and version and build_id and described):
            raise BundleFault("Required manifest field missing")
        if not isinstance(described, dict):
            raise _unreadable("parts is not an object")
        parts = tuple(Part.parse(key, value) for key, value in described.items())
        sources = [part.src for part in parts if part.src is not None]
        for src, times in Counter(sources).items():
            if times > 1:
                raise _unreadable(f"more than one part names {shown(src)}")
        return cls(name, platform, version, build_id, parts, data)

    def runs_on(self, platform: str) -> bool:
        """Whether a device of `platform` takes the update; it looks no further than its own name is long."""
        return self.platform[: len(platform)].lower() == platform.lower()

    def same_as(self, version: str, build_id: str) -> bool:
        """Whether a device takes this for what it runs; the manifest's length rules, so 1.1 is the same as 1.10."""
        return version.startswith(self.version) and build_id.startswith(self.build_id)


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(data.decode("utf-8"))
        # Writing it again finds what JSON cannot say but Python reads: NaN, 1e999, half a surrogate pair.
        json.dumps(fields, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise BundleFault("Failed to parse manifest") from None
    known = isinstance(fields, dict) and fields.keys() & {"name", "platform", "version", "build_id", "parts"}
    # A bound of our own: Python's own depends on how deep the caller stands already.
    if not known or _deeper(fields, _DEPTH):
        raise BundleFault("Failed to parse manifest")
    return dict(fields)


def _deeper(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper(each, levels - 1) for each in inner)
